//! `/status`: how the instance is, in numbers, a section for each pipeline. It judges nothing but readiness.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde::Serialize;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem, Timestamp, backups, disk, files};
use ytorch_jobs::{Job, JobFilter, JobState, Planned, Run, Summary};
use ytorch_store::{StoreError, rusqlite::Connection};
use ytorch_web::{WebError, document::Instant};

use super::api::{breakers::BreakerBody, runs::RunBody, schedules::ScheduleBody};
use crate::{platform::Site, readiness::Readiness, router::VERSION};

/// Runs that the page of the administration shows.
const RUNS_SHOWN: u32 = 10;

/// Everything that is known of how the instance is, as it was looked at in one go.
pub(super) struct Looked {
    pub(super) readiness: Readiness,
    pub(super) counts: Vec<(String, JobState, u64)>,
    pub(super) summaries: Vec<Summary>,
    pub(super) breakers: Vec<ytorch_jobs::Breaker>,
    pub(super) schedules: Vec<Planned>,
    pub(super) runs: Vec<Run>,
    pub(super) living: Vec<Job>,
    pub(super) resources: ResourcesBody,
    pub(super) backups: Backups,
}

/// How the instance is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    /// The name of the instance.
    instance: String,
    /// The version of the server.
    version: &'static str,
    /// When the server was started.
    #[schema(value_type = Instant)]
    started_at: Timestamp,
    /// Whether it can do its work.
    readiness: Readiness,
    /// What each pipeline has to do and has done, by its name; `platform` is the server itself.
    pipelines: BTreeMap<String, Section>,
    /// Services outside.
    breakers: Vec<BreakerBody>,
    /// Work that recurs.
    schedules: Vec<ScheduleBody>,
    /// What the instance takes.
    resources: ResourcesBody,
    /// The backups in the folder `backups`.
    backups: Backups,
}

/// What a pipeline has to do and has done.
#[derive(Default, Serialize, ToSchema)]
struct Section {
    /// Jobs that wait or run.
    pending: u64,
    /// Jobs that failed and are still kept.
    failed: u64,
    /// Runs that did their work, as far as they are kept.
    processed: u64,
    /// Moving averages of the durations of the runs of each kind of job, in milliseconds; the newest weighs 0.2.
    average_duration_ms: BTreeMap<String, u64>,
    /// The last run.
    last_run: Option<RunBody>,
}

/// What the instance takes of the machine.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = StatusResources)]
#[expect(clippy::struct_field_names, reason = "the unit shows, as everywhere")]
pub(super) struct ResourcesBody {
    /// The size of the database.
    pub(super) database_bytes: u64,
    /// The size of the log of changes beside it.
    pub(super) database_wal_bytes: u64,
    /// Space that is left on its disk; null if the disk cannot be asked.
    pub(super) disk_free_bytes: Option<u64>,
    /// Space below which nothing large is written.
    pub(super) disk_floor_bytes: u64,
    /// Memory of the server; null if the system does not tell.
    pub(super) memory_bytes: Option<u64>,
    /// Memory of the machine that is still available; null if the system does not tell.
    pub(super) machine_memory_available_bytes: Option<u64>,
    /// Memory of the machine; null if the system does not tell.
    pub(super) machine_memory_bytes: Option<u64>,
}

/// The backups of the instance.
#[derive(Clone, Default, Serialize, ToSchema)]
pub(super) struct Backups {
    /// How many there are.
    pub(super) count: u64,
    /// Their size together.
    pub(super) size_bytes: u64,
    /// When the newest one was made.
    #[schema(value_type = Option<Instant>)]
    pub(super) newest_at: Option<Timestamp>,
}

/// Status
///
/// How the instance is, in numbers: what waits, what failed, what was done and how long it took.
#[utoipa::path(get, path = "/status", tag = "Server", responses(
    (status = 200, description = "How it is", body = Status)))]
