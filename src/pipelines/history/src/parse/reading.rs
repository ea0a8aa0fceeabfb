//! What the readers of every form share: counting, rejecting, and how reading can end. It reads nothing itself.

use std::io;

use super::{
    Rejection, Sink, Stop,
    classify::{Context, Parts, classify},
};

/// Told whenever more bytes were read, so that progress can be shown and a stop be noticed.
pub(super) type Refilled<'a> = &'a mut dyn FnMut(&mut dyn Sink) -> Result<(), Stop>;

/// Why reading a member ended early.
#[derive(Debug)]
pub(super) enum Ended {
    /// The taker of records gave up.
    Stopped,
    /// It cannot be read further.
    Unreadable(io::Error),
}

impl From<Stop> for Ended {
    fn from(_: Stop) -> Self {
        Self::Stopped
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Counts of one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) rejected: u64,
}

/// The sink and the counts of one member.
pub(super) struct Reading<'a> {
    pub(super) name: &'a str,
    pub(super) tally: Tally,
    pub(super) sink: &'a mut dyn Sink,
}

impl Reading<'_> {
    pub(super) fn take(&mut self, parts: &Parts<'_>, context: &Context, offset: u64, bytes: &[u8]) -> Result<(), Stop> {
        match classify(parts, context) {
            Ok(record) => {
                self.tally.records += 1;
                self.sink.record(record)
            }
            Err(reason) => self.reject(offset, reason.to_owned(), excerpt(bytes)),
        }
    }

    pub(super) fn reject(&mut self, byte_offset: u64, reason: String, excerpt: String) -> Result<(), Stop> {
        self.tally.records += 1;
        self.tally.rejected += 1;
        let member = self.name.to_owned();
        self.sink.rejected(Rejection { member, record: self.tally.records, byte_offset, reason, excerpt })
    }

    /// The member ends before its end: one rejection says so, and all before it counts.
    pub(super) fn cut(&mut self, offset: u64, why: &str) -> Result<Tally, Ended> {
        self.reject(offset, format!("the file is cut off here: {why}"), String::new())?;
        Ok(self.tally)
    }
}

/// The beginning of a record, safe to show.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const LENGTH: usize = 160;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LENGTH)]);
    let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
