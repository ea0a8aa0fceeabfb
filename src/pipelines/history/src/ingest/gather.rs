//! The reading side: records into batches, and the counts that need no database. It writes nothing.

use std::sync::mpsc::SyncSender;

use super::{
    Asker, Phase, Progress,
    message::{Gathered, Message},
};
use crate::{
    model::{Record, SkipReason},
    parse::{self, Rejection, Sink, Stop},
    store::{Batch, imports::RejectionRow},
};

/// Rejected records that are kept with an import; more are only counted.
const REJECTIONS_KEPT: usize = 10_000;

/// Gathers records into batches and sends each full one to the writer.
pub(super) struct Gatherer<'a, 'asker> {
    messages: &'a SyncSender<Message>,
    asker: &'a mut Asker<'asker>,
    gathered: &'a mut Gathered,
    last: &'a mut Progress,
    batch: Box<Batch>,
}

impl<'a, 'asker> Gatherer<'a, 'asker> {
    pub(super) fn new(
        messages: &'a SyncSender<Message>,
        asker: &'a mut Asker<'asker>,
        gathered: &'a mut Gathered,
        last: &'a mut Progress,
    ) -> Self {
        Self { messages, asker, gathered, last, batch: Box::default() }
    }

    /// Sends what is gathered, full or not.
    pub(super) fn flush(&mut self) -> Result<(), Stop> {
        let next = Box::new(self.batch.empty_as_large());
        let batch = std::mem::replace(&mut self.batch, next);
        // A closed channel means that the writer failed; it says why itself.
        self.messages.send(Message::Batch(batch)).map_err(|_| Stop)
    }
}

impl Sink for Gatherer<'_, '_> {
    fn record(&mut self, record: Record<'_>) -> Result<(), Stop> {
        self.gathered.records_total += 1;
        match record {
            Record::View(view) => self.batch.add_view(&view),
            Record::Ad(ad) => {
                self.gathered.skipped.ads += 1;
                self.batch.add_ad(&ad);
            }
            Record::Skipped(reason) => {
                let skipped = &mut self.gathered.skipped;
                match reason {
                    SkipReason::Post => skipped.posts += 1,
                    SkipReason::RemovedWithoutId => skipped.removed_without_id += 1,
                    SkipReason::Other => skipped.other += 1,
                }
            }
        }
        if self.batch.is_full() { self.flush() } else { Ok(()) }
    }

    fn rejected(&mut self, rejection: Rejection) -> Result<(), Stop> {
        self.gathered.records_total += 1;
        self.gathered.rejected += 1;
        if self.gathered.rejections.len() < REJECTIONS_KEPT {
            self.gathered.rejections.push(RejectionRow {
                path: rejection.member,
                record: rejection.record,
                byte_offset: rejection.byte_offset,
                reason: rejection.reason,
                excerpt: rejection.excerpt,
            });
        }
        Ok(())
    }

    fn progress(&mut self, progress: parse::Progress) -> Result<(), Stop> {
        *self.last = Progress {
            phase: Phase::Reading,
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
            records: self.gathered.records_total,
        };
        (self.asker.report)(*self.last);
        if (self.asker.is_stopping)() { Err(Stop) } else { Ok(()) }
    }
}
