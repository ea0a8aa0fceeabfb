//! An export becomes rows: one thread reads, the database's writer writes, and one transaction holds it all.
//!
//! It serves no request and knows no job; `jobs` and the server's commands call it.

mod gather;
mod message;
mod progress;
mod writing;

pub use progress::{Phase, Progress};

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
};

use ytorch_core::{ExitCode, Problem, Timestamp};
use ytorch_pipeline::Resources;
use ytorch_store::StoreError;
use ytorch_telemetry::metrics::ImportRecords;

use self::{
    gather::Gatherer,
    message::{Finish, Gathered, Message},
};
use crate::{
    parse::{self, Limits, Options, Source},
    raw,
    store::{
        Import, ImportId, ImportKind,
        imports::{self, Counts, SourceRow},
    },
};

/// Batches on their way to the writer. One waits while one is written: more would only cost memory.
const BATCHES_WAITING: usize = 1;

/// Who asks for an import, and how they hear of it.
pub(crate) struct Asker<'a> {
    /// Told how far it is.
    pub(crate) report: &'a mut (dyn FnMut(Progress) + Send),
    /// Whether to give up.
    pub(crate) is_stopping: &'a (dyn Fn() -> bool + Sync),
}

/// Files that were one import: records of one group are equal among themselves, later groups only add to earlier ones.
pub(crate) struct Group {
    pub(crate) sources: Vec<Source>,
}

/// Imports files of this machine without a server: copies them to `data/raw`, reads them, and writes what is new.
///
/// # Errors
/// If a file cannot be read, is no export, or the disk is full; the history is then as it was, and the failure is kept
/// among the imports.
pub fn import(
    resources: &Resources,
    files: &[PathBuf],
    report: &mut (dyn FnMut(Progress) + Send),
) -> Result<Import, Problem> {
    let started_at = resources.clock.now();
    let sources = parse::expand(files).map_err(|error| Problem::from(&error))?;
    let files: Vec<(PathBuf, String)> =
        sources.iter().map(|source| (source.path.clone(), source.name.clone())).collect();
    let kept = Mutex::new(Vec::new());
    let mut asker = Asker { report, is_stopping: &|| false };
    let result = std::thread::scope(|scope| {
        // The original is read while it is copied; nothing is committed before the copy is complete.
        let copying = scope.spawn(|| keep_all(resources, &files, &kept));
        let copied =
            || copying.join().unwrap_or_else(|_| Err(Problem::new(ExitCode::Failure, "copying the export panicked")));
        let target = Target { kind: ImportKind::Import, id: None, started_at };
        run(resources, vec![Group { sources }], target, copied, &mut asker)
    });
    let id = match result {
        Ok(id) => id,
        Err(problem) => {
            let kept = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
            forget_unused(resources, &kept);
            record_failure(resources, ImportKind::Import, &problem, started_at);
            return Err(problem);
        }
    };
    find(resources, id)
}

/// Rebuilds the history from the kept files without a server, in one transaction.
///
/// # Errors
/// If a kept file is missing or the disk is full; the history is then as it was.
pub fn reingest(resources: &Resources, report: &mut (dyn FnMut(Progress) + Send)) -> Result<Import, Problem> {
    let started_at = resources.clock.now();
    let mut asker = Asker { report, is_stopping: &|| false };
    let target = Target { kind: ImportKind::Reingest, id: None, started_at };
    match rebuild(resources, target, &mut asker) {
        Ok(id) => find(resources, id),
        Err(problem) => {
            record_failure(resources, ImportKind::Reingest, &problem, started_at);
            Err(problem)
        }
    }
}

/// Which import a run fills in; `None` makes a new one.
pub(crate) struct Target {
    pub(crate) kind: ImportKind,
    pub(crate) id: Option<ImportId>,
    pub(crate) started_at: Timestamp,
}

/// Imports files that lie in `data/raw` already.
pub(crate) fn import_kept(
    resources: &Resources,
    target: Target,
    kept: Vec<SourceRow>,
    asker: &mut Asker<'_>,
) -> Result<ImportId, Problem> {
    let groups = vec![group(resources, &kept)];
    run(resources, groups, target, || Ok(kept), asker)
}

/// Reads every kept file again into an emptied history.
pub(crate) fn rebuild(resources: &Resources, target: Target, asker: &mut Asker<'_>) -> Result<ImportId, Problem> {
    let imports = resources
        .database
        .read_blocking(|connection| Ok::<_, StoreError>(imports::kept_sources(connection)?))
        .map_err(|error| error.problem("could not look up the kept files"))?;
    let imports = if imports.is_empty() { raw::orphans(resources)? } else { imports };
    let mut all: Vec<SourceRow> = Vec::new();
    for source in imports.iter().flatten() {
        if !raw::path(resources, &source.sha256).exists() {
            return Err(Problem::new(ExitCode::NotFound, format!("the kept file of `{}` is gone", source.name))
                .detail(format!("data/raw/{} does not exist", source.sha256))
                .hint("put the file back, or restore data/raw from a backup; nothing was changed"));
        }
        if !all.iter().any(|known| known.sha256 == source.sha256) {
            all.push(source.clone());
        }
    }
    if all.is_empty() {
        return Err(Problem::new(ExitCode::NotFound, "there are no kept files to read again")
            .hint("import an export first: ytorch ingest FILE"));
    }
    let groups = imports.iter().map(|sources| group(resources, sources)).collect();
    run(resources, groups, target, || Ok(all), asker)
}

