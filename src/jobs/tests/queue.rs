//! The queue by its own door, with a real database. It does not test what jobs do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    time::Duration,
};

use tempfile::TempDir;
use ytorch_core::{Clock, Timestamp, Zone};
use ytorch_jobs::{
    Cancelled, Context, Found, Job, JobError, JobFilter, JobId, JobKind, JobState, MIGRATIONS, NewJob, Outcome,
    Progress, Queue, QueueSettings, Report, Retried, RetryPolicy, RunStatus, Schedule, When,
};
use ytorch_store::{Database, StoreError, rusqlite};
use ytorch_telemetry::Metrics;

/// A database with its own folder and a clock that the test moves.
struct Place {
    _folder: TempDir,
    database: Database,
    clock: Clock,
}

const START: i64 = 1_795_266_300;

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("test.sqlite3"), &[MIGRATIONS], &Clock::system()).unwrap();
        Self { _folder: folder, database, clock: Clock::fixed(Timestamp::from_seconds(START)) }
    }

    fn start(&self, kinds: Vec<JobKind>) -> Queue {
        self.start_with(kinds, Vec::new())
    }

    fn start_with(&self, kinds: Vec<JobKind>, schedules: Vec<Schedule>) -> Queue {
        Queue::start(QueueSettings {
            database: self.database.clone(),
            kinds,
            schedules,
            clock: self.clock.clone(),
            zone: Zone::utc(),
            keep_count: 1000,
            keep_days: 90,
            metrics: Metrics::new(),
            when_failed: Arc::new(|_| None),
        })
        .unwrap()
    }

    async fn enqueue(&self, queue: &Queue, new: NewJob) -> Found {
        let adding = queue.clone();
        let found = self.database.write(move |transaction| adding.enqueue(transaction, &new)).await.unwrap();
        queue.wake();
        found
    }

    fn job(&self, queue: &Queue, id: JobId) -> Job {
        self.read(|connection| queue.find(connection, id)).unwrap()
    }

    fn read<T>(&self, query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>) -> T {
        self.database.read_blocking(|connection| Ok::<_, StoreError>(query(connection)?)).unwrap()
    }

    fn execute(&self, sql: &'static str) {
        self.database.write_blocking(move |transaction| Ok::<_, StoreError>(transaction.execute(sql, [])?)).unwrap();
    }

    fn pass(&self, queue: &Queue, duration: Duration) {
        let now = self.clock.now().as_micros() + i64::try_from(duration.as_micros()).unwrap();
        self.clock.set(Timestamp::from_micros(now));
        queue.wake();
    }

    /// Waits until a job is as it should be.
    async fn until(&self, queue: &Queue, id: JobId, what: impl Fn(&Job) -> bool) -> Job {
        let mut changes = queue.subscribe();
        loop {
            changes.borrow_and_update();
            let job = self.job(queue, id);
            if what(&job) {
                return job;
            }
            tokio::time::timeout(Duration::from_mins(1), changes.changed()).await.expect("it never was").unwrap();
        }
    }
}

use JobState::{Done, Failed, Skipped};
use RunStatus::{Error, Partial, Success};

fn kind(run: impl Fn(&Context, &str) -> Result<Outcome, JobError> + Send + Sync + 'static) -> JobKind {
    JobKind::new("test", run)
}

fn new(payload: &str) -> NewJob {
    NewJob::new("test", payload)
}

