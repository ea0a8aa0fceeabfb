//! Keeping a database fit: checked, its statistics made anew, its free pages given back, temporary files swept. It
//! changes no row.

mod temporary;

use std::{fs, path::PathBuf};

use rusqlite::Connection;
use serde::Serialize;
use ytorch_core::{InstanceFolders, Problem, disk};
use ytorch_store::{Database, StoreError, open_untouched, rusqlite};

use crate::{Watch, database::faults, failure};

use temporary::leftovers;

/// Less than this is not worth writing the whole database again.
const LEAST_RECLAIMABLE_BYTES: u64 = 1 << 20;
/// Neither is less than this share of it: one in so many bytes.
const LEAST_RECLAIMABLE_SHARE: u64 = 10;

/// What a look at an instance found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// What is wrong with the database; empty if it is whole.
    pub faults: Vec<String>,
    /// The size of the database.
    pub database_bytes: u64,
    /// Of it, pages that hold nothing any more.
    pub reclaimable_bytes: u64,
    /// The size of the log of changes (WAL) beside it.
    pub wal_bytes: u64,
    /// Whether a vacuum would give back enough to be worth it.
    pub worth_a_vacuum: bool,
    /// Files and folders that works have left that were killed.
    pub leftovers: Vec<PathBuf>,
    /// Their size.
    pub leftover_bytes: u64,
}

/// What was done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Done {
    /// What was found before.
    #[serde(flatten)]
    pub found: Findings,
    /// Whether the statistics by which SQLite plans its queries were looked after.
    pub analyzed: bool,
    /// Whether the database was written anew without its free pages.
    pub vacuumed: bool,
    /// Why not, where it would have been worth it.
    pub not_vacuumed: Option<String>,
    /// The bytes of database and WAL that the disk has back.
    pub freed_bytes: u64,
    /// The leftovers that are gone.
    pub swept: Vec<PathBuf>,
}

/// Looks and changes nothing. `in_use`: whether a server or import has the database open.
pub fn examine(folders: &InstanceFolders, in_use: bool) -> Result<Findings, Problem> {
    let path = folders.database();
    let wal_bytes = size(&folders.database_wal());
    let mut findings = Findings { wal_bytes, ..Findings::default() };
    if path.exists() {
        let failed = |error| failure::sqlite("could not look into the database", error);
        // A killed server leaves a WAL, in which there may be more than in the file itself.
        let connection = open_untouched(&path, in_use || wal_bytes > 0).map_err(failed)?;
        look(&connection, &mut findings).map_err(failed)?;
    }
    find_leftovers(folders, &mut findings);
    Ok(findings)
}

/// Looks, and does what is worth doing. Whoever calls holds the instance's lock: it is the one who writes.
///
/// A damaged database is left exactly as it is: then the answer has faults, and nothing was done.
///
/// # Errors
/// If it is cancelled, at whatever place: each part of it is whole or undone.
pub fn maintain(
    database: &Database,
    folders: &InstanceFolders,
    disk_floor_bytes: u64,
    watch: &Watch<'_>,
) -> Result<Done, Problem> {
    let is_over = || watch.is_cancelled();
    let told = |what: &'static str| {
        move |error: StoreError| if watch.is_cancelled() { failure::cancelled() } else { error.problem(what) }
    };
    let mut found = Findings { wal_bytes: size(&folders.database_wal()), ..Findings::default() };
    found = database
        .maintain_blocking(&is_over, move |connection| look(connection, &mut found).map(|()| found))
        .map_err(told("could not look into the database"))?;
    find_leftovers(folders, &mut found);
    let before = size(database.path()) + found.wal_bytes;
    let mut done = Done { found, ..Done::default() };
    if !done.found.faults.is_empty() {
        return Ok(done);
    }
    database
        .maintain_blocking(&is_over, |connection| analyze(connection))
        .map_err(told("could not renew the statistics"))?;
    done.analyzed = true;
    if done.found.worth_a_vacuum {
        done.not_vacuumed = why_no_room(folders, &done.found, disk_floor_bytes);
        if done.not_vacuumed.is_none() {
            (done.vacuumed, done.not_vacuumed) = vacuum(database, watch)?;
        }
    }
    database
        .maintain_blocking(&is_over, |connection| checkpoint(connection))
        .map_err(told("could not empty the WAL"))?;
    done.freed_bytes = before.saturating_sub(size(database.path()) + size(&folders.database_wal()));
    done.swept = sweep(&done.found.leftovers);
    Ok(done)
}

