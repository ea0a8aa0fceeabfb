//! `runs`: the history of what ran. It starts nothing.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use ytorch_core::Timestamp;
use ytorch_jobs::{Run, RunStatus};
use ytorch_web::{WebError, document::Instant};

use super::{Asked, Part, TAG, limit};
use crate::{platform::Site, web::ask};

/// One execution of a job.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(in crate::web) struct RunBody {
    /// Its number.
    id: i64,
    /// Of which job; it may not be kept any more.
    job: i64,
    /// What the job does.
    kind: String,
    /// What it is about, for people.
    subject: String,
    /// How it ended.
    status: StatusWord,
    /// When it began.
    #[schema(value_type = Instant)]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Instant)]
    ended_at: Timestamp,
    /// From its beginning to its end, in milliseconds.
    duration_ms: u64,
    /// Numbers by name; each kind has its own.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    counts: serde_json::Map<String, serde_json::Value>,
    /// What it did, for people.
    message: Option<String>,
    /// Why it failed.
    error: Option<String>,
    /// The correlation id of the request that caused the job.
    correlation_id: Option<String>,
}

/// How a run ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RunStatus)]
enum StatusWord {
    Success,
    Partial,
    Error,
    Skipped,
}

impl From<RunStatus> for StatusWord {
    fn from(status: RunStatus) -> Self {
        match status {
            RunStatus::Success => Self::Success,
            RunStatus::Partial => Self::Partial,
            RunStatus::Error => Self::Error,
            RunStatus::Skipped => Self::Skipped,
        }
    }
}

impl RunBody {
    /// Whether it began before another run.
    pub(in crate::web) fn is_older_than(&self, run: &Run) -> bool {
        self.started_at < run.started_at
    }
}

impl From<Run> for RunBody {
    fn from(run: Run) -> Self {
        let duration_ms = u64::try_from(run.duration().as_millis()).unwrap_or(u64::MAX);
        Self {
            id: run.id,
            job: run.job.as_raw(),
            kind: run.kind,
            subject: run.subject,
            status: run.status.into(),
            started_at: run.started_at,
            ended_at: run.ended_at,
            duration_ms,
            counts: run.counts,
            message: run.message,
            error: run.error,
            correlation_id: Some(run.correlation).filter(|id| !id.is_empty()),
        }
    }
}

/// Which runs.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RunsQuery {
    /// Only of this kind.
    #[param(min_length = 1, example = "history_import")]
    kind: Option<String>,
    /// So many items at most; 0 is taken as 1, more than 1000 as 1000.
    #[param(minimum = 0, default = 50)]
    limit: Option<i64>,
    /// Only older ones than this: the `next_before` of the answer before.
    before: Option<i64>,
}

/// List runs
///
/// Newest first: every execution of a job, with what it counted. They are kept longer than the jobs.
#[utoipa::path(get, path = "/api/v1/runs", tag = TAG, params(RunsQuery), responses(
    (status = 200, description = "Some runs", body = Part<RunBody>)))]
pub(in crate::web) async fn list(
    State(site): State<Site>,
    Asked(RunsQuery { kind, limit: asked, before }): Asked<RunsQuery>,
) -> Result<Json<Part<RunBody>>, WebError> {
    let limit = limit(asked)?;
    let found =
        ask(&site, move |site, connection| site.services.queue.runs(connection, kind.as_deref(), before, limit + 1))
            .await?;
    let bodies = found.into_iter().map(RunBody::from).collect();
    Ok(Json(Part::new(bodies, limit, |run: &RunBody| run.id)))
}
