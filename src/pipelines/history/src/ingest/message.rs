//! What the reading side tells the writing side. It does nothing itself.

use crate::{
    parse::MemberReport,
    store::{
        Batch,
        imports::{MemberRow, RejectionRow, Skipped, SourceRow},
    },
};

/// What the reading side sends.
pub(super) enum Message {
    /// Records.
    Batch(Box<Batch>),
    /// The end of the files of one import; what comes next only adds to what is known by then.
    GroupEnd,
    /// All is read and kept: add up and commit.
    Finish(Box<Finish>),
}

/// The end of it.
pub(super) struct Finish {
    pub(super) sources: Vec<SourceRow>,
    pub(super) gathered: Gathered,
}

/// What reading alone can tell of an import.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) records_total: u64,
    pub(super) skipped: Skipped,
    pub(super) rejected: u64,
    pub(super) rejections: Vec<RejectionRow>,
    pub(super) members: Vec<MemberRow>,
}

impl Gathered {
    pub(super) fn members(&mut self, reports: &[MemberReport]) {
        self.members.extend(reports.iter().map(|report| MemberRow {
            source: report.source as u64,
            path: report.path.clone(),
            found: report.found.to_string(),
            records: report.records,
            rejected: report.rejected,
            note: report.note.clone(),
        }));
    }
}
