//! The queue by its own door, with a real database. It does not test what jobs do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ytorch_core::Clock;
use ytorch_jobs::{JobFailed, JobId, JobKind, JobState, MIGRATIONS, Phase, Progress, Queue};
use ytorch_store::{Database, StoreError};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ytorch-jobs-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn database(&self) -> Database {
        Database::open(&self.0.join("test.sqlite3"), &[MIGRATIONS], &Clock::system()).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn kind(run: impl Fn(&ytorch_jobs::Context, &str) -> Result<(), JobFailed> + Send + Sync + 'static) -> JobKind {
    JobKind { name: "test", run: Arc::new(run) }
}

async fn enqueue(database: &Database, queue: &Queue, kind: &JobKind, payload: &'static str) -> JobId {
    let (adding, kind) = (queue.clone(), kind.clone());
    let id = database.write(move |transaction| adding.enqueue(transaction, &kind, payload)).await.unwrap();
    queue.wake();
    id
}

#[tokio::test]
async fn jobs_run_in_order_and_say_how_they_ended() {
    let folder = Folder::new("order");
    let database = folder.database();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let kind = kind(move |context, payload| {
        context.report(Progress { phase: Phase::Reading, bytes_done: 1, bytes_total: 2, records: 3 });
        log.lock().unwrap().push(payload.to_owned());
        match payload {
            "fails" => Err(JobFailed("on purpose".to_owned())),
            "panics" => unreachable!("on purpose"),
            _ => Ok(()),
        }
    });
    let queue = Queue::start(database.clone(), vec![kind.clone()], Clock::system()).unwrap();
    let mut ids = Vec::new();
    for payload in ["one", "fails", "panics", "two"] {
        ids.push(enqueue(&database, &queue, &kind, payload).await);
    }
    let mut states = Vec::new();
    for id in &ids {
        states.push(queue.wait(*id).await.unwrap());
    }
    assert_eq!(states, [JobState::Done, JobState::Failed, JobState::Failed, JobState::Done]);
    assert_eq!(*seen.lock().unwrap(), ["one", "fails", "panics", "two"]);
    assert_eq!(queue.progress(ids[0]), None, "the progress of an ended job is kept");
    queue.stop();
}

#[tokio::test]
async fn a_job_that_was_under_way_at_a_kill_runs_again_but_not_for_ever() {
    let folder = Folder::new("kill");
    let runs = Arc::new(AtomicU32::new(0));
    let id = {
        let database = folder.database();
        let job = kind(|_, _| Ok(()));
        // What a kill leaves behind: a row that says `running`.
        let queue = Queue::start(database.clone(), Vec::new(), Clock::system()).unwrap();
        queue.stop();
        let id = enqueue(&database, &queue, &job, "x").await;
        database
            .write(|transaction| {
                Ok::<_, StoreError>(transaction.execute("update job set state = 'running', attempts = 1", [])?)
            })
            .await
            .unwrap();
        id
    };
    let counted = Arc::clone(&runs);
    let job = kind(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    let database = folder.database();
    let queue = Queue::start(database.clone(), vec![job.clone()], Clock::system()).unwrap();
    assert_eq!(queue.wait(id).await.unwrap(), JobState::Done);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    queue.stop();
    database
        .write(|transaction| {
            Ok::<_, StoreError>(transaction.execute("update job set state = 'running', attempts = 3", [])?)
        })
        .await
        .unwrap();
    let queue = Queue::start(database, vec![job], Clock::system()).unwrap();
    assert_eq!(queue.wait(id).await.unwrap(), JobState::Failed);
    assert_eq!(runs.load(Ordering::Relaxed), 1, "a job that kills the server was tried again");
    queue.stop();
}

#[tokio::test]
async fn a_stop_lets_the_running_job_give_up_and_keeps_it_for_later() {
    let folder = Folder::new("stop");
    let database = folder.database();
    let (started, has_started) = std::sync::mpsc::channel();
    let job = kind(move |context, _| {
        let _ = started.send(());
        while !context.is_stopping() {
            std::thread::yield_now();
        }
        Err(JobFailed("stopped".to_owned()))
    });
    let queue = Queue::start(database.clone(), vec![job.clone()], Clock::system()).unwrap();
    let id = enqueue(&database, &queue, &job, "x").await;
    has_started.recv().unwrap();
    queue.stop();
    let again = Queue::start(database, vec![kind(|_, _| Ok(()))], Clock::system()).unwrap();
    assert_eq!(again.wait(id).await.unwrap(), JobState::Done);
    again.stop();
}
