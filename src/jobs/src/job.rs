//! The table of jobs: every query on it. It does not run anything.

use rusqlite::{Connection, OptionalExtension as _, Row, params, types::ToSql};
use serde::{Deserialize, Serialize};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use crate::Progress;

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

impl std::fmt::Display for JobId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// Somebody cancelled it.
    Cancelled,
    /// There was nothing to do.
    Skipped,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 6] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled, Self::Skipped];

    /// The word for it, in the table, the API and the metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// The state of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether the job waits or runs.
    pub const fn is_alive(self) -> bool {
        matches!(self, Self::Queued | Self::Running)
    }
}

/// A job to put into the queue.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) kind: &'static str,
    pub(crate) payload: String,
    pub(crate) subject: String,
    pub(crate) dedup_key: Option<String>,
    pub(crate) priority: i64,
    pub(crate) correlation: String,
}

impl NewJob {
    /// A job of a kind with what it needs to know.
    pub fn new(kind: &'static str, payload: impl Into<String>) -> Self {
        Self {
            kind,
            payload: payload.into(),
            subject: String::new(),
            dedup_key: None,
            priority: 0,
            correlation: String::new(),
        }
    }

    /// What it is about, for people.
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = subject.into();
        self
    }

    /// Puts it in only if no job of its kind with this key waits or runs.
    pub fn unless_there_is(mut self, dedup_key: impl Into<String>) -> Self {
        self.dedup_key = Some(dedup_key.into());
        self
    }

    /// Higher runs first; 0 is usual.
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = priority;
        self
    }

    /// The correlation id of the request that causes it.
    pub fn caused_by(mut self, correlation: impl Into<String>) -> Self {
        self.correlation = correlation.into();
        self
    }
}

/// One job, as pages and the API show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Where it is in its life.
    pub state: JobState,
    /// Higher runs first.
    pub priority: i64,
    /// How often it was begun.
    pub attempts: u32,
    /// How far it is, while it runs, and how far it was when it ended.
    pub progress: Option<Progress>,
    /// What it did.
    pub message: Option<String>,
    /// Why it failed, for good or the last time.
    pub error: Option<String>,
    /// The correlation id of the request that caused it; empty if none did.
    pub correlation: String,
    /// When it was put into the queue.
    pub created_at: Timestamp,
    /// When it is tried next, if that is later than its creation.
    pub not_before: Option<Timestamp>,
    /// When it was begun last.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Which jobs are wanted, newest first.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only those older than this one.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: u32,
}

/// What an enqueue led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A new job.
    New(JobId),
    /// One with the same key waits or runs already.
    Known(JobId),
}