pub(super) async fn status(State(site): State<Site>) -> Result<Json<Status>, WebError> {
    let (instance, started_at) = (site.platform.instance.to_string(), site.platform.started_at);
    let looked = look(site).await?;
    let pipelines = sections(&looked);
    let Looked { readiness, breakers, schedules, resources, backups, .. } = looked;
    Ok(Json(Status {
        instance,
        version: VERSION,
        started_at,
        readiness,
        pipelines,
        breakers: breakers.into_iter().map(BreakerBody::from).collect(),
        schedules: schedules.into_iter().map(ScheduleBody::from).collect(),
        resources,
        backups,
    }))
}

/// A kind of job begins with the name of its pipeline.
fn pipeline_of(kind: &str) -> &str {
    kind.split_once('_').map_or(kind, |(pipeline, _)| pipeline)
}

fn sections(looked: &Looked) -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    for (kind, state, count) in &looked.counts {
        let section = sections.entry(pipeline_of(kind).to_owned()).or_default();
        match state {
            JobState::Queued | JobState::Running => section.pending += count,
            JobState::Failed => section.failed += count,
            JobState::Done | JobState::Cancelled | JobState::Skipped => {}
        }
    }
    for summary in &looked.summaries {
        let section = sections.entry(pipeline_of(&summary.kind).to_owned()).or_default();
        section.processed += summary.succeeded;
        if let Some(average) = summary.average_duration {
            let average_ms = u64::try_from(average.as_millis()).unwrap_or(u64::MAX);
            section.average_duration_ms.insert(summary.kind.clone(), average_ms);
        }
        if section.last_run.as_ref().is_none_or(|known| known.is_older_than(&summary.last)) {
            section.last_run = Some(summary.last.clone().into());
        }
    }
    sections
}

/// Looks at everything, on a thread that may block.
pub(super) async fn look(site: Site) -> Result<Looked, WebError> {
    let looked = tokio::task::spawn_blocking(move || look_blocking(&site)).await;
    let looked = looked.map_err(|error| WebError::internal(&error))?;
    looked.map_err(|error| WebError::internal(&error))
}

fn look_blocking(site: &Site) -> Result<Looked, StoreError> {
    let readiness = Readiness::of_site(site);
    let resources = resources(site);
    let backups = backups_of(site);
    let queue = &site.services.queue;
    site.services.resources.database.read_blocking(|connection: &Connection| {
        let living =
            |state| queue.list(connection, &JobFilter { state: Some(state), limit: 20, ..JobFilter::default() });
        let mut all_living = living(JobState::Running)?;
        all_living.extend(living(JobState::Queued)?);
        Ok(Looked {
            readiness,
            counts: queue.count(connection)?,
            summaries: queue.summaries(connection)?,
            breakers: site.platform.breakers.list(connection)?,
            schedules: queue.schedules(connection)?,
            runs: queue.runs(connection, None, None, RUNS_SHOWN)?,
            living: all_living,
            resources,
            backups,
        })
    })
}

fn resources(site: &Site) -> ResourcesBody {
    let resources = &site.services.resources;
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let machine = System::new_with_specifics(memory).ok();
    resources.metrics.look_at_process();
    ResourcesBody {
        database_bytes: files::size_bytes(resources.database.path()),
        database_wal_bytes: files::size_bytes(&resources.folders.database_wal()),
        disk_free_bytes: disk::free_bytes(&resources.folders.data()).ok(),
        disk_floor_bytes: resources.disk_floor_bytes,
        memory_bytes: resources.metrics.resident_bytes(),
        machine_memory_available_bytes: machine.as_ref().map(System::available_memory),
        machine_memory_bytes: machine.as_ref().map(System::total_memory),
    }
}

fn backups_of(site: &Site) -> Backups {
    let listed =
        backups::list(&site.services.resources.folders.backups(), &site.platform.instance).unwrap_or_else(|error| {
            let problem = Problem::new(ExitCode::Failure, "could not list the backups").because(&error);
            tracing::warn!(detail = problem.detail, "{}", problem.what);
            Vec::new()
        });
    Backups {
        count: listed.len() as u64,
        size_bytes: listed.iter().map(|backup| backup.size_bytes).sum(),
        newest_at: listed.first().map(|backup| backup.name.created_at),
    }
}
