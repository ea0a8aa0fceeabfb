//! `channels`: the ranking as JSON. It has the same order as the page's.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::{WebError, document::Instant};

use super::{
    Counted, TAG,
    asked::{Part, Ranking},
};
use crate::{
    store::{Channel, channels},
    web::{ask, channels::query, parameters::Parameters},
};

/// A channel and what was counted of it.
#[derive(Serialize, ToSchema)]
#[schema(as = RankedChannel)]
pub(super) struct Ranked {
    /// `UC…`, or `@handle`, `user/…` or `c/…` where no record tells the id; null for the row of all unknown channels.
    channel_id: Option<String>,
    /// Its name, if any record tells it.
    name: Option<String>,
    /// Views.
    views: u64,
    /// Different videos among them.
    unique_videos: u64,
    /// Videos seen at least twice.
    rewatched_videos: u64,
    /// The first view, to the second.
    #[schema(value_type = Instant)]
    first_view_at: Timestamp,
    /// The last view, to the second.
    #[schema(value_type = Instant)]
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

/// Rank channels
///
/// By views unless asked otherwise. Advertisements are no views, so with `scope=ads` there are no channels.
#[utoipa::path(get, path = "/api/v1/history/channels", tag = TAG, params(Ranking, Part), responses(
    (status = 200, description = "A part of the ranking", body = Counted<Ranked>)))]
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
