//! The database as the rest of the server sees it. It does not know any table but `migration`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::RecvTimeoutError,
    },
    time::Duration,
};

use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;
use tracing::Span;
use ytorch_core::{Clock, files};
use ytorch_telemetry::Metrics;

use crate::{
    Migrations, OpenError, StoreError,
    connection::open_writer,
    migration,
    readers::Readers,
    writer::{Pulse, Writer, in_transaction},
};

/// How often maintenance is asked whether it is over.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(100);

/// One SQLite file, opened and brought up to date. Clones share it.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
    metrics: Metrics,
}

struct Inner {
    path: PathBuf,
    writer: Writer,
    readers: Readers,
}

impl Database {
    /// Opens the file, makes it if there is none, and applies the migrations that it lacks.
    pub fn open(path: &Path, migrations: &[Migrations], clock: &Clock) -> Result<Self, OpenError> {
        if let Some(folder) = path.parent() {
            files::create_private_folder(folder)
                .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        }
        let failed = |source| OpenError::Open { path: path.to_owned(), source };
        let mut connection = match open_writer(path) {
            Err(error) if is_read_only(&error) => return Err(OpenError::ReadOnly { path: path.to_owned() }),
            opened => opened.map_err(failed)?,
        };
        if connection.is_readonly("main").map_err(failed)? {
            return Err(OpenError::ReadOnly { path: path.to_owned() });
        }
        match migration::migrate(&mut connection, migrations, clock) {
            Err(OpenError::Migrate { source, .. }) if is_read_only(&source) => {
                return Err(OpenError::ReadOnly { path: path.to_owned() });
            }
            migrated => migrated?,
        }
        let writer = Writer::start(connection).map_err(|source| OpenError::Folder { path: path.to_owned(), source })?;
        let readers = Readers::new(path.to_owned());
        let inner = Arc::new(Inner { path: path.to_owned(), writer, readers });
        Ok(Self { inner, metrics: Metrics::new() })
    }

    /// The same database, whose reads and writes move `metrics`.
    pub fn measured(self, metrics: &Metrics) -> Self {
        Self { metrics: metrics.clone(), ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads one snapshot, off the async threads.
    pub async fn read<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (database, span) = (self.clone(), Span::current());
        match tokio::task::spawn_blocking(move || span.in_scope(|| database.read_blocking(work))).await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(StoreError::Closed.into()),
        }
    }

    /// Reads one snapshot on a thread that may block.
    pub fn read_blocking<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.metrics.read(|| self.inner.readers.read(work))
    }

    /// Writes in one transaction: committed if `work` is `Ok`, else rolled back.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        self.send(work, move |result| {
            // The asker may have gone away meanwhile; the write stands all the same.
            let _ = sender.send(result);
        })?;
        receiver.await.map_err(|_| StoreError::Closed)?
    }

    /// Writes in one transaction, from a thread that may block.
    pub fn write_blocking<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        self.send(work, move |result| {
            let _ = sender.send(result);
        })?;
        receiver.recv().map_err(|_| StoreError::Closed)?
    }

    fn send<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
        answer: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), StoreError>
    where
        E: From<StoreError>,
    {
        // What is logged on the writer's thread belongs to whoever asked for it.
        let (metrics, span) = (self.metrics.clone(), Span::current());
        self.inner.writer.send(Box::new(move |connection| {
            answer(span.in_scope(|| metrics.write(|| in_transaction(connection, work))));
        }))
    }

    /// Waits until the writer has time for us. Behind a long import that takes as long as the import.
    pub async fn writer_answers(&self) -> Result<(), StoreError> {
        let (sender, receiver) = oneshot::channel();
        self.inner.writer.send(Box::new(move |_| {
            let _ = sender.send(());
        }))?;
        receiver.await.map_err(|_| StoreError::Closed)
    }

    /// A number that grows while the writer works: one that is busy moves it, one that is stuck does not.
    pub fn writer_pulse(&self) -> u64 {
        self.inner.writer.pulse().count()
    }

    /// Runs `work` on the writing connection outside a transaction, for what SQLite allows only there (checkpoints,
    /// pragmas). SQLite gives the work up soon after `is_over` says so, which is asked often and must be quick.
    pub fn maintain_blocking<T: Send + 'static>(
        &self,
        is_over: &dyn Fn() -> bool,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let (over, pulse) = (Arc::new(AtomicBool::new(is_over())), self.inner.writer.pulse().clone());
        let told = Arc::clone(&over);
        self.inner.writer.send(Box::new(move |connection| {
            let _ = sender.send(run_until(connection, &pulse, told, work));
        }))?;
        loop {
            match receiver.recv_timeout(BETWEEN_QUESTIONS) {
                Ok(result) => return Ok(result?),
                Err(RecvTimeoutError::Timeout) => over.store(is_over(), Ordering::Relaxed),
                Err(RecvTimeoutError::Disconnected) => return Err(StoreError::Closed),
            }
        }
    }
}

/// Runs `work`, which SQLite ends as soon as `over` is set.
fn run_until<T>(
    connection: &mut Connection,
    pulse: &Pulse,
    over: Arc<AtomicBool>,
    work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if over.load(Ordering::Relaxed) {
        let interrupted = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_INTERRUPT);
        return Err(rusqlite::Error::SqliteFailure(interrupted, None));
    }
    pulse.follow(connection, over)?;
    let result = work(connection);
    // The next work is somebody else's, and not over.
    pulse.follow(connection, Arc::default())?;
    result
}

fn is_read_only(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly))
}
