//! `summary`, `years` and `months`: totals as JSON. It adds nothing up.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::Timestamp;
use ytorch_pipeline::Services;
use ytorch_web::{WebError, Whole, document::Instant};

use super::{
    TAG,
    asked::{OfYear, Scoped},
};
use crate::{
    store::{Period, Scope, periods},
    web::{ask, parameters::Parameters},
};

/// The whole history in ten numbers.
#[derive(Serialize, ToSchema)]
pub(super) struct Summary {
    /// All views.
    views: u64,
    /// Different videos.
    unique_videos: u64,
    /// Different channels that are known by their id.
    unique_channels: u64,
    /// Videos seen at least twice.
    rewatched_videos: u64,
    /// Views on YouTube Music.
    views_music: u64,
    /// Views of Shorts, as far as the export tells them from videos.
    views_shorts: u64,
    /// Views none of whose records names a channel by its id.
    views_without_channel: u64,
    /// Views of videos of which no record names the channel at all.
    views_of_unknown_channel: u64,
    /// The first view; null while there is none.
    #[schema(value_type = Option<Instant>)]
    first_view_at: Option<Timestamp>,
    /// The last view; null while there is none.
    #[schema(value_type = Option<Instant>)]
    last_view_at: Option<Timestamp>,
}

/// What was counted in a year.
#[derive(Serialize, ToSchema)]
pub(super) struct YearTotals {
    /// The year, in the instance's time zone.
    year: i16,
    #[serde(flatten)]
    totals: Totals,
}

/// What was counted in a month.
#[derive(Serialize, ToSchema)]
pub(super) struct MonthTotals {
    /// The month, in the instance's time zone.
    #[schema(example = "2024-06")]
    month: String,
    #[serde(flatten)]
    totals: Totals,
}

/// What was counted in a period. Of advertisements only `views` and the instants are counted.
#[derive(Serialize, ToSchema)]
struct Totals {
    /// Views, or advertisements.
    views: u64,
    /// Different videos.
    unique_videos: u64,
    /// Videos seen at least twice in the period.
    rewatched_videos: u64,
    /// Different channels that are known by their id.
    unique_channels: u64,
    /// Views none of whose records names a channel by its id.
    views_without_channel: u64,
    /// The first view, to the second.
    #[schema(value_type = Option<Instant>)]
    first_view_at: Option<Timestamp>,
    /// The last view, to the second.
    #[schema(value_type = Option<Instant>)]
    last_view_at: Option<Timestamp>,
}

impl From<Period> for YearTotals {
    fn from(period: Period) -> Self {
        Self { year: period.year, totals: Totals::from(period) }
    }
}

impl From<Period> for MonthTotals {
    fn from(period: Period) -> Self {
        Self { month: format!("{}-{:02}", period.year, period.month), totals: Totals::from(period) }
    }
}

impl From<Period> for Totals {
    fn from(period: Period) -> Self {
        Self {
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

/// Sum up the history
#[utoipa::path(get, path = "/api/v1/history/summary", tag = TAG, responses(
    (status = 200, description = "The history in ten numbers", body = Summary)))]
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

/// Count by year
///
/// Newest first, with those years only in which something was watched.
#[utoipa::path(get, path = "/api/v1/history/years", tag = TAG, params(Scoped), responses(
    (status = 200, description = "All years", body = Whole<YearTotals>)))]
pub(super) async fn years(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Whole<YearTotals>>, WebError> {
    let scope = parameters.scope()?;
    let years = ask(&services, move |connection| periods::years(connection, scope)).await?;
    Ok(Json(Whole { items: years.into_iter().map(YearTotals::from).collect() }))
}

/// Count by month
///
/// Newest first, with those months only in which something was watched.
#[utoipa::path(get, path = "/api/v1/history/months", tag = TAG, params(OfYear, Scoped), responses(
    (status = 200, description = "All months, or those of the year", body = Whole<MonthTotals>)))]
pub(super) async fn months(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Whole<MonthTotals>>, WebError> {
    let (year, scope) = (parameters.year()?, parameters.scope()?);
    let months = ask(&services, move |connection| periods::months(connection, year, scope)).await?;
    Ok(Json(Whole { items: months.into_iter().map(MonthTotals::from).collect() }))
}