#[tokio::test]
async fn jobs_run_in_order_and_say_how_they_ended() {
    let place = Place::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let queue = place.start(vec![kind(move |context, payload| {
        let unit = "bytes".to_owned();
        context.report(Progress { done: 1, total: 2, unit, message: "reading".to_owned(), details: None });
        log.lock().unwrap().push(payload.to_owned());
        match payload {
            "fails" => Err(JobError::Fatal("on purpose".to_owned())),
            "panics" => unreachable!("on purpose"),
            "nothing" => Ok(Outcome::Skipped("there was nothing".to_owned())),
            "half" => Ok(Outcome::Partial(Report { counts: vec![("rows", 7)], message: Some("half".to_owned()) })),
            _ => Ok(Outcome::done()),
        }
    })]);
    let mut ids = Vec::new();
    for payload in ["one", "fails", "panics", "nothing", "half"] {
        ids.push(place.enqueue(&queue, new(payload).subject("x").caused_by("corr-1")).await.id());
    }
    let mut states = Vec::new();
    for id in &ids {
        states.push(queue.wait(*id).await.unwrap());
    }
    assert_eq!(states, [Done, Failed, Failed, Skipped, Done]);
    assert_eq!(*seen.lock().unwrap(), ["one", "fails", "panics", "nothing", "half"]);
    let last = place.job(&queue, ids[4]);
    assert_eq!((last.message.as_deref(), last.correlation.as_str()), (Some("half"), "corr-1"));
    assert_eq!(last.progress.map(|progress| (progress.done, progress.total)), Some((1, 2)));
    let runs = place.read(|connection| queue.runs(connection, Some("test"), None, 10));
    let statuses: Vec<_> = runs.iter().rev().map(|run| run.status).collect();
    assert_eq!(statuses, [Success, Error, Error, RunStatus::Skipped, Partial]);
    assert_eq!(runs[0].counts["rows"], 7);
    let summary = place.read(|connection| queue.summaries(connection)).remove(0);
    assert_eq!((summary.succeeded, summary.failed, summary.last.status), (2, 2, Partial));
    assert_eq!(summary.average_duration, Some(Duration::ZERO));
    assert!(queue.is_alive());
    queue.stop();
    assert!(!queue.is_alive());
}

#[tokio::test]
async fn the_urgent_ones_come_first_and_a_key_is_in_the_queue_once() {
    let place = Place::new();
    let (seen, (hold, waiting)) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel::<()>());
    let (log, waiting) = (Arc::clone(&seen), Mutex::new(waiting));
    let queue = place.start(vec![kind(move |_, payload| {
        if payload == "first" {
            waiting.lock().unwrap().recv().unwrap();
        }
        log.lock().unwrap().push(payload.to_owned());
        Ok(Outcome::done())
    })]);
    let first = place.enqueue(&queue, new("first").unless_there_is("k")).await;
    place.until(&queue, first.id(), |job| job.state == JobState::Running).await;
    assert_eq!(place.enqueue(&queue, new("again").unless_there_is("k")).await, Found::Known(first.id()));
    let low = place.enqueue(&queue, new("low")).await.id();
    place.enqueue(&queue, new("high").priority(5)).await;
    hold.send(()).unwrap();
    queue.wait(low).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["first", "high", "low"]);
    let again = place.enqueue(&queue, new("later").unless_there_is("k")).await;
    assert!(matches!(again, Found::New(_)), "a key outlives its job");
    queue.stop();
}

#[tokio::test]
async fn as_many_of_a_kind_run_as_it_says() {
    let place = Place::new();
    let (most, now) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let (seen, running) = (Arc::clone(&most), Arc::clone(&now));
    let meeting = Arc::new(std::sync::Barrier::new(3));
    let three = JobKind::new("three", move |_, _| {
        seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Ends only if three are here at a time.
        meeting.wait();
        running.fetch_sub(1, Ordering::SeqCst);
        Ok(Outcome::done())
    });
    let queue = place.start(vec![three.at_once(3)]);
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(place.enqueue(&queue, NewJob::new("three", "")).await.id());
    }
    for id in ids {
        assert_eq!(queue.wait(id).await.unwrap(), Done);
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    queue.stop();
}

