//! What a pipeline says about a kind of job. It does not say when one runs.

use std::{fmt, sync::Arc};

use rusqlite::Transaction;
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use crate::{JobId, Progress, RetryPolicy, queue::Live};

/// How a job ended that did its work, or found that there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is done.
    Done(Report),
    /// Some of it could not be done; the report says what.
    Partial(Report),
    /// There was nothing to do, and why.
    Skipped(String),
}

/// What a job did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Numbers by name, such as `views_added`.
    pub counts: Vec<(&'static str, u64)>,
    /// One sentence for people.
    pub message: Option<String>,
}

impl Outcome {
    /// All of it is done, and there is nothing to tell.
    pub fn done() -> Self {
        Self::Done(Report::default())
    }
}

/// Why a job did not do its work. The words are kept with the job and shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Trying again would end the same way.
    #[error("{0}")]
    Fatal(String),
    /// It may pass; it is tried again as the kind's policy says.
    #[error("{0}")]
    Retryable(String),
    /// It cannot work before an instant that somebody named; it is tried again then.
    #[error("{1}")]
    WaitUntil(Timestamp, String),
    /// Somebody cancelled it, and it has given up.
    #[error("it was cancelled")]
    Cancelled,
}

/// What a kind of job does with a payload.
pub(crate) type RunJob = dyn Fn(&Context, &str) -> Result<Outcome, JobError> + Send + Sync;

/// What must be written in the transaction in which a job ends without its work done: payload and reason.
pub(crate) type Abandoned = dyn Fn(&Transaction<'_>, &str, &str) -> rusqlite::Result<()> + Send + Sync;

/// What must be written in the transaction in which a person has a job tried again; the words of a refusal.
pub(crate) type Revived = dyn Fn(&Transaction<'_>, &str) -> rusqlite::Result<Result<(), String>> + Send + Sync;

/// A kind of job: its name in the table, and what it does with a payload.
#[derive(Clone)]
pub struct JobKind {
    /// The name in the table; it never changes once released.
    pub name: &'static str,
    pub(crate) run: Arc<RunJob>,
    pub(crate) at_once: usize,
    pub(crate) retry: RetryPolicy,
    pub(crate) abandoned: Option<Arc<Abandoned>>,
    pub(crate) revived: Option<Arc<Revived>>,
}

impl JobKind {
    /// A kind that runs one job at a time, on a thread that may block, and tries none again.
    ///
    /// `run` must be safe to run again after a kill at any moment.
    pub fn new(
        name: &'static str,
        run: impl Fn(&Context, &str) -> Result<Outcome, JobError> + Send + Sync + 'static,
    ) -> Self {
        Self { name, run: Arc::new(run), at_once: 1, retry: RetryPolicy::NEVER, abandoned: None, revived: None }
    }

    /// Lets so many jobs of the kind run at a time.
    pub fn at_once(mut self, at_once: usize) -> Self {
        self.at_once = at_once.max(1);
        self
    }

    /// Tries failures that may pass again.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// Writes something in the transaction in which a job ends as failed or cancelled.
    pub fn when_abandoned(
        mut self,
        write: impl Fn(&Transaction<'_>, &str, &str) -> rusqlite::Result<()> + Send + Sync + 'static,
    ) -> Self {
        self.abandoned = Some(Arc::new(write));
        self
    }

    /// Writes something in the transaction in which a person has a job tried again, or refuses.
    pub fn when_revived(
        mut self,
        write: impl Fn(&Transaction<'_>, &str) -> rusqlite::Result<Result<(), String>> + Send + Sync + 'static,
    ) -> Self {
        self.revived = Some(Arc::new(write));
        self
    }
}

impl fmt::Debug for JobKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobKind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a running job has at hand.
pub struct Context {
    pub(crate) id: JobId,
    pub(crate) correlation: String,
    pub(crate) live: Arc<Live>,
}

impl Context {
    /// Which job this is.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// The correlation id of the request that caused it; empty if none did.
    pub fn correlation(&self) -> &str {
        &self.correlation
    }

    /// Tells how far the job is.
    pub fn report(&self, progress: Progress) {
        self.live.set_progress(self.id, progress);
    }

    /// Whether the server wants to stop. A long job then gives up; it is run again at the next start.
    pub fn is_stopping(&self) -> bool {
        self.live.is_stopping()
    }

    /// Whether the job is to end early, for whichever of these reasons.
    pub fn gives_up(&self) -> bool {
        self.is_stopping() || self.is_cancelled()
    }

    /// Whether somebody cancelled this job. It then gives up with [`JobError::Cancelled`].
    pub fn is_cancelled(&self) -> bool {
        self.live.is_cancelled(self.id)
    }
}
