//! `jobs`: what the queue holds, and cancelling and trying again. It puts nothing in.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem, Timestamp};
use ytorch_jobs::{Cancelled, Job, JobFilter, JobId, JobState, Progress, Retried};
use ytorch_web::{WebError, document::Instant, error::ErrorBody};

use super::{Asked, Part, TAG, limit};
use crate::{platform::Site, web::ask};

/// One job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(in crate::web) struct JobBody {
    /// Its number.
    id: i64,
    /// What it does, such as `history_import`.
    kind: String,
    /// What it is about, for people.
    subject: String,
    /// Where it is in its life.
    state: StateWord,
    /// Higher runs first.
    priority: i64,
    /// How often it was begun.
    attempts: u32,
    /// How far it is, or was when it ended.
    progress: Option<ProgressBody>,
    /// What it did, for people.
    message: Option<String>,
    /// Why it failed, for good or the last time.
    error: Option<String>,
    /// The correlation id of the request that caused it.
    correlation_id: Option<String>,
    /// When it was put into the queue.
    #[schema(value_type = Instant)]
    created_at: Timestamp,
    /// When it is tried again.
    #[schema(value_type = Option<Instant>)]
    not_before: Option<Timestamp>,
    /// When it was begun last.
    #[schema(value_type = Option<Instant>)]
    started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<Instant>)]
    ended_at: Option<Timestamp>,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = JobState)]
pub(in crate::web) enum StateWord {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
    Skipped,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
#[schema(as = JobProgress)]
struct ProgressBody {
    /// How much is done.
    done: u64,
    /// How much there is in all; 0 if nobody knows.
    total: u64,
    /// In what both count.
    unit: String,
    /// What it is doing, for people.
    message: String,
}

impl From<JobState> for StateWord {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Done => Self::Done,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
            JobState::Skipped => Self::Skipped,
        }
    }
}

impl From<StateWord> for JobState {
    fn from(word: StateWord) -> Self {
        match word {
            StateWord::Queued => Self::Queued,
            StateWord::Running => Self::Running,
            StateWord::Done => Self::Done,
            StateWord::Failed => Self::Failed,
            StateWord::Cancelled => Self::Cancelled,
            StateWord::Skipped => Self::Skipped,
        }
    }
}

impl From<Progress> for ProgressBody {
    fn from(Progress { done, total, unit, message, details: _ }: Progress) -> Self {
        Self { done, total, unit, message }
    }
}

impl From<Job> for JobBody {
    fn from(job: Job) -> Self {
        Self {
            id: job.id.as_raw(),
            kind: job.kind,
            subject: job.subject,
            state: job.state.into(),
            priority: job.priority,
            attempts: job.attempts,
            progress: job.progress.map(ProgressBody::from),
            message: job.message,
            error: job.error,
            correlation_id: Some(job.correlation).filter(|id| !id.is_empty()),
            created_at: job.created_at,
            not_before: job.not_before.filter(|_| job.state == JobState::Queued),
            started_at: job.started_at,
            ended_at: job.ended_at,
        }
    }
}

/// Which jobs.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct JobsQuery {
    /// Only in this state.
    #[param(inline)]
    state: Option<StateWord>,
    /// Only of this kind.
    #[param(min_length = 1, example = "history_import")]
    kind: Option<String>,
    /// So many items at most; 0 is taken as 1, more than 1000 as 1000.
    #[param(minimum = 0, default = 50)]
    limit: Option<i64>,
    /// Only older ones than this: the `next_before` of the answer before.
    before: Option<i64>,
}

/// Which job.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "nobody makes it: only the document is made of it")]
struct OfJob {
    /// The `id` of the job.
    #[param(minimum = 1, example = 1)]
    id: i64,
}

/// List jobs
///
/// Newest first: what waits, what runs, and what ended lately.
#[utoipa::path(get, path = "/api/v1/jobs", tag = TAG, params(JobsQuery), responses(
    (status = 200, description = "Some jobs", body = Part<JobBody>)))]
pub(in crate::web) async fn list(
    State(site): State<Site>,
    Asked(query): Asked<JobsQuery>,
) -> Result<Json<Part<JobBody>>, WebError> {
    let limit = limit(query.limit)?;
    let filter = JobFilter {
        state: query.state.map(JobState::from),
        kind: query.kind,
        before: query.before.map(JobId::from_raw),
        limit: limit + 1,
    };
    let found = ask(&site, move |site, connection| site.services.queue.list(connection, &filter)).await?;
    let bodies = found.into_iter().map(JobBody::from).collect();
    Ok(Json(Part::new(bodies, limit, |job: &JobBody| job.id)))
}

