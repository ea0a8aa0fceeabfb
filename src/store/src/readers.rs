//! Connections that read. It never waits on the async threads.

use std::{
    path::PathBuf,
    sync::{Condvar, Mutex, PoisonError},
};

use rusqlite::Connection;

use crate::{StoreError, connection::open_reader};

/// Reads that can go on side by side; more wait for a moment.
const MOST: usize = 4;

/// A pool of reading connections, opened when they are first needed.
pub(crate) struct Readers {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

struct State {
    idle: Vec<Connection>,
    open: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::new(State { idle: Vec::new(), open: 0 }), returned: Condvar::new() }
    }

    /// Runs `work` on one snapshot of the database.
    pub(crate) fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.take()?;
        let result = match connection.transaction() {
            // All queries of one page see the same state, whatever an import commits meanwhile.
            Ok(snapshot) => work(&snapshot),
            Err(error) => Err(StoreError::from(error).into()),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.idle.push(connection);
        drop(state);
        self.returned.notify_one();
        result
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok(connection);
            }
            if state.open < MOST {
                let connection = open_reader(&self.path)?;
                state.open += 1;
                return Ok(connection);
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
