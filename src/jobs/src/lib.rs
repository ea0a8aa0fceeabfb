//! Work that outlives a request: a queue in the instance's own database, and the thread that works it off.
//!
//! It does not know what any job does, and it never runs two jobs at once: every job so far ends in the one writer.

mod kind;
mod progress;
mod queue;
mod row;

pub use kind::{Context, JobFailed, JobKind, Run};
pub use progress::{Phase, Progress};
pub use queue::Queue;
pub use row::{JobId, JobState};

use ytorch_store::{Migration, Migrations};

/// The table of jobs.
pub const MIGRATIONS: Migrations =
    Migrations { owner: "jobs", list: &[Migration { number: 1, sql: include_str!("../migrations/0001_job.sql") }] };