impl Found {
    /// The job, new or not.
    pub const fn id(self) -> JobId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// A job that was taken from the queue.
pub(crate) struct Claimed {
    pub(crate) id: JobId,
    pub(crate) kind: String,
    pub(crate) subject: String,
    pub(crate) payload: String,
    pub(crate) failures: u32,
    pub(crate) losses: u32,
    pub(crate) correlation: String,
}

pub(crate) fn insert(connection: &Connection, new: &NewJob, now: Timestamp) -> rusqlite::Result<Found> {
    let NewJob { kind, payload, subject, dedup_key, priority, correlation } = new;
    if let Some(key) = dedup_key {
        let known = connection
            .prepare_cached("select job from job where kind = ? and dedup_key = ? and state in ('queued', 'running')")?
            .query_row(params![kind, key], |row| row.get(0))
            .optional()?;
        if let Some(job) = known {
            return Ok(Found::Known(JobId(job)));
        }
    }
    let job = connection
        .prepare_cached(
            "insert into job (kind, payload, subject, dedup_key, priority, correlation, created_at)
             values (?, ?, ?, ?, ?, ?, ?)",
        )?
        .insert(params![kind, payload, subject, dedup_key, priority, correlation, now.as_micros()])?;
    Ok(Found::New(JobId(job)))
}

/// Takes the next job that may run: the highest priority first, then the oldest. `busy` kinds are passed over.
pub(crate) fn claim(
    connection: &Connection,
    busy: &[&str],
    owner: &str,
    now: Timestamp,
    lease_until: Timestamp,
) -> rusqlite::Result<Option<Claimed>> {
    let busy = serde_json::to_string(busy).unwrap_or_else(|_| "[]".to_owned());
    connection
        .prepare_cached(
            "update job set state = 'running', attempts = attempts + 1, started_at = ?1, ended_at = null, owner = ?2,
                 lease_until = ?3, progress = null
             where job = (
                 select job from job
                 where state = 'queued' and not_before <= ?1 and kind not in (select value from json_each(?4))
                 order by priority desc, job limit 1
             )
             returning job, kind, subject, payload, failures, losses, correlation",
        )?
        .query_row(params![now.as_micros(), owner, lease_until.as_micros(), busy], |row| {
            Ok(Claimed {
                id: JobId(row.get(0)?),
                kind: row.get(1)?,
                subject: row.get(2)?,
                payload: row.get(3)?,
                failures: row.get(4)?,
                losses: row.get(5)?,
                correlation: row.get(6)?,
            })
        })
        .optional()
}

/// Whether the lease of a running job is over.
pub(crate) fn has_expired(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("select exists (select 1 from job where state = 'running' and lease_until < ?)")?
        .query_row([now.as_micros()], |row| row.get(0))
}

/// Puts back what nobody has under way any more, and gives the number of those jobs: what another start of the server
/// had, and whose lease is over.
pub(crate) fn requeue_lost(connection: &Connection, owner: &str, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "update job set state = 'queued', losses = losses + 1, owner = null, lease_until = null
         where state = 'running' and (owner is not ?1 or lease_until < ?2)",
        params![owner, now.as_micros()],
    )
}

/// Puts back a job that gave up because the server stops; that is no loss.
pub(crate) fn put_back(connection: &Connection, id: JobId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("update job set state = 'queued', owner = null, lease_until = null where job = ?")?
        .execute([id.0])?;
    Ok(())
}

/// Says that a running job is still alive, and how far it is.
pub(crate) fn heartbeat(
    connection: &Connection,
    id: JobId,
    lease_until: Timestamp,
    progress: Option<&Progress>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update job set lease_until = ?2, progress = coalesce(?3, progress) where job = ?1 and state = 'running'",
        )?
        .execute(params![id.0, lease_until.as_micros(), progress.and_then(as_json)])?;
    Ok(())
}

/// How a job ends.
pub(crate) struct Ending<'a> {
    pub(crate) state: JobState,
    pub(crate) message: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) progress: Option<&'a Progress>,
}

pub(crate) fn finish(connection: &Connection, id: JobId, ending: &Ending<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let Ending { state, message, error, progress } = ending;
    connection
        .prepare_cached(
            "update job set state = ?2, message = ?3, error = ?4, progress = coalesce(?5, progress), ended_at = ?6,
                 owner = null, lease_until = null
             where job = ?1",
        )?
        .execute(params![id.0, state.word(), message, error, progress.and_then(as_json), now.as_micros()])?;
    Ok(())
}

/// Puts a job back that is tried again later. `failures` counts only what the policy counts.
pub(crate) fn try_later(
    connection: &Connection,
    id: JobId,
    failures: u32,
    not_before: Timestamp,
    error: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update job set state = 'queued', failures = ?2, not_before = ?3, error = ?4, owner = null,
                 lease_until = null
             where job = ?1",
        )?
        .execute(params![id.0, failures, not_before.as_micros(), error])?;
    Ok(())
}

/// Puts an ended job back as if it were new; false if it waits or runs, or if another one with its key does.
pub(crate) fn revive(connection: &Connection, id: JobId) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "update or ignore job set state = 'queued', failures = 0, losses = 0, not_before = 0, error = null,
                 message = null, progress = null, ended_at = null
             where job = ? and state in ('failed', 'cancelled')",
        )?
        .execute([id.0])?;
    Ok(changed > 0)
}

