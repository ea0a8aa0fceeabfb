//! `summary`, `years` and `months`: totals as JSON. It adds nothing up.

use axum::{Json, extract::State};
use serde::Serialize;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::WebError;

use super::Whole;
use crate::{
    store::{Period, Scope, periods},
    web::{ask, parameters::Parameters},
};

/// The whole history in ten numbers.
#[derive(Serialize)]
pub(super) struct Summary {
    views: u64,
    unique_videos: u64,
    unique_channels: u64,
    rewatched_videos: u64,
    views_music: u64,
    views_shorts: u64,
    views_without_channel: u64,
    views_of_unknown_channel: u64,
    first_view_at: Option<Timestamp>,
    last_view_at: Option<Timestamp>,
}

/// What was counted in a year or a month.
#[derive(Serialize)]
pub(super) struct Totals {
    #[serde(flatten)]
    name: PeriodName,
    views: u64,
    unique_videos: u64,
    rewatched_videos: u64,
    unique_channels: u64,
    views_without_channel: u64,
    first_view_at: Option<Timestamp>,
    last_view_at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum PeriodName {
    Year(i16),
    Month(String),
}

impl From<Period> for Totals {
    fn from(period: Period) -> Self {
        let name = match period.month {
            0 => PeriodName::Year(period.year),
            month => PeriodName::Month(format!("{}-{month:02}", period.year)),
        };
        Self {
            name,
            views: period.views,
            unique_videos: period.unique_videos,
            rewatched_videos: period.rewatched_videos,
            unique_channels: period.unique_channels,
            views_without_channel: period.views_without_channel,
            first_view_at: period.first,
            last_view_at: period.last,
        }
    }
}

#[utoipa::path(get, path = "/api/v1/history/summary")]
pub(super) async fn summary(State(services): State<Services>) -> Result<Json<Summary>, WebError> {
    let query = ask(&services, |connection| {
        let of = |scope| periods::find(connection, 0, 0, scope);
        let (all, music, shorts) = (of(Scope::All)?, of(Scope::Music)?, of(Scope::Shorts)?);
        let (first_view_at, last_view_at) = periods::bounds(connection)?.unzip();
        Ok(Summary {
            views: all.views,
            unique_videos: all.unique_videos,
            unique_channels: all.unique_channels,
            rewatched_videos: all.rewatched_videos,
            views_music: music.views,
            views_shorts: shorts.views,
            views_without_channel: all.views_without_channel,
            views_of_unknown_channel: all.views_of_unknown_channel,
            first_view_at,
            last_view_at,
        })
    });
    query.await.map(Json)
}

#[utoipa::path(get, path = "/api/v1/history/years")]
pub(super) async fn years(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Whole<Totals>>, WebError> {
    let scope = parameters.scope()?;
    let years = ask(&services, move |connection| periods::years(connection, scope)).await?;
    Ok(Json(Whole { items: years.into_iter().map(Totals::from).collect() }))
}

#[utoipa::path(get, path = "/api/v1/history/months")]
pub(super) async fn months(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Whole<Totals>>, WebError> {
    let (year, scope) = (parameters.year()?, parameters.scope()?);
    let months = ask(&services, move |connection| periods::months(connection, year, scope)).await?;
    Ok(Json(Whole { items: months.into_iter().map(Totals::from).collect() }))
}