/// One job
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = TAG, params(OfJob),
    responses((status = 200, description = "The job", body = JobBody),
        (status = 404, description = "There is no such job", body = ErrorBody)))]
pub(in crate::web) async fn find(State(site): State<Site>, Path(id): Path<String>) -> Result<Json<JobBody>, WebError> {
    one(&site, id_of(&id)?).await.map(|job| Json(job.into()))
}

/// Cancel a job
///
/// One that waits is cancelled at once. One that runs is told to give up, and ends as soon as it listens: 202 says so.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = TAG, params(OfJob),
    responses((status = 200, description = "It is cancelled", body = JobBody),
        (status = 202, description = "It runs, and has been told to give up", body = JobBody),
        (status = 404, description = "There is no such job", body = ErrorBody),
        (status = 409, description = "It has ended already", body = ErrorBody)))]
pub(in crate::web) async fn cancel(
    State(site): State<Site>,
    Path(id): Path<String>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<(StatusCode, Json<JobBody>), WebError> {
    let id = id_of(&id)?;
    let status = cancel_one(&site, id).await?;
    Ok((status, Json(one(&site, id).await?.into())))
}

/// Try a job again
///
/// A job that failed or was cancelled goes back into the queue as if it were new.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = TAG, params(OfJob),
    responses((status = 200, description = "It is in the queue", body = JobBody),
        (status = 404, description = "There is no such job", body = ErrorBody),
        (status = 409, description = "It cannot be tried again; the answer says why", body = ErrorBody)))]
pub(in crate::web) async fn retry(
    State(site): State<Site>,
    Path(id): Path<String>,
    _: Bytes,
) -> Result<Json<JobBody>, WebError> {
    let id = id_of(&id)?;
    retry_one(&site, id).await?;
    Ok(Json(one(&site, id).await?.into()))
}

pub(in crate::web) async fn cancel_one(site: &Site, id: JobId) -> Result<StatusCode, WebError> {
    match site.services.queue.cancel(id).await.map_err(|error| WebError::internal(&error))? {
        Cancelled::Now => Ok(StatusCode::OK),
        Cancelled::Soon => Ok(StatusCode::ACCEPTED),
        Cancelled::TooLate(state) => {
            Err(conflict(format!("the job is {} already", state.word()), "there is nothing to do"))
        }
        Cancelled::Unknown => Err(no_such_job()),
    }
}

pub(in crate::web) async fn retry_one(site: &Site, id: JobId) -> Result<(), WebError> {
    match site.services.queue.retry(id).await.map_err(|error| WebError::internal(&error))? {
        Retried::Queued => Ok(()),
        Retried::NotNow(state) if state.is_alive() => {
            Err(conflict(format!("the job is {}", state.word()), "wait for its end"))
        }
        Retried::NotNow(JobState::Failed | JobState::Cancelled) => {
            Err(conflict("another job does the same already".to_owned(), "wait for its end"))
        }
        Retried::NotNow(state) => {
            Err(conflict(format!("the job is {}", state.word()), "only failed and cancelled ones can be tried again"))
        }
        Retried::Refused(why) => Err(conflict(why, "the job stays as it is")),
        Retried::Unknown => Err(no_such_job()),
    }
}

pub(in crate::web) async fn one(site: &Site, id: JobId) -> Result<Job, WebError> {
    ask(site, move |site, connection| site.services.queue.find(connection, id)).await?.ok_or_else(no_such_job)
}

/// The id in an address.
pub(in crate::web) fn id_of(text: &str) -> Result<JobId, WebError> {
    text.parse().map(JobId::from_raw).map_err(|_| no_such_job())
}

fn no_such_job() -> WebError {
    let problem = Problem::new(ExitCode::NotFound, "there is no such job");
    WebError::new(StatusCode::NOT_FOUND, problem.hint("the page of jobs lists those that are kept"))
}

fn conflict(what: String, hint: &str) -> WebError {
    WebError::new(StatusCode::CONFLICT, Problem::new(ExitCode::Refused, what).hint(hint))
}
