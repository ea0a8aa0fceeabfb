//! How far a job is. Pages and the API read it; nothing decides by it.

use serde::{Deserialize, Serialize};

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How much is done.
    pub done: u64,
    /// How much there is in all; 0 if nobody knows.
    pub total: u64,
    /// In what `done` and `total` count, such as `bytes`.
    pub unit: String,
    /// What it is doing, in a few words.
    pub message: String,
    /// What its kind adds for those who know the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<serde_json::Value>,
}
