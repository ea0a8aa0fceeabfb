//! The platform's own jobs and their clock: backups, maintenance, the watch over readiness, messages. Each kind is a
//! file; this one lists them and sets the queue up.

mod backup;
mod maintenance;
mod notify;
mod watch;

use std::{sync::Arc, time::Duration};

use ytorch_jobs::{FailedJob, JobKind, NewJob, QueueSettings, Schedule, When};
use ytorch_pipeline::Resources;

use crate::{platform::Platform, settings::Settings};

pub(crate) use notify::{SERVICE as NOTIFY_SERVICE, TOKEN as NOTIFY_TOKEN};

/// The kinds of jobs that ask a service outside.
pub(crate) fn kinds_asking(service: &str) -> &'static [&'static str] {
    if service == NOTIFY_SERVICE { &[notify::KIND] } else { &[] }
}

/// How often readiness is looked at, when somebody wants to hear of it.
const WATCH_EVERY: Duration = Duration::from_mins(15);

/// The kinds of jobs of the platform.
fn kinds(platform: &Platform) -> Vec<JobKind> {
    vec![backup::kind(platform), maintenance::kind(platform), watch::kind(platform), notify::kind(platform)]
}

/// Work that recurs, or that a person can ask for by its name.
fn schedules(settings: &Settings) -> Vec<Schedule> {
    let daily = |times: &[jiff::civil::Time]| (!times.is_empty()).then(|| When::Daily(times.to_vec()));
    let watched = settings.notify_url.is_some().then_some(When::Every(WATCH_EVERY));
    let schedule = |name, kind, subject, when| Schedule { name, kind, subject, when };
    vec![
        schedule("backup", backup::KIND, "a backup of the instance", daily(&settings.backup_times)),
        schedule("maintain", maintenance::KIND, "check and tidy the database", daily(&settings.maintenance_times)),
        schedule("watch", watch::KIND, "is the server ready?", watched),
    ]
}

/// Everything that the queue works with.
pub(crate) fn queue_settings(platform: &Platform, of_pipelines: Vec<JobKind>) -> QueueSettings {
    let Resources { database, clock, zone, metrics, .. } = platform.resources.clone();
    let settings = &platform.settings;
    let tells = settings.notify_url.is_some();
    QueueSettings {
        database,
        kinds: of_pipelines.into_iter().chain(kinds(platform)).collect(),
        schedules: schedules(settings),
        clock,
        zone,
        keep_count: settings.job_keep_count,
        keep_days: settings.job_keep_days,
        metrics,
        when_failed: Arc::new(move |failed| if tells { message(failed) } else { None }),
    }
}

/// The message about a job that failed for good. A message that failed makes no further one.
fn message(failed: &FailedJob<'_>) -> Option<NewJob> {
    let FailedJob { id, kind, subject, error, correlation } = *failed;
    (kind != notify::KIND).then(|| {
        let text = format!("{subject} failed: {error} (job {id}, {kind})");
        notify::new(&text).caused_by(correlation)
    })
}
