//! How far an import is, as the API says it. It measures nothing: the job does.

use serde::Serialize;
use utoipa::ToSchema;
use ytorch_jobs::{Phase, Progress};

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportProgress {
    /// What it is doing.
    phase: ImportPhase,
    /// Bytes of its files that are read.
    bytes_done: u64,
    /// Bytes of its files in all.
    bytes_total: u64,
    /// Records found so far.
    records: u64,
}

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ImportPhase {
    Reading,
    Writing,
    Summing,
}

impl From<Progress> for ImportProgress {
    fn from(Progress { phase, bytes_done, bytes_total, records }: Progress) -> Self {
        let phase = match phase {
            Phase::Reading => ImportPhase::Reading,
            Phase::Writing => ImportPhase::Writing,
            Phase::Summing => ImportPhase::Summing,
        };
        Self { phase, bytes_done, bytes_total, records }
    }
}
