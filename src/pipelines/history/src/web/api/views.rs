//! `views`: every view as JSON, in the order of time. It continues at a cursor, so that new views move no page.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::{WebError, components::Order, document::Instant, error::ErrorBody};

use super::{TAG, asked::Chosen};
use crate::{
    model::ViewKind,
    store::{
        View, ViewOrder,
        views::{self, ViewPage},
    },
    web::{ask, parameters::Parameters, views::find_query},
};

/// A part of the history.
#[derive(Serialize, ToSchema)]
pub(super) struct Views {
    /// Views in the order of time.
    items: Vec<OneView>,
    /// The `cursor` of the next part; null means that this was the last one.
    next_cursor: Option<String>,
}

/// One watching of one video, or one advertisement. What no record tells is null.
#[derive(Serialize, ToSchema)]
#[schema(as = View)]
struct OneView {
    /// When it was watched, as precisely as the export says.
    #[schema(value_type = Instant)]
    watched_at: Timestamp,
    /// The video's id; an advertisement may have none.
    video_id: Option<String>,
    /// The video's title.
    title: Option<String>,
    /// The channel, as the ranking of channels names it.
    channel_id: Option<String>,
    /// The channel's name.
    channel_name: Option<String>,
    /// What kind of view; null for an advertisement.
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

/// List views
///
/// Or advertisements, with `scope=ads`. In the order of time, the latest first unless asked otherwise. New views move no part: the list continues where the
/// answer before ended.
#[utoipa::path(get, path = "/api/v1/history/views", tag = TAG, params(Chosen), responses(
    (status = 200, description = "A part of the history", body = Views),
    (status = 404, description = "There is no such channel in the history", body = ErrorBody)))]
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
