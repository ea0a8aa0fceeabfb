//! What a backup has to know of a database: a copy of it, whether it is whole, how many rows it has. It knows no table.

use std::{collections::BTreeMap, fs::OpenOptions, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use ytorch_core::{ExitCode, Problem};
use ytorch_store::{open_reader, rusqlite};

use crate::{AppliedMigration, Watch, failure, room::Room};

/// Pages copied between two looks at the watch: 8 MiB with our page size.
const PAGES_AT_A_TIME: i32 = 1024;

/// How often a check looks whether it is over.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Copies the database as it is at this moment, beside whoever writes it.
///
/// The reading connection holds one snapshot over all steps, so a commit of another process neither shows in the copy
/// nor makes it start again; stepping only lets the disk and the watch be asked in between.
pub(crate) fn copy(source: &Path, target: &Path, room: &mut Room, watch: &mut Watch<'_>) -> Result<(), Problem> {
    let failed = |error| failure::sqlite("could not copy the database", error);
    let reader = open_reader(source).map_err(failed)?;
    let snapshot = reader.unchecked_transaction().map_err(failed)?;
    // A transaction sees its snapshot from the first read on.
    let page_size: u64 = snapshot.query_row("pragma page_size", [], |row| row.get(0)).map_err(failed)?;
    let _: u64 = snapshot.query_row("select count(*) from sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    // SQLite would make it readable for others, and could not say that the disk is full.
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(|error| failure::io("could not copy the database", &error))?;
    let mut writer = Connection::open(target).map_err(failed)?;
    // The copy is nobody's but ours until it is whole, and then it is synced as a part of the archive.
    writer.pragma_update(None, "locking_mode", "exclusive").map_err(failed)?;
    writer.pragma_update(None, "synchronous", "off").map_err(failed)?;
    writer.pragma_update(None, "journal_mode", "off").map_err(failed)?;
    copy_pages(&Backup::new(&snapshot, &mut writer).map_err(failed)?, page_size, room, watch)?;
    // One file without a WAL beside it; whoever opens it as an instance's database sets what it needs.
    writer.pragma_update(None, "journal_mode", "delete").map_err(failed)?;
    writer.close().map_err(|(_, error)| failed(error))
}

fn copy_pages(backup: &Backup<'_, '_>, page_size: u64, room: &mut Room, watch: &mut Watch<'_>) -> Result<(), Problem> {
    let mut known = 0;
    loop {
        let step =
            backup.step(PAGES_AT_A_TIME).map_err(|error| failure::sqlite("could not copy the database", error))?;
        let progress = backup.progress();
        let copied = u64::try_from(progress.pagecount - progress.remaining).unwrap_or_default();
        let bytes = copied.saturating_sub(known) * page_size;
        known = copied;
        room.write(bytes)?;
        watch.advance(bytes)?;
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // The snapshot is held and the copy is ours alone: nobody can be in the way but a program that we do not know.
            _ => {
                return Err(Problem::new(ExitCode::Busy, "could not copy the database")
                    .detail("another program has locked it")
                    .hint("end that program and try again"));
            }
        }
    }
}

/// Reads from a connection of ours until it is done or the watch says that it is over.
pub(crate) fn until_over<T: Send>(
    connection: &mut Connection,
    watch: &Watch<'_>,
    read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send,
) -> rusqlite::Result<T> {
    let handle = connection.get_interrupt_handle();
    std::thread::scope(|scope| {
        let asker = std::thread::current();
        let reading = scope.spawn(move || {
            let result = read(connection);
            asker.unpark();
            result
        });
        while !reading.is_finished() {
            // Again and again: it may be between two questions just now, and an interrupt ends only one.
            if watch.is_cancelled() {
                handle.interrupt();
            }
            std::thread::park_timeout(BETWEEN_LOOKS);
        }
        reading.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What is wrong with a database; nothing if it is whole.
pub(crate) fn faults(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    // A schema from elsewhere must not call what this program offers to its own.
    connection.pragma_update(None, "trusted_schema", false)?;
    let mut statement = connection.prepare("pragma integrity_check(20)")?;
    let lines = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// The rows of every table.
pub(crate) fn counts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, u64>> {
    let tables = "select name from sqlite_schema where type = 'table' and name not like 'sqlite~_%' escape '~'";
    let mut statement = connection.prepare(tables)?;
    let names = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>()?;
    let count = |name: String| {
        let quoted = name.replace('"', "\"\"");
        let rows = connection.query_row(&format!("select count(*) from \"{quoted}\""), [], |row| row.get(0))?;
        Ok((name, rows))
    };
    names.into_iter().map(count).collect()
}

/// The migrations that made the schema; none in a database that no ytorch has opened.
pub(crate) fn migrations(connection: &Connection) -> rusqlite::Result<Vec<AppliedMigration>> {
    if !connection.table_exists(None, "migration")? {
        return Ok(Vec::new());
    }
    let mut statement = connection.prepare("select owner, number from migration order by owner, number")?;
    let rows = statement.query_map([], |row| Ok(AppliedMigration { owner: row.get(0)?, number: row.get(1)? }))?;
    rows.collect()
}

/// The problem of a database that is not whole.
pub(crate) fn damaged(faults: &[String]) -> Problem {
    Problem::new(ExitCode::Unfit, "the database is damaged")
        .detail(faults.join("; "))
        .hint("restore the newest backup from before the damage (`ytorch backup list`), or move the database away and run `ytorch reingest`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_would_never_end_is_over_when_the_watch_says_so() {
        let mut connection = Connection::open_in_memory().unwrap();
        let asked = std::sync::atomic::AtomicU32::new(0);
        let is_cancelled = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 2;
        let mut report = |_, _| {};
        let watch = Watch::new(&mut report, &is_cancelled);
        let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
        let ended = until_over(&mut connection, &watch, |connection| connection.query_row(endless, [], |_| Ok(())));
        assert_eq!(ended.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert_eq!(until_over(&mut connection, &watch, |_| Ok(7)).unwrap(), 7);
    }
}
