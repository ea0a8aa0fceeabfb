//! The maintenance that `ytorch maintain` and the clock ask for. What it does is `ytorch_backup`'s to say.

use ytorch_backup::{Done, Watch, maintain};
use ytorch_jobs::{JobError, JobKind, Outcome, Report};
use ytorch_web::format;

use crate::platform::Platform;

/// The kind of job.
pub(super) const KIND: &str = "platform_maintain";

pub(super) fn kind(platform: &Platform) -> JobKind {
    let resources = platform.resources.clone();
    JobKind::new(KIND, move |context, _| {
        let (mut report, gives_up) = (|_, _| {}, || context.gives_up());
        let watch = Watch::new(&mut report, &gives_up);
        let done = maintain(&resources.database, &resources.folders, resources.disk_floor_bytes, &watch);
        let done = done.map_err(|problem| {
            if context.is_cancelled() { JobError::Cancelled } else { JobError::Fatal(problem.to_string()) }
        })?;
        outcome(&done)
    })
}

fn outcome(done: &Done) -> Result<Outcome, JobError> {
    let Done { found, vacuumed, not_vacuumed, freed_bytes, swept, .. } = done;
    if let Some(fault) = found.faults.first() {
        return Err(JobError::Fatal(format!(
            "the database is damaged ({fault}): stop the instance and restore a backup, or move the database away and run \
             `ytorch reingest`"
        )));
    }
    let vacuum = match (vacuumed, not_vacuumed) {
        (true, _) => "the database was written anew",
        (false, Some(_)) => "there was no room for a vacuum",
        (false, None) => "no vacuum was needed",
    };
    let report = Report {
        counts: vec![("freed_bytes", *freed_bytes), ("swept", swept.len() as u64)],
        message: Some(format!("the database is whole; {vacuum}; {} were freed", format::bytes(*freed_bytes))),
    };
    Ok(if not_vacuumed.is_some() { Outcome::Partial(report) } else { Outcome::Done(report) })
}
