//! Whether the server can do its work at this moment. It repairs nothing, and says nothing that a stranger must not know.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{InstanceFolders, disk};
use ytorch_jobs::{Breaker, BreakerState};
use ytorch_pipeline::{Check, Resources};
use ytorch_store::{MEND_UNDECRYPTABLE, StoreError, rusqlite};
use ytorch_web::format;

use crate::{pipelines::Pipelines, platform::Site};

/// What was found, as `/readyz` shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Readiness {
    /// Whether every check holds.
    ready: bool,
    /// What was looked at.
    checks: Vec<Shown>,
    /// What does not work and is not needed for the server to be ready, such as a service outside.
    degraded: Vec<Degraded>,
}

/// Something optional that does not work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Degraded {
    /// What, such as `breaker.notify`.
    pub(crate) name: String,
    /// Why, and what to do.
    pub(crate) detail: String,
}

/// One thing that must hold.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Check)]
struct Shown {
    /// What was looked at, such as `disk.free`.
    name: &'static str,
    /// Whether it holds.
    ok: bool,
    /// What was found.
    detail: String,
}

impl Readiness {
    /// Looks at everything, on a thread that may block.
    pub(crate) fn of_site(site: &Site) -> Self {
        let mut readiness = Self::of_resources(&site.services.resources, &site.pipelines);
        let alive = site.services.queue.is_alive();
        let detail = if alive { "it looks round" } else { "it has ended or is stuck; restart the server" };
        readiness.checks.push(Shown { name: "jobs.worker", ok: alive, detail: detail.to_owned() });
        readiness.ready &= alive;
        let breakers = site
            .services
            .resources
            .database
            .read_blocking(|connection| Ok::<_, StoreError>(site.platform.breakers.list(connection)?));
        let not_closed =
            breakers.unwrap_or_default().into_iter().filter(|breaker| breaker.state != BreakerState::Closed);
        readiness.degraded = not_closed.map(|breaker| degraded(&breaker)).collect();
        let undecryptable = site.platform.vault.undecryptable().unwrap_or_default();
        readiness.degraded.extend(undecryptable.into_iter().map(|name| Degraded {
            name: format!("secret.{name}"),
            detail: format!("the key of this instance does not open it; {MEND_UNDECRYPTABLE}"),
        }));
        readiness
    }

    /// Looks at what there is without a queue.
    pub(crate) fn of_resources(resources: &Resources, pipelines: &Pipelines) -> Self {
        let mut checks = vec![
            readable(resources, pipelines),
            writable(resources.database.path()),
            disk(&resources.folders, resources.disk_floor_bytes),
        ];
        checks.extend(pipelines.checks(resources));
        let checks: Vec<_> = checks.into_iter().map(|Check { name, ok, detail }| Shown { name, ok, detail }).collect();
        Self { ready: checks.iter().all(|check| check.ok), checks, degraded: Vec::new() }
    }

    /// Every check: its name, whether it holds, what was found.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (&'static str, bool, &str)> {
        self.checks.iter().map(|check| (check.name, check.ok, check.detail.as_str()))
    }

    /// What does not work and is not needed.
    pub(crate) fn degraded(&self) -> &[Degraded] {
        &self.degraded
    }

    /// What fails, in words.
    pub(crate) fn failing(&self) -> Vec<String> {
        let failing = self.checks.iter().filter(|check| !check.ok);
        failing.map(|check| format!("{}: {}", check.name, check.detail)).collect()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Its last error stays out: a stranger may read this.
fn degraded(breaker: &Breaker) -> Degraded {
    let Breaker { service, state, failures, .. } = breaker;
    let state = state.word();
    let detail = format!("{state} after {failures} failures in a row; /admin says why");
    Degraded { name: format!("breaker.{service}"), detail }
}

/// The database answers, and holds the tables that this program works with.
fn readable(resources: &Resources, pipelines: &Pipelines) -> Check {
    const NAME: &str = "database.readable";
    let expected: usize = pipelines.migrations.iter().map(|migrations| migrations.list.len()).sum();
    let applied = resources.database.read_blocking(|connection| {
        Ok::<usize, StoreError>(connection.query_row("select count(*) from migration", [], |row| row.get(0))?)
    });
    match applied {
        Ok(applied) if applied >= expected => Check { name: NAME, ok: true, detail: format!("{applied} migrations") },
        Ok(applied) => Check { name: NAME, ok: false, detail: format!("{applied} of {expected} migrations") },
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the database cannot be read");
            Check { name: NAME, ok: false, detail: "it cannot be read; the log says why".to_owned() }
        }
    }
}

/// The file could be written. It does not go through the writer, behind which it would wait for a whole import.
fn writable(path: &Path) -> Check {
    const NAME: &str = "database.writable";
    match try_write_lock(path) {
        Ok(()) => Check { name: NAME, ok: true, detail: "yes".to_owned() },
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
            Check { name: NAME, ok: true, detail: "a write is under way".to_owned() }
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the database cannot be written");
            Check { name: NAME, ok: false, detail: "it cannot be written; the log says why".to_owned() }
        }
    }
}

fn try_write_lock(path: &Path) -> rusqlite::Result<()> {
    // Without `CREATE`: a database that somebody removed must be seen to be gone.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::ZERO)?;
    connection.execute_batch("begin immediate; rollback")
}

/// There is more free space than the floor.
pub(crate) fn disk(folders: &InstanceFolders, floor_bytes: u64) -> Check {
    const NAME: &str = "disk.free";
    let (data, root) = (folders.data(), folders.root());
    // A container's root is another disk; an instance that is still to be made has nothing but a root.
    match disk::free_bytes(if data.exists() { &data } else { root }) {
        Ok(free_bytes) => {
            let detail = format!("{} are free, {} are needed", format::bytes(free_bytes), format::bytes(floor_bytes));
            Check { name: NAME, ok: free_bytes >= floor_bytes, detail }
        }
        Err(error) => Check { name: NAME, ok: false, detail: format!("the disk cannot be asked: {error}") },
    }
}
