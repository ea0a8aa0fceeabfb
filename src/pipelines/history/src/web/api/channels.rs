//! `channels`: the ranking as JSON. It has the same order as the page's.

use axum::{Json, extract::State};
use serde::Serialize;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::WebError;

use super::Counted;
use crate::{
    store::{Channel, channels},
    web::{ask, channels::query, parameters::Parameters},
};

/// A channel and what was counted of it.
#[derive(Serialize)]
pub(super) struct Ranked {
    channel_id: Option<String>,
    name: Option<String>,
    views: u64,
    unique_videos: u64,
    rewatched_videos: u64,
    first_view_at: Timestamp,
    last_view_at: Timestamp,
}

impl From<Channel> for Ranked {
    fn from(channel: Channel) -> Self {
        Self {
            channel_id: channel.key,
            name: channel.name,
            views: channel.views,
            unique_videos: channel.unique_videos,
            rewatched_videos: channel.rewatched_videos,
            first_view_at: channel.first,
            last_view_at: channel.last,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/history/channels")]
pub(super) async fn list(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Counted<Ranked>>, WebError> {
    let query = query(&parameters)?.query;
    let (found, total) = ask(&services, move |connection| {
        Ok((channels::list(connection, &query)?, channels::count(connection, &query)?))
    })
    .await?;
    Ok(Json(Counted { items: found.into_iter().map(Ranked::from).collect(), total }))
}
