//! How far an import is: in its own words here, in the queue's words for everyone else. It measures nothing.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use ytorch_jobs as jobs;

/// What an import is doing at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ImportPhase)]
pub enum Phase {
    /// Reading the export.
    Reading,
    /// Writing what it has read.
    Writing,
    /// Adding up totals.
    Summing,
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ImportProgress)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Bytes of the export that are read.
    pub bytes_done: u64,
    /// Bytes of the export in all.
    pub bytes_total: u64,
    /// Records found so far.
    pub records: u64,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Summing => "adding up",
        }
    }
}

impl From<Progress> for jobs::Progress {
    fn from(progress: Progress) -> Self {
        let Progress { phase, bytes_done, bytes_total, records } = progress;
        Self {
            done: bytes_done,
            total: bytes_total,
            unit: "bytes".to_owned(),
            message: format!("{}, {records} records", phase.words()),
            details: serde_json::to_value(progress).ok(),
        }
    }
}

impl Progress {
    /// An import's progress as the queue has it.
    pub fn of_job(progress: &jobs::Progress) -> Option<Self> {
        serde_json::from_value(progress.details.clone()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_on_the_way_through_the_queue() {
        for phase in [Phase::Reading, Phase::Writing, Phase::Summing] {
            let progress = Progress { phase, bytes_done: 61, bytes_total: 100, records: 12_345 };
            assert_eq!(Progress::of_job(&progress.into()), Some(progress));
        }
        assert_eq!(Progress::of_job(&jobs::Progress::default()), None);
    }
}
