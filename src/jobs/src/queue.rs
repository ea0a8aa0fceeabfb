//! The queue as the rest of the server sees it: put work in, look, cancel, try again, wait. The worker runs it.

mod live;

pub(crate) use live::Live;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction};
use tokio::sync::watch;
use ytorch_core::{Clock, Secret, Timestamp, Zone};
use ytorch_store::{Database, StoreError, rusqlite};
use ytorch_telemetry::Metrics;

use crate::{
    Found, Job, JobFilter, JobId, JobKind, JobState, NewJob, Planned, Progress, Run, Schedule, Summary, job, run,
    schedule, worker::Worker,
};

/// A worker that has not looked round for so long is stuck: it looks at least every thirty seconds, but may wait for a
/// long write.
const STUCK_AFTER: Duration = Duration::from_mins(15);

/// The words kept with a job that somebody cancelled.
pub(crate) const CANCELLED: &str = "it was cancelled";

/// What a queue works with.
#[derive(Clone)]
pub struct QueueSettings {
    /// Where its tables are.
    pub database: Database,
    /// Every kind of job that may be in it.
    pub kinds: Vec<JobKind>,
    /// Work that recurs.
    pub schedules: Vec<Schedule>,
    /// Where the present comes from.
    pub clock: Clock,
    /// In which zone a time of day is meant.
    pub zone: Zone,
    /// So many ended jobs are kept, and so many runs of each kind.
    pub keep_count: u32,
    /// Ended jobs and runs are kept for so many days.
    pub keep_days: u32,
    /// What jobs move.
    pub metrics: Metrics,
    /// The job that follows one that failed for good, in the same transaction.
    pub when_failed: Arc<WhenFailed>,
}

/// What follows a failure.
pub type WhenFailed = dyn Fn(&FailedJob<'_>) -> Option<NewJob> + Send + Sync;

/// A job that has failed for good.
#[derive(Clone, Copy, Debug)]
pub struct FailedJob<'a> {
    /// Which.
    pub id: JobId,
    /// Its kind.
    pub kind: &'a str,
    /// What it was about.
    pub subject: &'a str,
    /// Why it failed.
    pub error: &'a str,
    /// The correlation id of the request that caused it.
    pub correlation: &'a str,
}

/// The queue. Clones share it.
#[derive(Clone)]
pub struct Queue {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) settings: QueueSettings,
    pub(crate) live: Arc<Live>,
    /// Tells this start of the server from every other.
    pub(crate) owner: String,
    /// When the worker last looked round, in seconds since `started`.
    pub(crate) looked_at: AtomicU64,
    /// Not the clock of the settings, which can be set: a jump of it must not make a worker look stuck.
    pub(crate) started: Instant,
    wake: SyncSender<()>,
    /// Until the worker takes it.
    woken: Mutex<Option<Receiver<()>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What came of cancelling a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited, and is cancelled.
    Now,
    /// It runs, and has been told to give up.
    Soon,
    /// It had ended already.
    TooLate(JobState),
    /// There is no such job.
    Unknown,
}

/// What came of trying a job again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    /// It is in the queue.
    Queued,
    /// Only failed and cancelled jobs can be tried again, and one of a key at a time.
    NotNow(JobState),
    /// Its kind says why it cannot be.
    Refused(String),
    /// There is no such job.
    Unknown,
}

impl Queue {
    /// The queue, at work: [`Self::new`] and [`Self::work`].
    pub fn start(settings: QueueSettings) -> Result<Self, StoreError> {
        let queue = Self::new(settings)?;
        queue.work()?;
        Ok(queue)
    }

