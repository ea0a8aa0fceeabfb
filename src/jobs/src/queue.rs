//! The queue and the thread that works it off, one job after the other. It does not know the jobs' payloads.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::JoinHandle,
};

use rusqlite::Transaction;
use tokio::sync::watch;
use ytorch_core::Clock;
use ytorch_store::{Database, StoreError, rusqlite};

use crate::{Context, JobFailed, JobId, JobKind, JobState, Progress, row};

/// A job that was under way at so many kills is taken to be their cause and not tried again.
const MOST_ATTEMPTS: u32 = 3;

/// Ended jobs that are kept for a look back.
const ENDED_JOBS_KEPT: u32 = 1000;

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    clock: Clock,
    live: Arc<Live>,
    stopping: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What is known of jobs only while the server runs.
pub(crate) struct Live {
    progress: Mutex<HashMap<JobId, Progress>>,
    /// Counts ended jobs, so that waiting ones look again.
    ended: watch::Sender<u64>,
}

impl Live {
    pub(crate) fn set_progress(&self, id: JobId, progress: Progress) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).insert(id, progress);
    }

    fn forget(&self, id: JobId) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.ended.send_modify(|count| *count += 1);
    }
}

impl Queue {
    /// Puts back what a killed server had under way, then works the queue off on a thread of its own.
    ///
    /// The caller must be the only one with this database: the server's lock sees to that.
    pub fn start(database: Database, kinds: Vec<JobKind>, clock: Clock) -> Result<Self, StoreError> {
        let returned =
            database.write_blocking(|transaction| Ok::<_, StoreError>(row::requeue_running(transaction)?))?;
        if returned > 0 {
            tracing::warn!(jobs = returned, "jobs were under way when the server was last stopped; they run again");
        }
        let live = Arc::new(Live { progress: Mutex::new(HashMap::new()), ended: watch::Sender::new(0) });
        let stopping = Arc::new(AtomicBool::new(false));
        // One waiting wake-up is as good as many: the worker always empties the queue.
        let (wake, woken) = mpsc::sync_channel(1);
        let worker = Worker {
            database: database.clone(),
            kinds,
            clock: clock.clone(),
            live: Arc::clone(&live),
            stopping: Arc::clone(&stopping),
        };
        let thread = std::thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || worker.run(&woken))
            .map_err(|_| StoreError::Closed)?;
        let queue =
            Self { inner: Arc::new(Inner { database, clock, live, stopping, wake, thread: Mutex::new(Some(thread)) }) };
        queue.wake();
        Ok(queue)
    }

    /// Adds a job in the caller's transaction. Call [`Self::wake`] after the commit.
    pub fn enqueue(&self, transaction: &Transaction<'_>, kind: &JobKind, payload: &str) -> Result<JobId, StoreError> {
        Ok(row::insert(transaction, kind.name, payload, self.inner.clock.now())?)
    }

    /// Tells the worker that there is work.
    pub fn wake(&self) {
        // A full channel already holds a wake-up; a closed one means that the server stops.
        let _ = self.inner.wake.try_send(());
    }

    /// How far a running job is.
    pub fn progress(&self, id: JobId) -> Option<Progress> {
        self.inner.live.progress.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    /// Waits until a job has ended, and says how; at once if it is unknown.
    pub async fn wait(&self, id: JobId) -> Result<JobState, StoreError> {
        let mut ended = self.inner.live.ended.subscribe();
        loop {
            // Marks what was seen before looking, so that an end in between wakes the wait below.
            ended.borrow_and_update();
            let state =
                self.inner.database.read(move |connection| Ok::<_, StoreError>(row::state(connection, id)?)).await?;
            match state {
                Some(JobState::Queued | JobState::Running) => {}
                Some(state) => return Ok(state),
                None => return Ok(JobState::Done),
            }
            if ended.changed().await.is_err() {
                return Err(StoreError::Closed);
            }
        }
    }

    /// Stops taking jobs, tells the running one to give up, and waits for it.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Relaxed);
        self.wake();
        let thread = self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the job thread had panicked");
        }
    }
}

struct Worker {
    database: Database,
    kinds: Vec<JobKind>,
    clock: Clock,
    live: Arc<Live>,
    stopping: Arc<AtomicBool>,
}

impl Worker {
    fn run(&self, woken: &Receiver<()>) {
        while woken.recv().is_ok() {
            loop {
                if self.stopping.load(Ordering::Relaxed) {
                    return;
                }
                match self.step() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::error!(error = &error as &dyn std::error::Error, "could not work on the queue");
                        break;
                    }
                }
            }
        }
    }

    /// Runs one job; `false` if there is none.
    fn step(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let claimed =
            self.database.write_blocking(move |transaction| Ok::<_, StoreError>(row::claim(transaction, now)?))?;
        let Some(row::Claimed { id, kind, payload, attempts }) = claimed else {
            return Ok(false);
        };
        let result = if attempts > MOST_ATTEMPTS {
            Err(JobFailed(format!(
                "the server was stopped {MOST_ATTEMPTS} times in the middle of it; it is not tried again"
            )))
        } else {
            self.run_one(id, &kind, &payload)
        };
        if self.stopping.load(Ordering::Relaxed) && result.is_err() {
            // It gave up because the server stops: it stays `running` and goes back to the queue at the next start.
            return Ok(false);
        }
        if let Err(error) = &result {
            tracing::error!(job = id.0, kind, %error, "a job failed");
        }
        let (error, now) = (result.err().map(|error| error.to_string()), self.clock.now());
        let finished = self.database.write_blocking(move |transaction| {
            row::finish(transaction, id, error.as_deref(), now)?;
            row::prune(transaction, ENDED_JOBS_KEPT)?;
            Ok::<_, StoreError>(())
        });
        self.live.forget(id);
        finished.map(|()| true)
    }

    fn run_one(&self, id: JobId, kind: &str, payload: &str) -> Result<(), JobFailed> {
        let Some(known) = self.kinds.iter().find(|known| known.name == kind) else {
            return Err(JobFailed(format!("this version knows no job `{kind}`")));
        };
        let context = Context { id, live: Arc::clone(&self.live), stopping: Arc::clone(&self.stopping) };
        std::panic::catch_unwind(AssertUnwindSafe(|| (known.run)(&context, payload)))
            .unwrap_or_else(|_| Err(JobFailed("it panicked; the server's log has the details".to_owned())))
    }
}
