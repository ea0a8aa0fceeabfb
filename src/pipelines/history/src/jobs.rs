//! The pipeline's work that outlives a request: imports and re-imports. What an import does is `ingest`'s to say.

use rusqlite::Transaction;
use serde::{Deserialize, Serialize};
use ytorch_core::{ExitCode, Problem, Timestamp};
use ytorch_jobs::{Context, JobError, JobId, JobKind, NewJob, Outcome, Report};
use ytorch_pipeline::{Resources, Services};
use ytorch_store::{StoreError, rusqlite};
use ytorch_web::{correlation, format};

use crate::{
    ingest::{self, Asker, Target},
    raw,
    store::{
        self, ImportId, ImportKind, ImportStatus,
        imports::{self, Counts, SourceRow},
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
    let (importing, reviving, adding_up) = (resources.clone(), resources.clone(), resources.clone());
    let import = JobKind::new(IMPORT, move |context, payload| run_import(&importing, context, payload))
        .when_abandoned(|transaction, payload, reason| match serde_json::from_str(payload) {
            Ok(Payload { import }) => imports::abandon(transaction, ImportId(import), reason),
            Err(_) => Ok(()),
        })
        .when_revived(move |transaction, payload| revive(&reviving, transaction, payload));
    vec![import, JobKind::new(TOTALS, move |_, _| add_up(&adding_up))]
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
        let queue = services.queue.clone();
        let new = NewJob::new(TOTALS, "{}").subject("totals for another time zone").unless_there_is("totals");
        resources.database.write_blocking(move |transaction| queue.enqueue(transaction, &new)).map_err(failed)?;
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
    let (queue, now, correlation) = (services.queue.clone(), services.resources.clock.now(), correlation());
    let resources = services.resources.clone();
    let accepted = services
        .resources
        .database
        .write(move |transaction| {
            // Another upload of the same file may have failed, and removed it, since this one was received.
            if sources.iter().any(|source| !raw::path(&resources, &source.sha256).exists()) {
                return Ok(None);
            }
            let import = imports::insert(transaction, import_kind, now)?;
            imports::insert_sources(transaction, import, &sources)?;
            let new = NewJob::new(IMPORT, format!("{{\"import\":{import}}}"))
                .subject(format!("import {import}"))
                // Somebody waits for it.
                .priority(10)
                .caused_by(correlation);
            let job = queue.enqueue(transaction, &new)?.id();
            imports::set_job(transaction, import, job)?;
            Ok::<_, StoreError>(Some((import, job)))
        })
        .await
        .map_err(|error| error.problem("the import could not be queued"))?;
    services.queue.wake();
    accepted.ok_or_else(|| {
        Problem::new(ExitCode::Busy, "the file was removed again by another upload of it that failed")
            .hint("send it once more")
    })
}

/// Runs one import. Run again after a kill it finds the import either untouched or done.
fn run_import(resources: &Resources, context: &Context, payload: &str) -> Result<Outcome, JobError> {
    let fatal = |error: &dyn std::error::Error| JobError::Fatal(error.to_string());
    let Payload { import } = serde_json::from_str(payload).map_err(|error| fatal(&error))?;
    let id = ImportId(import);
    let find = || resources.database.read_blocking(|connection| Ok::<_, StoreError>(imports::find(connection, id)?));
    let found = find().map_err(|error| fatal(&error))?;
    let Some(import) = found else { return Ok(Outcome::Skipped("it is gone".to_owned())) };
    match import.status {
        ImportStatus::Queued | ImportStatus::Running => {}
        ImportStatus::Done => return Ok(Outcome::Skipped("it was done before".to_owned())),
        // Killed after the failure was kept and before the job ended: nobody has heard of it yet.
        ImportStatus::Failed => {
            ingest::forget_unused(resources, &import.sources);
            let what = import.problem.map_or_else(|| "the import failed".to_owned(), |problem| problem.what);
            return Err(JobError::Fatal(what));
        }
    }
    let started_at = resources.clock.now();
    let target = Target { kind: import.kind, id: Some(id), started_at };
    let mut report = |progress: ingest::Progress| context.report(progress.into());
    let gives_up = || context.gives_up();
    let mut asker = Asker { report: &mut report, is_stopping: &gives_up };
    let result = match import.kind {
        ImportKind::Import => ingest::import_kept(resources, target, import.sources.clone(), &mut asker),
        ImportKind::Reingest => ingest::rebuild(resources, target, &mut asker),
    };
    match result {
        Ok(_) => Ok(find().ok().flatten().map_or_else(Outcome::done, |import| outcome(&import.counts))),
        // The import stays as it is, for the next start, or until its kind is told that it is abandoned.
        Err(_) if context.is_cancelled() => Err(JobError::Cancelled),
        Err(problem) if context.is_stopping() => Err(JobError::Fatal(problem.what)),
        Err(problem) => {
            keep_failure(resources, id, &problem, started_at);
            // Also where the disk was full: a file that stayed would keep it so. Only what was cancelled is kept.
            ingest::forget_unused(resources, &import.sources);
            Err(JobError::Fatal(problem.what))
        }
    }
}

fn outcome(counts: &Counts) -> Outcome {
    let Counts { records_total, views_added, views_known, skipped, rejected } = *counts;
    let report = Report {
        counts: vec![
            ("records", records_total),
            ("views_added", views_added),
            ("views_known", views_known),
            ("skipped", skipped.total()),
            ("rejected", rejected),
        ],
        message: Some(format!(
            "{} views are new, {} were known",
            format::number(views_added),
            format::number(views_known)
        )),
    };
    if rejected > 0 { Outcome::Partial(report) } else { Outcome::Done(report) }
}

fn keep_failure(resources: &Resources, id: ImportId, problem: &Problem, started_at: Timestamp) {
    resources.metrics.import_failed();
    let (kept, ended_at) = (problem.clone(), resources.clock.now());
    let recorded = resources.database.write_blocking(move |transaction| {
        imports::fail(transaction, id, &kept, started_at, ended_at)?;
        Ok::<_, StoreError>(())
    });
    if let Err(error) = recorded {
        tracing::error!(error = &error as &dyn std::error::Error, "could not keep why an import failed");
    }
}

/// Makes a failed import one to do again, if all its files are still there.
fn revive(resources: &Resources, transaction: &Transaction<'_>, payload: &str) -> rusqlite::Result<Result<(), String>> {
    let Ok(Payload { import }) = serde_json::from_str(payload) else {
        return Ok(Err("this version cannot read what the job was to do".to_owned()));
    };
    let id = ImportId(import);
    for source in imports::sources(transaction, id)? {
        if !raw::path(resources, &source.sha256).exists() {
            return Ok(Err(format!("`{}` is not kept any more; import it again", source.name)));
        }
    }
    imports::revive(transaction, id).map(Ok)
}

fn add_up(resources: &Resources) -> Result<Outcome, JobError> {
    let zone = resources.zone.clone();
    resources
        .database
        .write_blocking(move |transaction| {
            store::rebuild(transaction, &zone)?;
            Ok::<_, rusqlite::Error>(()).map_err(StoreError::from)
        })
        .map_err(|error| JobError::Fatal(error.to_string()))?;
    Ok(Outcome::done())
}