    /// Puts back what a killed server had under way, and begins nothing yet.
    ///
    /// The caller must be the only one with this database: the server's lock sees to that.
    pub fn new(settings: QueueSettings) -> Result<Self, StoreError> {
        let owner = Secret::generate().reveal()[..16].to_owned();
        let (mine, now) = (owner.clone(), settings.clock.now());
        let returned = settings
            .database
            .write_blocking(move |transaction| Ok::<_, StoreError>(job::requeue_lost(transaction, &mine, now)?))?;
        if returned > 0 {
            tracing::warn!(jobs = returned, "jobs were under way when the server was last stopped; they run again");
        }
        settings.kinds.iter().for_each(|kind| settings.metrics.job_known(kind.name));
        let live = Arc::new(Live::new());
        // One waiting wake-up is as good as many: the worker always looks at everything.
        let (wake, woken) = mpsc::sync_channel(1);
        let (started, looked_at, thread) = (Instant::now(), AtomicU64::new(0), Mutex::new(None));
        let woken = Mutex::new(Some(woken));
        let inner = Arc::new(Inner { settings, live, owner, looked_at, started, wake, woken, thread });
        Ok(Self { inner })
    }

    /// Works the queue off from now on, on threads of its own. Once is enough.
    pub fn work(&self) -> Result<(), StoreError> {
        let Some(woken) = self.inner.woken.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let worker = Worker::new(&self.inner);
        let thread = std::thread::Builder::new()
            .name("jobs".to_owned())
            .spawn(move || worker.run(&woken))
            .map_err(|_| StoreError::Closed)?;
        *self.thread() = Some(thread);
        self.wake();
        Ok(())
    }

    /// Adds a job in the caller's transaction. Call [`Self::wake`] after the commit.
    pub fn enqueue(&self, transaction: &Transaction<'_>, new: &NewJob) -> Result<Found, StoreError> {
        Ok(job::insert(transaction, new, self.inner.settings.clock.now())?)
    }

    /// Tells the worker that there is work.
    pub fn wake(&self) {
        // A full channel already holds a wake-up; a closed one means that the server stops.
        let _ = self.inner.wake.try_send(());
        self.inner.live.changed();
    }

    /// How far a running job is.
    pub fn progress(&self, id: JobId) -> Option<Progress> {
        self.inner.live.progress(id)
    }

    /// Some jobs, newest first.
    pub fn list(&self, connection: &Connection, filter: &JobFilter) -> rusqlite::Result<Vec<Job>> {
        Ok(job::list(connection, filter)?.into_iter().map(|job| self.with_progress(job)).collect())
    }

    /// One job.
    pub fn find(&self, connection: &Connection, id: JobId) -> rusqlite::Result<Option<Job>> {
        Ok(job::find(connection, id)?.map(|job| self.with_progress(job)))
    }

    /// How many jobs of each kind are in each state.
    pub fn count(&self, connection: &Connection) -> rusqlite::Result<Vec<(String, JobState, u64)>> {
        job::count(connection)
    }

