//! How far a job is. It is kept in memory only: after a kill the job starts again anyway.

use serde::Serialize;

/// What a job is doing at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Reading its input.
    Reading,
    /// Writing what it has read.
    Writing,
    /// Adding up totals.
    Summing,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes of the input that are read.
    pub bytes_done: u64,
    /// Bytes of the input in all.
    pub bytes_total: u64,
    /// Records found so far.
    pub records: u64,
}