#[tokio::test]
async fn what_may_pass_is_tried_again_after_growing_pauses_and_not_for_ever() {
    let place = Place::new();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let policy =
        RetryPolicy { retries: 2, first_pause: Duration::from_secs(10), longest_pause: Duration::from_mins(10) };
    let failing = kind(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err(JobError::Retryable("no answer".to_owned()))
    });
    let queue = place.start(vec![failing.retry(policy)]);
    let id = place.enqueue(&queue, new("")).await.id();
    let waits = |attempts| move |job: &Job| job.state == JobState::Queued && job.attempts == attempts;
    let job = place.until(&queue, id, waits(1)).await;
    let pause = job.not_before.unwrap().as_micros() - place.clock.now().as_micros();
    assert!((5_000_000..=10_000_000).contains(&pause), "{pause}");
    assert_eq!(job.error.as_deref(), Some("no answer"));
    // Before its time nothing happens: another job that was put in later ends first.
    place.pass(&queue, Duration::from_secs(4));
    assert_eq!(place.job(&queue, id).attempts, 1);
    place.pass(&queue, Duration::from_secs(10));
    let job = place.until(&queue, id, waits(2)).await;
    let pause = job.not_before.unwrap().as_micros() - place.clock.now().as_micros();
    assert!((10_000_000..=20_000_000).contains(&pause), "{pause}");
    place.pass(&queue, Duration::from_secs(20));
    assert_eq!(place.until(&queue, id, |job| !job.state.is_alive()).await.state, Failed);
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    // By hand it begins anew.
    assert_eq!(queue.retry(id).await.unwrap(), Retried::Queued);
    place.until(&queue, id, waits(4)).await;
    // The thread of the last try may not be quite at its end; then it is said to come soon.
    assert!(matches!(queue.cancel(id).await.unwrap(), Cancelled::Now | Cancelled::Soon));
    assert_eq!(place.until(&queue, id, |job| !job.state.is_alive()).await.state, JobState::Cancelled);
    queue.stop();
}

#[tokio::test]
async fn who_cancels_while_a_failure_is_written_sees_no_further_try() {
    let place = Place::new();
    let policy =
        RetryPolicy { retries: 2, first_pause: Duration::from_secs(10), longest_pause: Duration::from_mins(10) };
    let (returning, returned) = mpsc::channel();
    let (let_go, go) = mpsc::channel::<()>();
    let go = Mutex::new(go);
    let (holding, held) = tokio::sync::oneshot::channel();
    let queue = place.start(vec![
        kind(move |_, _| {
            // When this is heard, the writer is held, so that the failure cannot be written.
            go.lock().unwrap().recv().unwrap();
            returning.send(()).unwrap();
            Err(JobError::Retryable("no answer".to_owned()))
        })
        .retry(policy),
    ]);
    let id = place.enqueue(&queue, new("")).await.id();
    place.until(&queue, id, |job| job.state == JobState::Running).await;
    let (release, released) = mpsc::channel::<()>();
    let database = place.database.clone();
    let writing = tokio::spawn(async move {
        database
            .write(move |_| {
                holding.send(()).unwrap();
                released.recv().unwrap();
                Ok::<_, StoreError>(())
            })
            .await
    });
    held.await.unwrap();
    let_go.send(()).unwrap();
    returned.recv().unwrap();
    assert_eq!(queue.cancel(id).await.unwrap(), Cancelled::Soon);
    release.send(()).unwrap();
    writing.await.unwrap().unwrap();
    let job = place.until(&queue, id, |job| !job.state.is_alive()).await;
    assert_eq!((job.state, job.attempts), (JobState::Cancelled, 1));
    queue.stop();
}

#[tokio::test]
async fn a_service_that_says_when_is_asked_then_and_that_is_no_failure() {
    let place = Place::new();
    let at = Timestamp::from_seconds(START + 3600);
    let clock = place.clock.clone();
    let queue = place.start(vec![kind(move |_, _| {
        if clock.now() < at { Err(JobError::WaitUntil(at, "429".to_owned())) } else { Ok(Outcome::done()) }
    })]);
    let id = place.enqueue(&queue, new("")).await.id();
    let job = place.until(&queue, id, |job| job.attempts == 1 && job.state == JobState::Queued).await;
    assert_eq!(job.not_before, Some(at));
    place.pass(&queue, Duration::from_hours(1));
    assert_eq!(place.until(&queue, id, |job| !job.state.is_alive()).await.state, Done);
    queue.stop();
}