    /// Runs, newest first; of one kind if it is named, and only those older than the run `before`.
    pub fn runs(
        &self,
        connection: &Connection,
        kind: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> rusqlite::Result<Vec<Run>> {
        run::list(connection, kind, before, limit)
    }

    /// The runs of one job, newest first.
    pub fn runs_of(&self, connection: &Connection, job: &Job) -> rusqlite::Result<Vec<Run>> {
        run::of_job(connection, &job.kind, job.id)
    }

    /// When each kind did its work last, of those that ever did.
    pub fn last_successes(&self, connection: &Connection) -> rusqlite::Result<Vec<(String, Timestamp)>> {
        run::last_successes(connection)
    }

    /// What the history says about every kind that ever ran.
    pub fn summaries(&self, connection: &Connection) -> rusqlite::Result<Vec<Summary>> {
        run::summaries(connection)
    }

    /// Every schedule with its times.
    pub fn schedules(&self, connection: &Connection) -> rusqlite::Result<Vec<Planned>> {
        let QueueSettings { schedules, clock, zone, .. } = &self.inner.settings;
        let now = clock.now();
        let planned = |schedule: &Schedule| {
            let last_due_at = schedule::last_due(connection, schedule.name)?;
            let next_due_at = schedule
                .when
                .as_ref()
                .and_then(|when| when.next(when.believed(last_due_at.unwrap_or(now), now), now, zone));
            Ok(Planned { schedule: schedule.clone(), last_due_at, next_due_at })
        };
        schedules.iter().map(planned).collect()
    }

    /// Puts the work of a schedule into the queue now; `None` if there is no such schedule.
    pub async fn run_now(&self, name: &str, correlation: String) -> Result<Option<Found>, StoreError> {
        let Some(schedule) = self.inner.settings.schedules.iter().find(|known| known.name == name) else {
            return Ok(None);
        };
        let new = schedule_job(schedule).caused_by(correlation);
        let queue = self.clone();
        let found = self.inner.settings.database.write(move |transaction| queue.enqueue(transaction, &new)).await?;
        self.wake();
        Ok(Some(found))
    }

    /// Cancels a job: at once if it waits, as soon as it listens if it runs.
    pub async fn cancel(&self, id: JobId) -> Result<Cancelled, StoreError> {
        // Not through the writer, which a running import may hold for a while.
        if self.inner.live.cancel(id) {
            self.inner.live.changed();
            return Ok(Cancelled::Soon);
        }
        let database = &self.inner.settings.database;
        match database.read(move |connection| Ok::<_, StoreError>(job::payload(connection, id)?)).await? {
            None => return Ok(Cancelled::Unknown),
            Some((_, _, state)) if !state.is_alive() => return Ok(Cancelled::TooLate(state)),
            Some(_) => {}
        }
        self.inner.live.want_no_more(id);
        let queue = self.clone();
        let cancelled = database.write(move |transaction| {
            let (cancelled, is_being_begun) = queue.cancel_waiting(transaction, id)?;
            // Here and not behind the await, because who asked may be gone when the writer has time for this.
            if !is_being_begun {
                queue.inner.live.want_again(id);
            }
            Ok::<_, StoreError>(cancelled)
        });
        let cancelled = cancelled.await?;
        self.wake();
        match cancelled {
            // Begun in between, it gave up before it did anything.
            Cancelled::TooLate(JobState::Cancelled) => Ok(Cancelled::Now),
            cancelled => Ok(cancelled),
        }
    }

    /// What came of it, and whether the job is claimed but not begun: then it gives up when it begins.
    pub(crate) fn cancel_waiting(
        &self,
        transaction: &Transaction<'_>,
        id: JobId,
    ) -> Result<(Cancelled, bool), StoreError> {
        let Some((kind, payload, state)) = job::payload(transaction, id)? else {
            return Ok((Cancelled::Unknown, false));
        };
        match state {
            JobState::Queued => {}
            JobState::Running => return Ok((Cancelled::Soon, !self.inner.live.cancel(id))),
            state => return Ok((Cancelled::TooLate(state), false)),
        }
        let ending = job::Ending { state: JobState::Cancelled, message: None, error: Some(CANCELLED), progress: None };
        job::finish(transaction, id, &ending, self.inner.settings.clock.now())?;
        self.inner.abandon(transaction, &kind, &payload, CANCELLED)?;
        self.inner.settings.metrics.job_ended(&kind, JobState::Cancelled.word(), Duration::ZERO);
        Ok((Cancelled::Now, false))
    }

    /// Puts a failed or cancelled job back into the queue.
    pub async fn retry(&self, id: JobId) -> Result<Retried, StoreError> {
        let queue = self.clone();
        let retried = self.inner.settings.database.write(move |transaction| queue.revive(transaction, id)).await?;
        self.wake();
        Ok(retried)
    }

    /// Lets jobs of a kind begin at once that wait for an instant, in the caller's transaction. [`Self::wake`] after it.
    pub fn hurry(&self, transaction: &Transaction<'_>, kind: &str) -> rusqlite::Result<()> {
        job::hurry(transaction, kind)
    }

    fn revive(&self, transaction: &Transaction<'_>, id: JobId) -> Result<Retried, StoreError> {
        let Some((kind, payload, state)) = job::payload(transaction, id)? else { return Ok(Retried::Unknown) };
        transaction.execute_batch("savepoint reviving")?;
        if !job::revive(transaction, id)? {
            return Ok(Retried::NotNow(state));
        }
        let revived = self.inner.kind(&kind).and_then(|kind| kind.revived.clone());
        if let Some(Err(refusal)) = revived.map(|revived| revived(transaction, &payload)).transpose()? {
            // The job stays as it was, with what is known of its end.
            transaction.execute_batch("rollback to reviving")?;
            return Ok(Retried::Refused(refusal));
        }
        Ok(Retried::Queued)
    }

    /// Waits until a job has ended, and says how; at once if it is unknown.
    pub async fn wait(&self, id: JobId) -> Result<JobState, StoreError> {
        let mut changes = self.subscribe();
        loop {
            // Marks what was seen before looking, so that an end in between wakes the wait below.
            changes.borrow_and_update();
            let database = &self.inner.settings.database;
            let found = database.read(move |connection| Ok::<_, StoreError>(job::find(connection, id)?)).await?;
            match found {
                Some(Job { state, .. }) if state.is_alive() => {}
                Some(Job { state, .. }) => return Ok(state),
                None => return Ok(JobState::Done),
            }
            loop {
                if self.inner.live.is_stopping() || changes.changed().await.is_err() {
                    return Err(StoreError::Closed);
                }
                // What only tells how far it is, is of no interest here.
                if self.inner.live.progress(id).is_none() {
                    break;
                }
            }
        }
    }

    /// Changes whenever a job's state or progress does.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.live.subscribe()
    }