fn group(resources: &Resources, sources: &[SourceRow]) -> Group {
    let source = |row: &SourceRow| Source { path: raw::path(resources, &row.sha256), name: row.name.clone() };
    Group { sources: sources.iter().map(source).collect() }
}

/// The heart: reads on this thread's side, writes on the database's, and commits only when both are content.
fn run(
    resources: &Resources,
    groups: Vec<Group>,
    target: Target,
    kept: impl FnOnce() -> Result<Vec<SourceRow>, Problem> + Send,
    asker: &mut Asker<'_>,
) -> Result<ImportId, Problem> {
    raw::check_room(resources)?;
    let (messages, incoming) = mpsc::sync_channel(BATCHES_WAITING);
    let (phases, phase_changes) = mpsc::channel();
    let zone = resources.zone.clone();
    let clock = resources.clock.clone();
    std::thread::scope(|scope| {
        let span = tracing::Span::current();
        let reading = scope.spawn(move || {
            let _entered = span.enter();
            let read = read_all(resources, groups, kept, asker, &messages)?;
            while let Ok(phase) = phase_changes.recv() {
                (asker.report)(Progress { phase, ..read });
            }
            Ok(())
        });
        let written = resources.database.write_blocking(move |transaction| {
            writing::write_all(transaction, &incoming, &phases, &target, &zone, &clock)
        });
        let read =
            reading.join().unwrap_or_else(|_| Err(Problem::new(ExitCode::Failure, "reading the export panicked")));
        match (read, written) {
            // What went wrong in reading is the cause; the writer only saw the messages end.
            (Err(problem), Err(writing::Failed::Abandoned) | Ok(_)) => Err(problem),
            (_, Err(failed)) => Err(failed.problem()),
            (Ok(()), Ok((id, counts))) => {
                resources.metrics.import_done(records(counts));
                Ok(id)
            }
        }
    })
}

fn records(counts: Counts) -> ImportRecords {
    let Counts { records_total: _, views_added, views_known, skipped, rejected } = counts;
    ImportRecords { added: views_added, known: views_known, skipped: skipped.total(), rejected }
}

/// Reads every group and tells the writer; the last message says that all is well.
fn read_all(
    resources: &Resources,
    groups: Vec<Group>,
    kept: impl FnOnce() -> Result<Vec<SourceRow>, Problem>,
    asker: &mut Asker<'_>,
    messages: &mpsc::SyncSender<Message>,
) -> Result<Progress, Problem> {
    let options = Options { zone: resources.zone.clone(), limits: Limits::default() };
    let mut gathered = Gathered::default();
    let mut last = Progress { phase: Phase::Reading, bytes_done: 0, bytes_total: 0, records: 0 };
    for group in groups {
        let mut sink = Gatherer::new(messages, asker, &mut gathered, &mut last);
        let members = match parse::read(&group.sources, &options, &mut sink) {
            Ok(members) => members,
            Err(error) => return Err(Problem::from(&error)),
        };
        sink.flush().map_err(|_| Problem::new(ExitCode::Failure, "the import was given up"))?;
        gathered.members(&members);
        // A closed channel means that the writer failed; it says why itself.
        let _ = messages.send(Message::GroupEnd);
    }
    let sources = kept()?;
    let _ = messages.send(Message::Finish(Box::new(Finish { sources, gathered })));
    Ok(last)
}

/// Copies files to `data/raw`; `kept` also holds those before one that could not be copied.
fn keep_all(
    resources: &Resources,
    files: &[(PathBuf, String)],
    kept: &Mutex<Vec<SourceRow>>,
) -> Result<Vec<SourceRow>, Problem> {
    let mut all = Vec::new();
    for (path, name) in files {
        let row = raw::copy(resources, path, name)?;
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(row.clone());
        all.push(row);
    }
    Ok(all)
}

/// Removes kept files that no import uses, after one of them turned out to be no export.
pub(crate) fn forget_unused(resources: &Resources, sources: &[SourceRow]) {
    let (looking, sources) = (resources.clone(), sources.to_vec());
    // On the writer's turn, so that no import can begin to use a file between the look and its removal.
    let looked = resources.database.write_blocking(move |transaction| {
        for source in &sources {
            if !imports::is_used(transaction, &source.sha256)? {
                raw::forget(&looking, &source.sha256);
            }
        }
        Ok::<_, StoreError>(())
    });
    if let Err(error) = looked {
        tracing::warn!(error = &error as &dyn std::error::Error, "could not remove files that no import uses");
    }
}

fn record_failure(resources: &Resources, kind: ImportKind, problem: &Problem, started_at: Timestamp) {
    resources.metrics.import_failed();
    let (kept, ended_at) = (problem.clone(), resources.clock.now());
    let recorded = resources.database.write_blocking(move |transaction| {
        let id = imports::insert(transaction, kind, started_at)?;
        imports::fail(transaction, id, &kept, started_at, ended_at)?;
        Ok::<_, StoreError>(())
    });
    // With a full disk not even this may be possible; the person must hear of the first problem, not of this one.
    if let Err(error) = recorded {
        tracing::warn!(error = &error as &dyn std::error::Error, "could not keep a failed import");
    }
}

fn find(resources: &Resources, id: ImportId) -> Result<Import, Problem> {
    resources
        .database
        .read_blocking(|connection| Ok::<_, StoreError>(imports::find(connection, id)?))
        .map_err(|error| error.problem("could not look up the import"))?
        .ok_or_else(|| Problem::new(ExitCode::Failure, "the import is gone"))
}
