//! Tells the service manager again and again that the server is well, as long as it is: its threads answer, and its
//! database is read and written. It repairs nothing; a manager that hears nothing starts the server anew.

use std::{pin::Pin, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};
use ytorch_store::{Database, StoreError};

use crate::manager::Manager;

/// A part of the server that has not answered for so many pings, and did nothing either, is stuck: two minutes.
const MOST_SILENCE: u32 = 24;

type Answer = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A part of the server that is asked one question after another.
struct Part<Ask> {
    ask: Ask,
    /// To the question that it was asked last; it is asked nothing new before it has given that.
    answer: Answer,
    silent: u32,
}

/// Pings for as long as the server is well, and again when it is well again.
pub(crate) async fn watch(manager: Manager, database: Database) {
    let every = Manager::between_pings();
    let mut ticks = interval(every);
    // A machine that slept owes nobody the pings of that time.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (of_readers, of_writer) = (database.clone(), database.clone());
    let mut readers = Part::new(move || Box::pin(reads(of_readers.clone())));
    let mut writer = Part::new(move || Box::pin(writes(of_writer.clone())));
    let (mut was_well, mut pulse) = (true, database.writer_pulse());
    loop {
        ticks.tick().await;
        let (patience, before) = (every / 2, pulse);
        pulse = database.writer_pulse();
        let (can_read, can_write) =
            tokio::join!(readers.is_well(patience, false), writer.is_well(patience, pulse != before));
        if can_read && can_write {
            // A manager that does not take it must hold up none of the threads that answer.
            let _ = tokio::task::spawn_blocking(move || manager.ping()).await;
        } else if was_well {
            tracing::error!(can_read, can_write, "the server is not well: the service manager is told nothing more");
        }
        was_well = can_read && can_write;
    }
}

impl<Ask: Fn() -> Answer> Part<Ask> {
    fn new(ask: Ask) -> Self {
        Self { answer: ask(), ask, silent: 0 }
    }

    /// Whether it answered well, or may still do so. `moves`: whether it is seen to be at work.
    async fn is_well(&mut self, patience: Duration, moves: bool) -> bool {
        if let Ok(well) = timeout(patience, &mut self.answer).await {
            (self.answer, self.silent) = ((self.ask)(), 0);
            return well;
        }
        self.silent = if moves { 0 } else { self.silent + 1 };
        self.silent <= MOST_SILENCE
    }
}

async fn reads(database: Database) -> bool {
    let count = database.read(|connection| {
        Ok::<u32, StoreError>(connection.query_row("select count(*) from migration", [], |row| row.get(0))?)
    });
    count.await.is_ok()
}

async fn writes(database: Database) -> bool {
    database.writer_answers().await.is_ok()
}