    /// Whether the server wants to stop: whoever waits for jobs should not.
    pub fn is_stopping(&self) -> bool {
        self.inner.live.is_stopping()
    }

    /// Whether the worker looks round as it should.
    pub fn is_alive(&self) -> bool {
        let lives = self.thread().as_ref().is_some_and(|thread| !thread.is_finished());
        let looked_at = self.inner.looked_at.load(Ordering::Relaxed);
        let silent_seconds = self.inner.started.elapsed().as_secs().saturating_sub(looked_at);
        // While a job runs, the worker may wait behind its write for as long as that takes.
        lives && (silent_seconds < STUCK_AFTER.as_secs() || !self.inner.live.is_idle())
    }

    /// Takes no more jobs, tells the running ones to give up, and waits for them.
    pub fn stop(&self) {
        self.inner.live.stop();
        self.wake();
        let thread = self.thread().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the worker of the queue had panicked");
        }
        self.inner.live.changed();
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.inner.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_progress(&self, mut job: Job) -> Job {
        if job.state == JobState::Running
            && let Some(progress) = self.inner.live.progress(job.id)
        {
            job.progress = Some(progress);
        }
        job
    }
}

impl Inner {
    pub(crate) fn kind(&self, name: &str) -> Option<&JobKind> {
        self.settings.kinds.iter().find(|known| known.name == name)
    }

    /// Lets a job's kind write that it is not going to be done.
    pub(crate) fn abandon(
        &self,
        transaction: &Transaction<'_>,
        kind: &str,
        payload: &str,
        reason: &str,
    ) -> rusqlite::Result<()> {
        match self.kind(kind).and_then(|kind| kind.abandoned.as_ref()) {
            Some(abandoned) => abandoned(transaction, payload, reason),
            None => Ok(()),
        }
    }

    pub(crate) fn wake(&self) {
        let _ = self.wake.try_send(());
    }
}

/// The job of a schedule: one waits or runs at a time.
pub(crate) fn schedule_job(schedule: &Schedule) -> NewJob {
    NewJob::new(schedule.kind, "{}").subject(schedule.subject).unless_there_is(schedule.name)
}