/// Jobs of a kind that wait for an instant may begin at once.
pub(crate) fn hurry(connection: &Connection, kind: &str) -> rusqlite::Result<()> {
    let sql = "update job set not_before = 0 where state = 'queued' and kind = ?";
    connection.prepare_cached(sql)?.execute([kind]).map(|_| ())
}

/// When the next queued job may run, if it must wait for an instant. One whose time has come waits for its kind.
pub(crate) fn next_start(connection: &Connection, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
    let next: Option<i64> = connection
        .prepare_cached("select min(not_before) from job where state = 'queued' and not_before > ?")?
        .query_row([now.as_micros()], |row| row.get(0))?;
    Ok(next.map(Timestamp::from_micros))
}

const COLUMNS: &str = "job, kind, subject, state, priority, attempts, progress, message, error, correlation, created_at, \
                       not_before, started_at, ended_at";

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let instant = |index| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp::from_micros));
    let state: String = row.get(3)?;
    let progress: Option<String> = row.get(6)?;
    Ok(Job {
        id: JobId(row.get(0)?),
        kind: row.get(1)?,
        subject: row.get(2)?,
        state: JobState::of_word(&state).unwrap_or(JobState::Failed),
        priority: row.get(4)?,
        attempts: row.get(5)?,
        progress: progress.and_then(|text| serde_json::from_str(&text).ok()),
        message: row.get(7)?,
        error: row.get(8)?,
        correlation: row.get(9)?,
        created_at: Timestamp::from_micros(row.get(10)?),
        not_before: instant(11)?.filter(|at| at.as_micros() > 0),
        started_at: instant(12)?,
        ended_at: instant(13)?,
    })
}

pub(crate) fn find(connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
    connection.prepare_cached(&format!("select {COLUMNS} from job where job = ?"))?.query_row([id.0], job).optional()
}

/// The kind and payload of a job, with its state.
pub(crate) fn payload(connection: &Connection, id: JobId) -> rusqlite::Result<Option<(String, String, JobState)>> {
    connection
        .prepare_cached("select kind, payload, state from job where job = ?")?
        .query_row([id.0], |row| {
            let state: String = row.get(2)?;
            Ok((row.get(0)?, row.get(1)?, JobState::of_word(&state).unwrap_or(JobState::Failed)))
        })
        .optional()
}

pub(crate) fn list(connection: &Connection, filter: &JobFilter) -> rusqlite::Result<Vec<Job>> {
    let JobFilter { state, kind, before, limit } = filter;
    let mut sql = format!("select {COLUMNS} from job where true");
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let word = state.map(JobState::word);
    let before = before.map(JobId::as_raw);
    if let Some(word) = &word {
        sql.push_str(" and state = ?");
        values.push(word);
    }
    if let Some(kind) = kind {
        sql.push_str(" and kind = ?");
        values.push(kind);
    }
    if let Some(before) = &before {
        sql.push_str(" and job < ?");
        values.push(before);
    }
    sql.push_str(" order by job desc limit ?");
    values.push(limit);
    connection.prepare_cached(&sql)?.query_map(values.as_slice(), job)?.collect()
}

/// How many jobs of each kind are in each state.
pub(crate) fn count(connection: &Connection) -> rusqlite::Result<Vec<(String, JobState, u64)>> {
    let mut statement = connection.prepare_cached("select kind, state, count(*) from job group by kind, state")?;
    let rows = statement.query_map([], |row| {
        let state: String = row.get(1)?;
        Ok((row.get(0)?, JobState::of_word(&state).unwrap_or(JobState::Failed), row.get(2)?))
    })?;
    rows.collect()
}

/// Deletes ended jobs that are neither among the newest `keep` nor younger than `oldest`, so that the table cannot grow
/// for ever.
pub(crate) fn prune(connection: &Connection, keep: u32, oldest: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "delete from job where state not in ('queued', 'running') and (
                 ended_at < ?2
                 or job <= (select job from job where state not in ('queued', 'running') order by job desc limit 1 offset ?1)
             )",
        )?
        .execute(params![keep, oldest.as_micros()])
}

fn as_json(progress: &Progress) -> Option<String> {
    serde_json::to_string(progress).ok()
}
