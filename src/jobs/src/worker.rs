//! The thread that works the queue off: it looks what is due, begins jobs on threads of their own, and keeps their
//! leases alive. It does not know the jobs' payloads.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Weak,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;
use ytorch_core::{Timestamp, time::MICROS_PER_SECOND};
use ytorch_store::{StoreError, rusqlite};

use crate::{
    Context, JobError, JobId, JobKind, JobState, Outcome, Report, RunStatus,
    job::{self, Claimed, Ending},
    queue::{FailedJob, Inner, Queue, QueueSettings, schedule_job},
    retry, run, schedule,
};

/// A job that was under way at so many deaths of the server is taken to be their cause and not tried again.
const MOST_LOSSES: u32 = 3;

/// How long a running job is believed to be alive without a heartbeat.
const LEASE: Duration = Duration::from_secs(90);

/// The longest wait between two looks: a machine that slept, or whose clock was set, is noticed within it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// No wait between two looks is shorter, unless somebody wakes the worker.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);

/// However soon, or however late, a service wants us back.
const SHORTEST_POSTPONEMENT: Duration = Duration::from_secs(1);
const LONGEST_POSTPONEMENT: Duration = Duration::from_hours(24);

pub(crate) struct Worker {
    /// Weak, so that a queue that everybody has let go of ends its worker.
    inner: Weak<Inner>,
}

impl Worker {
    pub(crate) fn new(inner: &Arc<Inner>) -> Self {
        Self { inner: Arc::downgrade(inner) }
    }

    pub(crate) fn run(&self, woken: &Receiver<()>) {
        let mut threads: Vec<JoinHandle<()>> = Vec::new();
        let mut wait = Duration::ZERO;
        while !matches!(woken.recv_timeout(wait), Err(RecvTimeoutError::Disconnected)) {
            let Some(inner) = self.inner.upgrade() else { break };
            inner.looked_at.store(inner.started.elapsed().as_secs(), Ordering::Relaxed);
            if inner.live.is_stopping() {
                break;
            }
            threads.retain(|thread| !thread.is_finished());
            wait = inner.look(&mut threads).unwrap_or_else(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "could not work on the queue");
                LONGEST_WAIT
            });
        }
        for thread in threads {
            // What a job's thread does is caught; only a broken standard library could make it panic.
            let _ = thread.join();
        }
    }
}

impl Inner {
    /// One look round: puts in what is due, keeps leases alive, begins what may run. It says how long to wait.
    fn look(self: &Arc<Self>, threads: &mut Vec<JoinHandle<()>>) -> Result<Duration, StoreError> {
        // Not a later moment: what becomes due while this looks must not be passed over.
        let from = self.settings.clock.now();
        self.enqueue_due()?;
        self.keep_leases()?;
        while !self.live.is_stopping()
            && let Some(claimed) = self.claim()?
        {
            threads.push(self.begin(claimed)?);
        }
        let next = self.settings.database.read_blocking(|connection| self.next_look(connection, from))?;
        let now = self.settings.clock.now();
        let until = next.map_or(LONGEST_WAIT, |at| {
            Duration::from_micros(u64::try_from(at.as_micros().saturating_sub(now.as_micros())).unwrap_or(0))
        });
        Ok(until.clamp(SHORTEST_WAIT, LONGEST_WAIT))
    }

    /// Puts the work of every schedule that is due into the queue, once however long nobody looked.
    fn enqueue_due(self: &Arc<Self>) -> Result<(), StoreError> {
        let QueueSettings { database, schedules, clock, zone, .. } = &self.settings;
        let now = clock.now();
        for schedule in schedules {
            let Some(when) = &schedule.when else { continue };
            let last = database
                .read_blocking(|connection| Ok::<_, StoreError>(schedule::last_due(connection, schedule.name)?))?;
            let believed = last.map(|last| when.believed(last, now));
            // One that was never seen begins to count now.
            let due = believed.map_or(Some(now), |last| when.due(last, now, zone));
            let is_new = last.is_none();
            let moved = (believed != last).then_some(now);
            let Some(at) = due.or(moved) else { continue };
            let new = (due.is_some() && !is_new).then(|| schedule_job(schedule));
            let name = schedule.name;
            database.write_blocking(move |transaction| {
                schedule::set_last_due(transaction, name, at)?;
                if let Some(new) = new {
                    job::insert(transaction, &new, now)?;
                }
                Ok::<_, StoreError>(())
            })?;
        }
        Ok(())
    }