#[tokio::test]
async fn a_running_job_that_is_cancelled_gives_up_and_its_kind_may_write_so() {
    let place = Place::new();
    place.execute("create table note (text text) strict");
    let listening = kind(|context, _| {
        while !context.is_cancelled() {
            std::thread::yield_now();
        }
        Err(JobError::Cancelled)
    });
    let listening = listening.when_abandoned(|transaction, payload, reason| {
        transaction.execute("insert into note values (?)", [format!("{payload}: {reason}")])?;
        Ok(())
    });
    let listening = listening
        .when_revived(|_, payload| Ok(if payload == "gone" { Err("its file is gone".to_owned()) } else { Ok(()) }));
    let queue = place.start(vec![listening]);
    let running = place.enqueue(&queue, new("gone")).await.id();
    let waiting = place.enqueue(&queue, new("waits")).await.id();
    place.until(&queue, running, |job| job.state == JobState::Running).await;
    assert_eq!(queue.retry(running).await.unwrap(), Retried::NotNow(JobState::Running));
    assert_eq!(queue.cancel(waiting).await.unwrap(), Cancelled::Now);
    assert_eq!(queue.cancel(running).await.unwrap(), Cancelled::Soon);
    assert_eq!(queue.wait(running).await.unwrap(), JobState::Cancelled);
    assert_eq!(queue.cancel(running).await.unwrap(), Cancelled::TooLate(JobState::Cancelled));
    assert_eq!(queue.cancel(JobId::from_raw(99)).await.unwrap(), Cancelled::Unknown);
    assert_eq!(queue.retry(JobId::from_raw(99)).await.unwrap(), Retried::Unknown);
    let notes: Vec<String> = place.read(|connection| {
        connection.prepare("select text from note order by rowid")?.query_map([], |row| row.get(0))?.collect()
    });
    assert_eq!(notes, ["waits: it was cancelled", "gone: it was cancelled"]);
    assert_eq!(queue.retry(running).await.unwrap(), Retried::Refused("its file is gone".to_owned()));
    assert_eq!(place.job(&queue, running).state, JobState::Cancelled);
    queue.stop();
}

#[tokio::test]
async fn a_job_that_was_under_way_at_a_kill_runs_again_but_not_for_ever() {
    let place = Place::new();
    // What a kill leaves behind: a row that says `running`, of another start.
    let queue = place.start(Vec::new());
    queue.stop();
    let id = place.enqueue(&queue, new("x")).await.id();
    place.execute("update job set state = 'running', attempts = 1, owner = 'another start', lease_until = 0");
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let job = kind(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::done())
    });
    let queue = place.start(vec![job.clone()]);
    assert_eq!(queue.wait(id).await.unwrap(), Done);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    queue.stop();
    place.execute("update job set state = 'running', owner = 'another start', losses = 2");
    let queue = place.start(vec![job]);
    assert_eq!(queue.wait(id).await.unwrap(), Failed);
    assert_eq!(runs.load(Ordering::SeqCst), 1, "a job that kills the server was tried again");
    queue.stop();
}

#[tokio::test]
async fn a_job_whose_end_could_not_be_written_comes_back_when_its_lease_is_over() {
    let place = Place::new();
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let failing =
        kind(|_, _| Err(JobError::Fatal("on purpose".to_owned()))).when_abandoned(move |transaction, _, _| {
            // The first time the end cannot be written.
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                transaction.execute("no sql", []).map(drop)
            } else {
                Ok(())
            }
        });
    let queue = place.start(vec![failing]);
    let id = place.enqueue(&queue, new("")).await.id();
    let mut changes = queue.subscribe();
    while tries.load(Ordering::SeqCst) == 0 || queue.progress(id).is_some() {
        changes.changed().await.unwrap();
    }
    assert_eq!(place.job(&queue, id).state, JobState::Running);
    let mut waited = Duration::ZERO;
    while tries.load(Ordering::SeqCst) < 2 && waited < Duration::from_hours(1) {
        // The job's thread may still be about to end when the clock is moved; then its lease is renewed once more.
        waited += Duration::from_mins(2);
        place.pass(&queue, Duration::from_mins(2));
        let _ = tokio::time::timeout(Duration::from_secs(1), changes.changed()).await;
    }
    assert_eq!(queue.wait(id).await.unwrap(), Failed);
    queue.stop();
}

