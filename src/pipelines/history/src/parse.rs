//! Bytes on disk become understood records. It is streaming and pure: no SQL, no HTTP, bounded memory.
//!
//! Everything is recognised by content and address, never by a file's name or a verb: names and verbs are translated,
//! addresses and keys are not.

mod address;
mod classify;
mod frame;
mod html;
mod json;
mod page;
mod printed;
mod reading;
mod report;
mod source;
mod time;
mod window;

use ytorch_core::Zone;

use crate::model::Record;

pub use report::{Format, Found, MemberReport, ReadError};
pub use source::{Limits, Source, expand, read};

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The instance's zone: for HTML exports that do not say theirs.
    pub zone: Zone,
    /// What is too much.
    pub limits: Limits,
}

/// The reader of records gives up: the taker of records said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// In which file.
    pub member: String,
    /// Which record of it, from 1.
    pub record: u64,
    /// Where it begins, in bytes of the unpacked file.
    pub byte_offset: u64,
    /// Why.
    pub reason: String,
    /// Its beginning, for a person to find it.
    pub excerpt: String,
}

/// How far reading is, in bytes of the files given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Read.
    pub bytes_done: u64,
    /// In all.
    pub bytes_total: u64,
}

/// Takes what is read. Each record is exactly one call of [`Self::record`] or [`Self::rejected`].
pub trait Sink {
    /// A record that was understood.
    fn record(&mut self, record: Record<'_>) -> Result<(), Stop>;
    /// A record that was not.
    fn rejected(&mut self, rejection: Rejection) -> Result<(), Stop>;
    /// How far it is; called every few MiB.
    fn progress(&mut self, progress: Progress) -> Result<(), Stop>;
}
