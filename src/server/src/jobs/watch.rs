//! Looks whether the server is ready, so that a message goes out when it is not. It mends nothing.

use ytorch_jobs::{JobError, JobKind, Outcome, Report, RunStatus};
use ytorch_store::StoreError;

use crate::{pipelines::Pipelines, platform::Platform, readiness::Readiness};

/// The kind of job.
pub(super) const KIND: &str = "platform_watch";

pub(super) fn kind(platform: &Platform) -> JobKind {
    let platform = platform.clone();
    JobKind::new(KIND, move |_, _| look(&platform))
}

/// Fails once when readiness is lost, and says so without failing as long as it stays lost.
fn look(platform: &Platform) -> Result<Outcome, JobError> {
    let readiness = Readiness::of_resources(&platform.resources, &Pipelines::all());
    if readiness.is_ready() {
        return Ok(Outcome::Done(Report { message: Some("the server is ready".to_owned()), ..Report::default() }));
    }
    let why = readiness.failing().join("; ");
    let known = platform
        .resources
        .database
        .read_blocking(|connection| Ok::<_, StoreError>(ytorch_jobs::last_run(connection, KIND)?))
        .map_err(|error| JobError::Fatal(error.to_string()))?;
    if known.is_some_and(|run| matches!(run.status, RunStatus::Error | RunStatus::Partial)) {
        return Ok(Outcome::Partial(Report { message: Some(format!("still not ready: {why}")), ..Report::default() }));
    }
    Err(JobError::Fatal(format!("the server is not ready: {why}")))
}