    fn keep_leases(&self) -> Result<(), StoreError> {
        let (running, now) = (self.live.all(), self.settings.clock.now());
        let database = &self.settings.database;
        let lost = database.read_blocking(|connection| Ok::<_, StoreError>(job::has_expired(connection, now)?))?;
        if running.is_empty() && !lost {
            return Ok(());
        }
        let owner = self.owner.clone();
        database.write_blocking(move |transaction| {
            for (id, progress) in &running {
                job::heartbeat(transaction, *id, now.after(LEASE), progress.as_ref())?;
            }
            // What is still expired now ended without a word: not even that could be written, as on a full disk.
            let lost = job::requeue_lost(transaction, &owner, now)?;
            if lost > 0 {
                tracing::warn!(jobs = lost, "jobs ended without a word; they run again");
            }
            Ok(())
        })
    }

    fn claim(&self) -> Result<Option<Claimed>, StoreError> {
        let is_busy = |kind: &&JobKind| self.live.count(kind.name) >= kind.at_once;
        let busy: Vec<&'static str> = self.settings.kinds.iter().filter(is_busy).map(|kind| kind.name).collect();
        let (now, owner) = (self.settings.clock.now(), self.owner.clone());
        self.settings
            .database
            .write_blocking(move |transaction| Ok(job::claim(transaction, &busy, &owner, now, now.after(LEASE))?))
    }

    fn next_look(&self, connection: &Connection, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let QueueSettings { schedules, zone, .. } = &self.settings;
        let mut next = job::next_start(connection, now)?;
        for schedule in schedules {
            let Some(when) = &schedule.when else { continue };
            let last = schedule::last_due(connection, schedule.name)?.unwrap_or(now);
            let due = when.next(when.believed(last, now), now, zone);
            next = [next, due].into_iter().flatten().min();
        }
        Ok(next)
    }

    fn begin(self: &Arc<Self>, claimed: Claimed) -> Result<JoinHandle<()>, StoreError> {
        let name = self.kind(&claimed.kind).map_or("unknown", |kind| kind.name);
        self.live.begin(claimed.id, name);
        let (inner, id) = (Arc::clone(self), claimed.id);
        let begun = std::thread::Builder::new().name("job".to_owned()).spawn(move || {
            let span = tracing::info_span!(
                "job",
                job = claimed.id.0,
                kind = claimed.kind,
                corr = Some(&claimed.correlation).filter(|corr| !corr.is_empty())
            );
            span.in_scope(|| inner.run(claimed));
            if inner.live.end(id) {
                inner.keep_promise(id);
            }
            inner.wake();
        });
        begun.map_err(|error| {
            tracing::error!(%error, "could not begin a thread for a job");
            self.live.end(id);
            StoreError::Closed
        })
    }

    /// Whoever cancelled a job while its end was being written was told that it would give up soon. If it is to be tried again,
    /// it ends here; else nothing is left to do.
    fn keep_promise(self: &Arc<Self>, id: JobId) {
        let queue = Queue { inner: Arc::clone(self) };
        let ended =
            self.settings.database.write_blocking(move |transaction| queue.cancel_waiting(transaction, id).map(drop));
        if let Err(error) = ended {
            tracing::error!(
                job = id.0,
                error = &error as &dyn std::error::Error,
                "could not cancel a job that is to be tried again"
            );
        }
        self.live.changed();
    }

