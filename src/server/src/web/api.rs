//! The API below `/api/v1/` that is no pipeline's. `docs/api.md` describes it.

pub(super) mod breakers;
pub(super) mod jobs;
pub(super) mod runs;
pub(super) mod schedules;
pub(super) mod secrets;

use serde::Serialize;
use utoipa::ToSchema;

/// The heading in the API's document.
const TAG: &str = "Operations";

/// A list that is there as a whole.
#[derive(Serialize, ToSchema)]
pub(super) struct Whole<T> {
    /// All of it.
    items: Vec<T>,
}

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(super) struct Part<T> {
    /// What there is, newest first.
    items: Vec<T>,
    /// Give it as `before` for the next part; null if this was the last.
    next_before: Option<i64>,
}

impl<T> Part<T> {
    /// Cuts off the one more that was asked for, which tells whether there is a next part.
    fn new(mut items: Vec<T>, limit: u32, id: impl Fn(&T) -> i64) -> Self {
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_before = items.last().filter(|_| more).map(id);
        Self { items, next_before }
    }
}

/// How many are asked for: 50 unless something else is said, 1 to 1000.
fn limit(asked: Option<u32>) -> u32 {
    asked.unwrap_or(50).clamp(1, 1000)
}
