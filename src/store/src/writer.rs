//! The one thread that writes. It does not know what is written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::StoreError;

/// The pulse beats once in so many of SQLite's steps: many times a second, and too seldom to cost anything.
const STEPS_BETWEEN_BEATS: i32 = 100_000;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// Hands work to the writing thread. Dropping it waits for the work that is under way.
pub(crate) struct Writer {
    sender: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    pulse: Arc<AtomicU64>,
}

impl Writer {
    pub(crate) fn start(mut connection: Connection) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let pulse = Arc::new(AtomicU64::new(0));
        let beating = Arc::clone(&pulse);
        let beat = move || {
            beating.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(STEPS_BETWEEN_BEATS, Some(beat)).map_err(std::io::Error::other)?;
        let thread =
            std::thread::Builder::new().name("database-writer".to_owned()).spawn(move || run(connection, &receiver))?;
        Ok(Self { sender: Some(sender), thread: Some(thread), pulse })
    }

    /// Counts up while SQLite works for the writer.
    pub(crate) fn pulse(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }

    /// Queues work; the answer comes by whatever channel the work itself holds.
    pub(crate) fn send(&self, work: Work) -> Result<(), StoreError> {
        self.sender.as_ref().ok_or(StoreError::Closed)?.send(work).map_err(|_| StoreError::Closed)
    }
}

fn run(mut connection: Connection, receiver: &Receiver<Work>) {
    while let Ok(work) = receiver.recv() {
        // A panic in one piece of work must not end the writer: its transaction is rolled back when it is dropped.
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&mut connection))).is_err();
        if panicked {
            tracing::error!("a write panicked and was rolled back");
        }
    }
    // Leaves one tidy file behind, without a WAL beside it.
    if let Err(error) = connection.pragma_update(None, "wal_checkpoint", "truncate") {
        tracing::debug!(%error, "could not empty the WAL at the end");
    }
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "could not close the database cleanly");
    }
}

/// Runs `work` in one transaction: committed if it is `Ok`, else rolled back.
pub(crate) fn in_transaction<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let store = |error: rusqlite::Error| E::from(StoreError::from(error));
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(store)?;
    let value = work(&transaction)?;
    transaction.commit().map_err(store)?;
    Ok(value)
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the database writer had panicked");
        }
    }
}