    fn run(self: &Arc<Self>, claimed: Claimed) {
        let started_at = self.settings.clock.now();
        tracing::info!(subject = claimed.subject, "a job begins");
        let result = if claimed.losses >= MOST_LOSSES {
            Err(JobError::Fatal(format!(
                "the server was stopped {MOST_LOSSES} times in the middle of it; it is not tried again"
            )))
        } else if self.live.is_cancelled(claimed.id) {
            Err(JobError::Cancelled)
        } else {
            self.call(&claimed)
        };
        let recorded = if self.live.is_stopping() && result.is_err() && !self.live.is_cancelled(claimed.id) {
            // It gave up because the server stops: it runs again at the next start.
            let id = claimed.id;
            self.settings.database.write_blocking(move |transaction| Ok(job::put_back(transaction, id)?))
        } else {
            self.record(claimed, result, started_at)
        };
        if let Err(error) = recorded {
            // The row stays `running` until its lease is over; then it is put back.
            tracing::error!(error = &error as &dyn std::error::Error, "could not keep how a job ended");
        }
    }

    fn call(&self, claimed: &Claimed) -> Result<Outcome, JobError> {
        let Some(kind) = self.kind(&claimed.kind) else {
            return Err(JobError::Fatal(format!("this version knows no job `{}`", claimed.kind)));
        };
        let context =
            Context { id: claimed.id, correlation: claimed.correlation.clone(), live: Arc::clone(&self.live) };
        std::panic::catch_unwind(AssertUnwindSafe(|| (kind.run)(&context, &claimed.payload)))
            .unwrap_or_else(|_| Err(JobError::Fatal("it panicked; the server's log has the details".to_owned())))
    }

    /// Keeps how a job ended: its row, its run, and what its kind has to write, in one transaction.
    fn record(
        self: &Arc<Self>,
        claimed: Claimed,
        result: Result<Outcome, JobError>,
        started_at: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.settings.clock.now();
        let next = self.next_step(&claimed, &result, now);
        tell(&result, &next);
        let progress = self.live.progress(claimed.id);
        let inner = Arc::clone(self);
        self.settings.database.write_blocking(move |transaction| {
            let told = Told::of(&result);
            match &next {
                Next::Later { failures, at } => {
                    job::try_later(transaction, claimed.id, *failures, *at, told.error.as_deref().unwrap_or_default())?;
                }
                &Next::End(state) => {
                    let (message, error) = (told.message, told.error.as_deref());
                    let ending = Ending { state, message, error, progress: progress.as_ref() };
                    job::finish(transaction, claimed.id, &ending, now)?;
                    if let Some(error) = error {
                        inner.abandon(transaction, &claimed.kind, &claimed.payload, error)?;
                        if state == JobState::Failed {
                            inner.follow_failure(transaction, &claimed, error, now)?;
                        }
                    }
                }
            }
            run::insert(transaction, &told.run(&claimed, started_at, now))?;
            inner.prune(transaction, now)?;
            inner.count(&claimed.kind, &next, started_at, now);
            Ok(())
        })
    }

    fn count(&self, kind: &str, next: &Next, started_at: Timestamp, now: Timestamp) {
        let micros = now.as_micros().saturating_sub(started_at.as_micros());
        let took = Duration::from_micros(u64::try_from(micros).unwrap_or(0));
        match next {
            Next::Later { .. } => self.settings.metrics.job_retried(kind),
            Next::End(state) => self.settings.metrics.job_ended(kind, state.word(), took),
        }
    }

    /// Puts in what is to follow a failure, so that no failure goes unheard because of a kill in between.
    fn follow_failure(
        &self,
        transaction: &Connection,
        claimed: &Claimed,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Claimed { id, kind, subject, correlation, .. } = claimed;
        let failed = FailedJob { id: *id, kind, subject, error, correlation };
        if let Some(new) = (self.settings.when_failed)(&failed) {
            job::insert(transaction, &new, now)?;
        }
        Ok(())
    }

