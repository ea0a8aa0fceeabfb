//! `schedules`: work that recurs, and having it done now. It changes no times; those are settings.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem, Timestamp};
use ytorch_jobs::{Found, JobId, Planned};
use ytorch_web::{WebError, Whole, correlation, document::Instant, error::ErrorBody};

use super::{
    TAG,
    jobs::{JobBody, one},
};
use crate::{platform::Site, web::ask};

/// Work that recurs.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(in crate::web) struct ScheduleBody {
    /// Its name.
    name: &'static str,
    /// The kind of its jobs.
    kind: &'static str,
    /// What it is about, for people.
    subject: &'static str,
    /// When it is due, for people; null only when somebody asks.
    when: Option<String>,
    /// When it was due last.
    #[schema(value_type = Option<Instant>)]
    last_due_at: Option<Timestamp>,
    /// When it is due next.
    #[schema(value_type = Option<Instant>)]
    next_due_at: Option<Timestamp>,
}

impl From<Planned> for ScheduleBody {
    fn from(Planned { schedule, last_due_at, next_due_at }: Planned) -> Self {
        let when = schedule.when.map(|when| when.to_string());
        let last_due_at = last_due_at.filter(|_| when.is_some());
        Self { name: schedule.name, kind: schedule.kind, subject: schedule.subject, when, last_due_at, next_due_at }
    }
}

/// List schedules
///
/// Work that recurs: backups, maintenance. The settings say at which times.
#[utoipa::path(get, path = "/api/v1/schedules", tag = TAG, responses(
    (status = 200, description = "All of them", body = Whole<ScheduleBody>)))]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<Whole<ScheduleBody>>, WebError> {
    let planned = ask(&site, |site, connection| site.services.queue.schedules(connection)).await?;
    Ok(Json(Whole { items: planned.into_iter().map(ScheduleBody::from).collect() }))
}

/// Do the work of a schedule now
///
/// Puts its job into the queue; if one waits or runs already, the answer is that one.
#[utoipa::path(post, path = "/api/v1/schedules/{name}/run", tag = TAG,
    params(("name" = String, Path, description = "Its name", example = "maintain")),
    responses((status = 202, description = "The job that does it", body = JobBody),
        (status = 404, description = "There is no such schedule", body = ErrorBody)))]
pub(in crate::web) async fn run(
    State(site): State<Site>,
    Path(name): Path<String>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<(StatusCode, Json<JobBody>), WebError> {
    let id = run_one(&site, &name).await?;
    Ok((StatusCode::ACCEPTED, Json(one(&site, id).await?.into())))
}

pub(in crate::web) async fn run_one(site: &Site, name: &str) -> Result<JobId, WebError> {
    let found = site.services.queue.run_now(name, correlation()).await.map_err(|error| WebError::internal(&error))?;
    found.map(Found::id).ok_or_else(|| {
        let problem = Problem::new(ExitCode::NotFound, "there is no such schedule");
        WebError::new(StatusCode::NOT_FOUND, problem.hint("the page of the administration lists all of them"))
    })
}
