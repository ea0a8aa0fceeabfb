//! `views`: every view as JSON, in the order of time. It continues at a cursor, so that new views move no page.

use axum::{Json, extract::State};
use serde::Serialize;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::{WebError, components::Order};

use crate::{
    model::ViewKind,
    store::{
        View, ViewOrder,
        views::{self, ViewPage},
    },
    web::{ask, parameters::Parameters, views::find_query},
};

/// A part of the history.
#[derive(Serialize)]
pub(super) struct Views {
    items: Vec<OneView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct OneView {
    watched_at: Timestamp,
    video_id: Option<String>,
    title: Option<String>,
    channel_id: Option<String>,
    channel_name: Option<String>,
    kind: Option<ViewKind>,
}

impl From<View> for OneView {
    fn from(view: View) -> Self {
        Self {
            watched_at: view.watched_at,
            video_id: view.video_id,
            title: view.title,
            channel_id: view.channel_key,
            channel_name: view.channel_name,
            kind: view.kind,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/history/views")]
pub(super) async fn list(State(services): State<Services>, parameters: Parameters) -> Result<Json<Views>, WebError> {
    let asked = find_query(&services, &parameters).await?;
    let limit = parameters.limit()?;
    let page = ViewPage {
        order: ViewOrder::Time,
        descending: parameters.order(Order::Descending)? == Order::Descending,
        // One more than asked for tells whether there is a next page.
        limit: limit + 1,
        offset: 0,
        after: parameters.parsed("cursor")?,
    };
    let mut found = ask(&services, move |connection| views::list(connection, &asked.query, &page)).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next_cursor = found.last().filter(|_| more).map(|view| view.cursor().to_string());
    Ok(Json(Views { items: found.into_iter().map(OneView::from).collect(), next_cursor }))
}
