//! The pipeline's work that outlives a request: imports and re-imports. What an import does is `ingest`'s to say.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::{Context, JobFailed, JobId, JobKind};
use ytorch_pipeline::{Resources, Services};
use ytorch_store::{StoreError, rusqlite};

use crate::{
    ingest::{self, Asker, Target},
    raw,
    store::{
        self, ImportId, ImportKind, ImportStatus,
        imports::{self, SourceRow},
    },
};

const IMPORT: &str = "history_import";
const TOTALS: &str = "history_totals";

/// What the job of an import needs to know.
#[derive(Serialize, Deserialize)]
struct Payload {
    import: i64,
}

/// The kinds of jobs of this pipeline.
pub(crate) fn kinds(resources: &Resources) -> Vec<JobKind> {
    let (importing, adding_up) = (resources.clone(), resources.clone());
    vec![
        JobKind { name: IMPORT, run: Arc::new(move |context, payload| run_import(&importing, context, payload)) },
        JobKind { name: TOTALS, run: Arc::new(move |_, _| add_up(&adding_up)) },
    ]
}

/// Sweeps what a killed server left, and adds up anew if the zone has changed.
pub(crate) fn start(services: &Services) -> Result<(), Problem> {
    let resources = &services.resources;
    raw::sweep(resources).map_err(|error| {
        Problem::new(ExitCode::Unfit, "could not sweep data/raw")
            .because(&error)
            .hint("check that the folder belongs to the user who runs the server")
    })?;
    let failed = |error: StoreError| error.problem("could not look at the totals");
    let zone = resources
        .database
        .read_blocking(|connection| Ok::<_, StoreError>(store::totals_zone(connection)?))
        .map_err(failed)?;
    if zone.is_some_and(|zone| zone != resources.zone.name()) {
        let (queue, kind) = (services.queue.clone(), kind(resources, TOTALS));
        resources
            .database
            .write_blocking(move |transaction| queue.enqueue(transaction, &kind, "{}"))
            .map_err(failed)?;
        services.queue.wake();
    }
    Ok(())
}

/// Takes files that lie in `data/raw` as a new import, in one transaction with its job.
pub(crate) async fn accept(services: &Services, sources: Vec<SourceRow>) -> Result<(ImportId, JobId), Problem> {
    request(services, ImportKind::Import, sources).await
}

/// Asks for all kept files to be read again.
pub(crate) async fn request_reingest(services: &Services) -> Result<(ImportId, JobId), Problem> {
    request(services, ImportKind::Reingest, Vec::new()).await
}

async fn request(
    services: &Services,
    import_kind: ImportKind,
    sources: Vec<SourceRow>,
) -> Result<(ImportId, JobId), Problem> {
    let (queue, now) = (services.queue.clone(), services.resources.clock.now());
    let kind = kind(&services.resources, IMPORT);
    let accepted = services
        .resources
        .database
        .write(move |transaction| {
            let import = imports::insert(transaction, import_kind, now)?;
            imports::insert_sources(transaction, import, &sources)?;
            let job = queue.enqueue(transaction, &kind, &format!("{{\"import\":{import}}}"))?;
            imports::set_job(transaction, import, job)?;
            Ok::<_, StoreError>((import, job))
        })
        .await
        .map_err(|error| error.problem("the import could not be queued"))?;
    services.queue.wake();
    Ok(accepted)
}

fn kind(resources: &Resources, name: &str) -> JobKind {
    kinds(resources).into_iter().find(|kind| kind.name == name).expect("both names are in the list above")
}

/// Runs one import. Run again after a kill it finds the import either untouched or done.
fn run_import(resources: &Resources, context: &Context, payload: &str) -> Result<(), JobFailed> {
    let Payload { import } = serde_json::from_str(payload).map_err(|error| JobFailed(error.to_string()))?;
    let id = ImportId(import);
    let found = resources
        .database
        .read_blocking(|connection| Ok::<_, StoreError>(imports::find(connection, id)?))
        .map_err(|error| JobFailed(error.to_string()))?;
    let Some(import) = found.filter(|import| import.status == ImportStatus::Queued) else {
        return Ok(());
    };
    let started_at = resources.clock.now();
    let target = Target { kind: import.kind, id: Some(id), started_at };
    let mut report = |progress| context.report(progress);
    let mut asker = Asker { report: &mut report, is_stopping: &|| context.is_stopping() };
    let result = match import.kind {
        ImportKind::Import => ingest::import_kept(resources, target, import.sources.clone(), &mut asker),
        ImportKind::Reingest => ingest::rebuild(resources, target, &mut asker),
    };
    let Err(problem) = result else { return Ok(()) };
    if context.is_stopping() {
        return Err(JobFailed(problem.what));
    }
    resources.metrics.import_failed();
    let (kept, ended_at) = (problem.clone(), resources.clock.now());
    let recorded = resources.database.write_blocking(move |transaction| {
        imports::fail(transaction, id, &kept, started_at, ended_at)?;
        Ok::<_, StoreError>(())
    });
    if let Err(error) = recorded {
        tracing::error!(error = &error as &dyn std::error::Error, "could not keep why an import failed");
    }
    ingest::forget_unused(resources, &import.sources);
    Err(JobFailed(problem.what))
}

fn add_up(resources: &Resources) -> Result<(), JobFailed> {
    let zone = resources.zone.clone();
    resources
        .database
        .write_blocking(move |transaction| {
            store::rebuild(transaction, &zone)?;
            Ok::<_, rusqlite::Error>(()).map_err(StoreError::from)
        })
        .map_err(|error| JobFailed(error.to_string()))
}
