//! The table of jobs: every query on it. It does not run anything.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

/// Which job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub(crate) i64);

impl JobId {
    /// The id that a pipeline has kept in a column of its own.
    pub const fn from_raw(job: i64) -> Self {
        Self(job)
    }

    /// The id as a column keeps it.
    pub const fn as_raw(self) -> i64 {
        self.0
    }
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It waits.
    Queued,
    /// It runs.
    Running,
    /// It has done its work.
    Done,
    /// It has given up; the error says why.
    Failed,
}

/// A job that was taken from the queue.
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) kind: String,
    pub(crate) payload: String,
    pub(crate) attempts: u32,
}

pub(crate) fn insert(connection: &Connection, kind: &str, payload: &str, now: Timestamp) -> rusqlite::Result<JobId> {
    connection.prepare_cached("insert into job (kind, payload, created_at) values (?, ?, ?)")?.execute(params![
        kind,
        payload,
        now.as_micros()
    ])?;
    Ok(JobId(connection.last_insert_rowid()))
}

/// Takes the oldest queued job.
pub(crate) fn claim(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Claimed>> {
    connection
        .prepare_cached(
            "update job set state = 'running', attempts = attempts + 1, started_at = ?
             where job = (select job from job where state = 'queued' order by job limit 1)
             returning job, kind, payload, attempts",
        )?
        .query_row([now.as_micros()], |row| {
            Ok(Claimed { id: JobId(row.get(0)?), kind: row.get(1)?, payload: row.get(2)?, attempts: row.get(3)? })
        })
        .optional()
}

pub(crate) fn finish(connection: &Connection, id: JobId, error: Option<&str>, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update job set state = iif(?2 is null, 'done', 'failed'), error = ?2, ended_at = ?3 where job = ?1",
        )?
        .execute(params![id.0, error, now.as_micros()])?;
    Ok(())
}

/// Puts back what a killed server had under way, and gives the number of those jobs.
pub(crate) fn requeue_running(connection: &Connection) -> rusqlite::Result<usize> {
    connection.execute("update job set state = 'queued' where state = 'running'", [])
}

pub(crate) fn state(connection: &Connection, id: JobId) -> rusqlite::Result<Option<JobState>> {
    let text: Option<String> = connection
        .prepare_cached("select state from job where job = ?")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    Ok(text.map(|text| match text.as_str() {
        "queued" => JobState::Queued,
        "running" => JobState::Running,
        "done" => JobState::Done,
        _ => JobState::Failed,
    }))
}

/// Deletes all but the newest ended jobs, so that the table cannot grow for ever.
pub(crate) fn prune(connection: &Connection, keep: u32) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "delete from job where state in ('done', 'failed')
             and job not in (select job from job where state in ('done', 'failed') order by job desc limit ?)",
        )?
        .execute([keep])
}
