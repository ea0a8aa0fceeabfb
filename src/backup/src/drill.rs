//! A drill: a backup is restored for real, opened as a server would open it, counted, and thrown away. It touches no
//! instance.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use ytorch_core::{Clock, ExitCode, InstanceFolders, Problem};
use ytorch_store::{Database, Migrations, StoreError};

use crate::{
    Watch, Whole, database,
    restore::{restore, scratch},
};

/// How a drill went.
#[derive(Clone, Debug, Serialize)]
pub struct Drilled {
    /// What was in the backup.
    #[serde(flatten)]
    pub whole: Whole,
    /// Migrations of this program that the database lacked, and has got in the drill.
    pub migrations_applied: usize,
    /// Every table, as the manifest and the restored database count it.
    pub tables: Vec<TableCount>,
}

/// The rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// Its name.
    pub table: String,
    /// Its rows when the backup was made.
    pub expected: u64,
    /// Its rows after the restore; none if a migration has removed the table.
    pub restored: Option<u64>,
}

/// Restores a backup into a scratch folder, opens its database with the migrations of this program, and compares.
///
/// # Errors
/// If anything of it fails, or the counts differ although no migration changed the tables.
pub fn drill(
    archive: &Path,
    migrations: &[Migrations],
    clock: &Clock,
    disk_floor_bytes: u64,
    watch: &mut Watch<'_>,
) -> Result<Drilled, Problem> {
    let work = scratch(archive)?;
    let folders = InstanceFolders::new(work.path().join("instance"));
    let whole = restore(archive, folders.root(), disk_floor_bytes, watch)?;
    let database = Database::open(&folders.database(), migrations, clock).map_err(|error| error.problem())?;
    let (faults, counts, applied) = database
        .read_blocking(|connection| {
            let counts = database::counts(connection)?;
            let applied = database::migrations(connection)?.len();
            Ok::<_, StoreError>((database::faults(connection)?, counts, applied))
        })
        .map_err(|error| error.problem("could not read the restored database"))?;
    drop(database);
    if !faults.is_empty() {
        return Err(database::damaged(&faults));
    }
    let tables = compare(&whole.counts, &counts);
    let migrations_applied = applied.saturating_sub(whole.migrations.len());
    // A migration may rightly move rows; without one every table must be as it was.
    if migrations_applied == 0 {
        all_equal(&tables)?;
    }
    Ok(Drilled { whole, migrations_applied, tables })
}

fn compare(expected: &BTreeMap<String, u64>, restored: &BTreeMap<String, u64>) -> Vec<TableCount> {
    let table = |(table, expected): (&String, &u64)| TableCount {
        table: table.clone(),
        expected: *expected,
        restored: restored.get(table).copied(),
    };
    expected.iter().map(table).collect()
}

fn all_equal(tables: &[TableCount]) -> Result<(), Problem> {
    let differing: Vec<&str> = tables
        .iter()
        .filter(|count| count.restored != Some(count.expected))
        .map(|count| count.table.as_str())
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    Err(Problem::new(ExitCode::Failure, "the restored database has other rows than the backup says")
        .detail(format!("tables that differ: {}", differing.join(", ")))
        .hint("make a new backup and drill that one; keep this one for a look at what is wrong"))
}
