//! Work that outlives a request: a queue in the instance's own database, the clock that fills it, the history of what
//! ran, and the circuit breakers round services outside.
//!
//! It does not know what any job does. `docs/decisions/` says why it is our own table and no ready-made queue.

mod job;
mod kind;
mod progress;
mod retry;

mod queue;
mod worker;

mod run;
mod schedule;

mod breaker;

pub use breaker::{Breaker, BreakerSettings, BreakerState, Breakers, Permit};
pub use job::{Found, Job, JobFilter, JobId, JobState, NewJob};
pub use kind::{Context, JobError, JobKind, Outcome, Report};
pub use progress::Progress;
pub use queue::{Cancelled, FailedJob, Queue, QueueSettings, Retried, WhenFailed};
pub use retry::RetryPolicy;
pub use run::{Run, RunStatus, Summary, last_run};
pub use schedule::{Planned, Schedule, When};

use ytorch_store::{Migration, Migrations};

/// The tables of jobs, runs, schedules and breakers.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "jobs",
    list: &[
        Migration { number: 1, sql: include_str!("../migrations/0001_job.sql") },
        Migration { number: 2, sql: include_str!("../migrations/0002_operations.sql") },
    ],
};