fn look(connection: &Connection, findings: &mut Findings) -> rusqlite::Result<()> {
    let number = |pragma: &str| connection.query_row(&format!("pragma {pragma}"), [], |row| row.get::<_, u64>(0));
    let page_size = number("page_size")?;
    findings.faults = faults(connection)?;
    findings.database_bytes = number("page_count")? * page_size;
    findings.reclaimable_bytes = number("freelist_count")? * page_size;
    findings.worth_a_vacuum = findings.reclaimable_bytes >= LEAST_RECLAIMABLE_BYTES
        && findings.reclaimable_bytes >= findings.database_bytes / LEAST_RECLAIMABLE_SHARE;
    Ok(())
}

fn find_leftovers(folders: &InstanceFolders, findings: &mut Findings) {
    findings.leftovers = leftovers(folders);
    findings.leftover_bytes = findings.leftovers.iter().map(|path| size(path)).sum();
}

fn analyze(connection: &Connection) -> rusqlite::Result<()> {
    // A sample is enough to choose between ways of reading; all rows would take as long as reading the database.
    connection.pragma_update(None, "analysis_limit", 1000)?;
    // 0x10000 looks at every table, not only at those that this connection has asked; 2 runs ANALYZE where it is due.
    connection.execute_batch("pragma optimize = 0x10002")
}

/// A vacuum writes everything that is alive twice: to a temporary file and to the WAL.
fn why_no_room(folders: &InstanceFolders, found: &Findings, disk_floor_bytes: u64) -> Option<String> {
    let alive = found.database_bytes.saturating_sub(found.reclaimable_bytes);
    let needed = disk_floor_bytes.saturating_add(alive * 2);
    match disk::free_bytes(&folders.data()) {
        Ok(free) if free >= needed => None,
        Ok(free) => Some(format!("the disk has {free} bytes free, and {needed} are needed")),
        Err(error) => Some(format!("the room on the disk is not known: {error}")),
    }
}

fn vacuum(database: &Database, watch: &Watch<'_>) -> Result<(bool, Option<String>), Problem> {
    let vacuumed = database.maintain_blocking(&|| watch.is_cancelled(), |connection| {
        // Everything that is alive goes through it, which may be more than there is memory.
        connection.pragma_update(None, "temp_store", "file")?;
        let vacuumed = connection.execute_batch("vacuum");
        connection.pragma_update(None, "temp_store", "memory")?;
        vacuumed
    });
    match vacuumed {
        Ok(()) => Ok((true, None)),
        Err(StoreError::DiskFull) => {
            Ok((false, Some("the disk, or the one for temporary files, was too full".to_owned())))
        }
        Err(_) if watch.is_cancelled() => Err(failure::cancelled()),
        Err(error) => Err(error.problem("could not vacuum the database")),
    }
}

/// Empties the WAL, unless somebody reads from it just now; then a later checkpoint does.
fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
}

fn sweep(leftovers: &[PathBuf]) -> Vec<PathBuf> {
    let mut swept = Vec::new();
    for path in leftovers {
        let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        match removed {
            Ok(()) => swept.push(path.clone()),
            Err(error) => tracing::warn!(%error, path = %path.display(), "could not remove a left-over"),
        }
    }
    swept
}

/// The bytes of a file, or of all files in a folder; nothing if there is none.
fn size(path: &std::path::Path) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size(&entry.path())).sum()
}
