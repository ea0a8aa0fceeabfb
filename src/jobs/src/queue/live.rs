//! What is known of jobs only while the server runs: how far they are, which are to give up. Nothing of it is stored.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

use crate::{JobId, Progress};

/// What is known of jobs only while the server runs.
pub(crate) struct Live {
    running: Mutex<HashMap<JobId, Running>>,
    /// Waiting jobs whose cancelling waits for the writer: begun meanwhile, they give up at once.
    unwanted: Mutex<HashSet<JobId>>,
    stopping: AtomicBool,
    /// Counts whatever changes, so that waiting ones look again.
    changes: watch::Sender<u64>,
}

struct Running {
    kind: &'static str,
    progress: Option<Progress>,
    cancelled: bool,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            running: Mutex::default(),
            unwanted: Mutex::default(),
            stopping: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwanted(&self) -> MutexGuard<'_, HashSet<JobId>> {
        self.unwanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, id: JobId, kind: &'static str) {
        // The lock is held until it is among the running: a cancel in between must find it in one of the two.
        let mut unwanted = self.unwanted();
        let cancelled = unwanted.remove(&id);
        self.running().insert(id, Running { kind, progress: None, cancelled });
        drop(unwanted);
        self.changed();
    }

    /// Forgets a job that ran, and says whether it was told to give up.
    pub(crate) fn end(&self, id: JobId) -> bool {
        let was_cancelled = self.running().remove(&id).is_some_and(|running| running.cancelled);
        self.changed();
        was_cancelled
    }

    pub(crate) fn set_progress(&self, id: JobId, progress: Progress) {
        if let Some(running) = self.running().get_mut(&id) {
            running.progress = Some(progress);
        }
        self.changed();
    }

    pub(crate) fn progress(&self, id: JobId) -> Option<Progress> {
        self.running().get(&id)?.progress.clone()
    }

    /// The running jobs and how far they are.
    pub(crate) fn all(&self) -> Vec<(JobId, Option<Progress>)> {
        self.running().iter().map(|(id, running)| (*id, running.progress.clone())).collect()
    }

    /// How many jobs of a kind run.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.running().values().filter(|running| running.kind == kind).count()
    }

    pub(crate) fn is_cancelled(&self, id: JobId) -> bool {
        self.running().get(&id).is_some_and(|running| running.cancelled)
    }

    /// Tells a running job to give up; false if it does not run.
    pub(super) fn cancel(&self, id: JobId) -> bool {
        let mut running = self.running();
        let Some(found) = running.get_mut(&id) else { return false };
        found.cancelled = true;
        true
    }

    /// Marks a waiting job, so that it gives up at once if it is begun before its cancelling is written.
    pub(super) fn want_no_more(&self, id: JobId) {
        self.unwanted().insert(id);
    }

    /// Takes the mark away.
    pub(super) fn want_again(&self, id: JobId) {
        self.unwanted().remove(&id);
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.running().is_empty()
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.changed();
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}