#[tokio::test]
async fn a_stop_lets_the_running_job_give_up_and_keeps_it_for_later() {
    let place = Place::new();
    let (started, has_started) = mpsc::channel();
    let job = kind(move |context, _| {
        let _ = started.send(());
        while !context.is_stopping() {
            std::thread::yield_now();
        }
        Err(JobError::Fatal("stopped".to_owned()))
    });
    let queue = place.start(vec![job]);
    let id = place.enqueue(&queue, new("x")).await.id();
    has_started.recv().unwrap();
    queue.stop();
    assert_eq!(place.job(&queue, id).state, JobState::Queued);
    let again = place.start(vec![kind(|_, _| Ok(Outcome::done()))]);
    assert_eq!(again.wait(id).await.unwrap(), Done);
    again.stop();
}

#[tokio::test]
async fn the_clock_puts_work_in_when_it_is_due_and_catches_up_once() {
    let place = Place::new();
    let every =
        Schedule { name: "tick", kind: "test", subject: "a tick", when: Some(When::Every(Duration::from_mins(10))) };
    let asked = Schedule { name: "asked", kind: "test", subject: "when asked", when: None };
    let queue = place.start_with(vec![kind(|_, _| Ok(Outcome::done()))], vec![every, asked]);
    let all = |limit| place.read(|connection| queue.list(connection, &JobFilter { limit, ..JobFilter::default() }));
    let planned = |index: usize| place.read(|connection| queue.schedules(connection)).remove(index);
    let minutes = |count: i64| Timestamp::from_seconds(START + count * 60);
    let mut changes = queue.subscribe();
    while planned(0).last_due_at.is_none() {
        queue.wake();
        changes.changed().await.unwrap();
    }
    assert_eq!(planned(0).next_due_at, Some(minutes(10)));
    assert_eq!(planned(1).next_due_at, None);
    assert!(all(10).is_empty(), "a schedule that is new is due after its interval");
    // The machine slept for an hour and five minutes.
    place.pass(&queue, Duration::from_mins(65));
    while all(10).iter().filter(|job| job.state == Done).count() < 1 {
        changes.changed().await.unwrap();
    }
    assert_eq!(planned(0).last_due_at, Some(minutes(60)));
    assert_eq!(planned(0).next_due_at, Some(minutes(70)));
    let found = queue.run_now("asked", "corr-2".to_owned()).await.unwrap().unwrap();
    assert_eq!(queue.wait(found.id()).await.unwrap(), Done);
    assert!(queue.run_now("unknown", String::new()).await.unwrap().is_none());
    let subjects: Vec<_> = all(10).into_iter().map(|job| (job.subject, job.correlation)).collect();
    assert_eq!(subjects, [("when asked".into(), "corr-2".into()), ("a tick".to_owned(), String::new())]);
    queue.stop();
}

#[tokio::test]
async fn ended_jobs_and_runs_go_by_count_and_by_age() {
    let place = Place::new();
    let settings = |keep_count, keep_days| QueueSettings {
        database: place.database.clone(),
        kinds: vec![kind(|_, _| Ok(Outcome::done()))],
        schedules: Vec::new(),
        clock: place.clock.clone(),
        zone: Zone::utc(),
        keep_count,
        keep_days,
        metrics: Metrics::new(),
        when_failed: Arc::new(|_| None),
    };
    let counts = || {
        let count =
            |sql: &'static str| place.read(|connection| connection.query_row(sql, [], |row| row.get::<_, u64>(0)));
        (count("select count(*) from job"), count("select count(*) from job_run"))
    };
    let queue = Queue::start(settings(3, 90)).unwrap();
    for _ in 0..6 {
        let id = place.enqueue(&queue, new("")).await.id();
        queue.wait(id).await.unwrap();
    }
    assert_eq!(counts(), (3, 3));
    place.pass(&queue, Duration::from_hours(24 * 91));
    let id = place.enqueue(&queue, new("")).await.id();
    queue.wait(id).await.unwrap();
    assert_eq!(counts(), (1, 1));
    queue.stop();
}
