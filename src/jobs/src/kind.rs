//! What a pipeline says about a kind of job. It does not say when one runs.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{JobId, Progress, queue::Live};

/// Why a job did not do its work. It is kept with the job and shown.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JobFailed(pub String);

/// What a kind of job does with a payload.
pub type Run = dyn Fn(&Context, &str) -> Result<(), JobFailed> + Send + Sync;

/// A kind of job: its name in the table, and what it does with a payload.
#[derive(Clone)]
pub struct JobKind {
    /// The name in the table; it never changes once released.
    pub name: &'static str,
    /// Runs one job on a thread that may block. It must be safe to run again after a kill at any moment.
    pub run: Arc<Run>,
}

impl fmt::Debug for JobKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JobKind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a running job has at hand.
pub struct Context {
    pub(crate) id: JobId,
    pub(crate) live: Arc<Live>,
    pub(crate) stopping: Arc<AtomicBool>,
}

impl Context {
    /// Which job this is.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Tells how far the job is.
    pub fn report(&self, progress: Progress) {
        self.live.set_progress(self.id, progress);
    }

    /// Whether the server wants to stop. A long job then gives up; it is run again at the next start.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}
