//! The history of what ran: one row for each execution of a job, and the averages drawn from it. It starts nothing.

use std::time::Duration;

use rusqlite::{Connection, Row, params};
use serde::Serialize;
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use crate::JobId;

/// How much the newest run weighs in the moving averages.
const WEIGHT: f64 = 0.2;

/// Runs of a kind from which the averages are drawn; older ones would weigh less than a billionth.
const RUNS_AVERAGED: u32 = 100;

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// All of the work is done.
    Success,
    /// Some of it could not be done.
    Partial,
    /// It failed; the error says why.
    Error,
    /// There was nothing to do.
    Skipped,
}

impl RunStatus {
    /// The word for it, in the table, the API and the metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Partial => "partial",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    fn of_word(word: &str) -> Self {
        match word {
            "success" => Self::Success,
            "partial" => Self::Partial,
            "skipped" => Self::Skipped,
            _ => Self::Error,
        }
    }
}

/// One execution of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its number.
    pub id: i64,
    /// Of which job.
    pub job: JobId,
    /// The job's kind.
    pub kind: String,
    /// What the job is about.
    pub subject: String,
    /// How it ended.
    pub status: RunStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Numbers by name.
    pub counts: serde_json::Map<String, serde_json::Value>,
    /// What it did.
    pub message: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// The correlation id of the request that caused the job.
    pub correlation: String,
}

impl Run {
    /// From its beginning to its end. A clock that was set back meanwhile makes it zero.
    pub fn duration(&self) -> Duration {
        let micros = self.ended_at.as_micros().saturating_sub(self.started_at.as_micros());
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

/// What the history says about a kind of job.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The kind.
    pub kind: String,
    /// Runs that did all or some of their work.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// The moving average of the durations of runs that did their work; the newest weighs 0.2.
    pub average_duration: Option<Duration>,
    /// The last run, however it ended.
    pub last: Run,
    /// When a run did its work last.
    pub last_success_at: Option<Timestamp>,
}

/// A run that has just ended.
pub(crate) struct Ended<'a> {
    pub(crate) job: JobId,
    pub(crate) kind: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) status: RunStatus,
    pub(crate) started_at: Timestamp,
    pub(crate) now: Timestamp,
    pub(crate) counts: &'a [(&'static str, u64)],
    pub(crate) message: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) correlation: &'a str,
}

pub(crate) fn insert(connection: &Connection, ended: &Ended<'_>) -> rusqlite::Result<()> {
    let Ended { job, kind, subject, status, started_at, now, counts, message, error, correlation } = ended;
    let counts: serde_json::Map<_, _> =
        counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    connection
        .prepare_cached(
            "insert into job_run (job, kind, subject, status, started_at, ended_at, counts, message, error, correlation)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            job.as_raw(),
            kind,
            subject,
            status.word(),
            started_at.as_micros(),
            now.as_micros(),
            serde_json::Value::from(counts).to_string(),
            message,
            error,
            correlation
        ])?;
    Ok(())
}

const COLUMNS: &str = "run, job, kind, subject, status, started_at, ended_at, counts, message, error, correlation";

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let (status, counts): (String, String) = (row.get(4)?, row.get(7)?);
    Ok(Run {
        id: row.get(0)?,
        job: JobId(row.get(1)?),
        kind: row.get(2)?,
        subject: row.get(3)?,
        status: RunStatus::of_word(&status),
        started_at: Timestamp::from_micros(row.get(5)?),
        ended_at: Timestamp::from_micros(row.get(6)?),
        counts: serde_json::from_str(&counts).unwrap_or_default(),
        message: row.get(8)?,
        error: row.get(9)?,
        correlation: row.get(10)?,
    })
}

/// The newest runs first; of one kind if it is named, and only those older than `before`.
pub(crate) fn list(
    connection: &Connection,
    kind: Option<&str>,
    before: Option<i64>,
    limit: u32,
) -> rusqlite::Result<Vec<Run>> {
    let before = before.unwrap_or(i64::MAX);
    match kind {
        Some(kind) => connection
            .prepare_cached(&format!(
                "select {COLUMNS} from job_run where kind = ? and run < ? order by run desc limit ?"
            ))?
            .query_map(params![kind, before, limit], run)?
            .collect(),
        None => connection
            .prepare_cached(&format!("select {COLUMNS} from job_run where run < ? order by run desc limit ?"))?
            .query_map(params![before, limit], run)?
            .collect(),
    }
}

/// The newest runs of a job. Its kind is asked for too, because the table is in that order.
pub(crate) fn of_job(connection: &Connection, kind: &str, job: JobId) -> rusqlite::Result<Vec<Run>> {
    connection
        .prepare_cached(&format!(
            "select {COLUMNS} from job_run where kind = ? and job = ? order by run desc limit 100"
        ))?
        .query_map(params![kind, job.as_raw()], run)?
        .collect()
}

/// The newest run of a kind.
pub fn last_run(connection: &Connection, kind: &str) -> rusqlite::Result<Option<Run>> {
    Ok(list(connection, Some(kind), None, 1)?.pop())
}

/// When each kind did its work last, of those that ever did.
pub(crate) fn last_successes(connection: &Connection) -> rusqlite::Result<Vec<(String, Timestamp)>> {
    connection
        .prepare_cached("select kind, max(ended_at) from job_run where status in ('success', 'partial') group by kind")?
        .query_map([], |row| Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?))))?
        .collect()
}

/// What the history says about every kind that ever ran.
pub(crate) fn summaries(connection: &Connection) -> rusqlite::Result<Vec<Summary>> {
    let kinds: Vec<(String, u64, u64, Option<i64>)> = connection
        .prepare_cached(
            "select kind, sum(status in ('success', 'partial')), sum(status = 'error'),
                 max(iif(status in ('success', 'partial'), ended_at, null))
             from job_run group by kind order by kind",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut summaries = Vec::with_capacity(kinds.len());
    for (kind, succeeded, failed, last_success) in kinds {
        let runs = list(connection, Some(&kind), None, RUNS_AVERAGED)?;
        let worked = runs.iter().rev().filter(|run| matches!(run.status, RunStatus::Success | RunStatus::Partial));
        let average_duration =
            moving_average(worked.map(|run| run.duration().as_secs_f64())).map(Duration::from_secs_f64);
        let Some(last) = runs.into_iter().next() else { continue };
        let last_success_at = last_success.map(Timestamp::from_micros);
        summaries.push(Summary { kind, succeeded, failed, average_duration, last, last_success_at });
    }
    Ok(summaries)
}

/// The exponential moving average of values in the order of time.
fn moving_average(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.reduce(|average, value| WEIGHT * value + (1.0 - WEIGHT) * average)
}

/// Deletes all but the newest runs of each kind, and those that are too old.
pub(crate) fn prune(connection: &Connection, keep: u32, oldest: Timestamp) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "delete from job_run where ended_at < ?2 or run in (
                 select run from (select run, row_number() over (partition by kind order by run desc) as place from job_run)
                 where place > ?1
             )",
        )?
        .execute(params![keep, oldest.as_micros()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_value_weighs_a_fifth() {
        assert_eq!(moving_average([].into_iter()), None);
        assert_eq!(moving_average([10.0].into_iter()), Some(10.0));
        let average = moving_average([10.0, 20.0, 0.0].into_iter()).unwrap();
        assert!((average - 9.6).abs() < 1e-9, "{average}");
    }
}
