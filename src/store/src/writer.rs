//! The one thread that writes. It does not know what is written.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::JoinHandle,
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::StoreError;

/// The pulse beats once in so many of SQLite's steps: too seldom to cost anything, and many times a second even where a
/// step is a page that is checked.
const STEPS_BETWEEN_BEATS: i32 = 1_000;

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// Hands work to the writing thread. Dropping it waits for the work that is under way.
pub(crate) struct Writer {
    sender: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    pulse: Pulse,
}

/// Beats while SQLite works for the writer. Clones beat together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// How often it has beaten.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Beats with the work of this connection from now on, and ends that work when `over` is set.
    pub(crate) fn follow(&self, connection: &mut Connection, over: Arc<AtomicBool>) -> rusqlite::Result<()> {
        let pulse = self.clone();
        let beat = move || {
            pulse.0.fetch_add(1, Ordering::Relaxed);
            over.load(Ordering::Relaxed)
        };
        connection.progress_handler(STEPS_BETWEEN_BEATS, Some(beat))
    }
}

impl Writer {
    pub(crate) fn start(mut connection: Connection) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let pulse = Pulse::default();
        pulse.follow(&mut connection, Arc::default()).map_err(std::io::Error::other)?;
        let thread =
            std::thread::Builder::new().name("database-writer".to_owned()).spawn(move || run(connection, &receiver))?;
        Ok(Self { sender: Some(sender), thread: Some(thread), pulse })
    }

    /// The pulse of its connection.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
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