    /// Whether a job has ended, or when it is tried again.
    fn next_step(&self, claimed: &Claimed, result: &Result<Outcome, JobError>, now: Timestamp) -> Next {
        let state = match result {
            Ok(Outcome::Done(_) | Outcome::Partial(_)) => JobState::Done,
            Ok(Outcome::Skipped(_)) => JobState::Skipped,
            Err(JobError::Fatal(_)) => JobState::Failed,
            Err(JobError::Cancelled) => JobState::Cancelled,
            Err(_) if self.live.is_cancelled(claimed.id) => JobState::Cancelled,
            Err(JobError::Retryable(_)) => {
                let failures = claimed.failures + 1;
                let policy = self.kind(&claimed.kind).map_or(retry::RetryPolicy::NEVER, |kind| kind.retry);
                match policy.pause(failures, retry::chance()) {
                    Some(pause) => return Next::Later { failures, at: now.after(pause) },
                    None => JobState::Failed,
                }
            }
            Err(JobError::WaitUntil(at, _)) => {
                let at = (*at).clamp(now.after(SHORTEST_POSTPONEMENT), now.after(LONGEST_POSTPONEMENT));
                return Next::Later { failures: claimed.failures, at };
            }
        };
        Next::End(state)
    }

    fn prune(&self, connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
        let QueueSettings { keep_count, keep_days, .. } = self.settings;
        let age_micros = i64::from(keep_days) * 24 * 3600 * MICROS_PER_SECOND;
        let oldest = Timestamp::from_micros(now.as_micros().saturating_sub(age_micros));
        job::prune(connection, keep_count, oldest)?;
        run::prune(connection, keep_count, oldest)?;
        Ok(())
    }
}

/// What becomes of a job that was just run.
enum Next {
    /// It has ended.
    End(JobState),
    /// It is tried again.
    Later { failures: u32, at: Timestamp },
}

/// What a result says, cut up for the tables.
struct Told<'a> {
    status: RunStatus,
    counts: &'a [(&'static str, u64)],
    message: Option<&'a str>,
    error: Option<String>,
}

impl<'a> Told<'a> {
    fn of(result: &'a Result<Outcome, JobError>) -> Self {
        let worked = |status, report: &'a Report| Self {
            status,
            counts: &report.counts,
            message: report.message.as_deref(),
            error: None,
        };
        match result {
            Ok(Outcome::Done(report)) => worked(RunStatus::Success, report),
            Ok(Outcome::Partial(report)) => worked(RunStatus::Partial, report),
            Ok(Outcome::Skipped(why)) => {
                Self { status: RunStatus::Skipped, counts: &[], message: Some(why), error: None }
            }
            Err(error) => Self { status: RunStatus::Error, counts: &[], message: None, error: Some(error.to_string()) },
        }
    }

    fn run<'b>(&'b self, claimed: &'b Claimed, started_at: Timestamp, now: Timestamp) -> run::Ended<'b> {
        run::Ended {
            job: claimed.id,
            kind: &claimed.kind,
            subject: &claimed.subject,
            status: self.status,
            started_at,
            now,
            counts: self.counts,
            message: self.message,
            error: self.error.as_deref(),
            correlation: &claimed.correlation,
        }
    }
}

/// Logs how a job ended, once.
fn tell(result: &Result<Outcome, JobError>, next: &Next) {
    match (result, next) {
        (Ok(_), _) => tracing::info!("a job is done"),
        (Err(JobError::Cancelled), _) | (_, Next::End(JobState::Cancelled)) => tracing::info!("a job was cancelled"),
        (Err(error), Next::Later { at, .. }) => tracing::warn!(%error, again_at = %at, "a job is tried again later"),
        (Err(error), Next::End(_)) => tracing::error!(%error, "a job failed"),
    }
}
