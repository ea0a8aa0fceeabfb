//! The API below `/api/v1/` that is no pipeline's. `docs/api.md` describes it.

pub(super) mod breakers;
pub(super) mod jobs;
pub(super) mod runs;
pub(super) mod schedules;
pub(super) mod secrets;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;
use ytorch_web::WebError;

/// The heading in the API's document.
const TAG: &str = "Operations";

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

/// Query parameters, of which none is empty and none unknown.
pub(super) struct Asked<T>(T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let Query(pairs) =
            Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| not_meant(error.body_text()))?;
        if let Some((name, _)) = pairs.iter().find(|(_, value)| value.is_empty()) {
            return Err(not_meant(format!("`{name}` is empty")));
        }
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(|error| not_meant(error.body_text()))
    }
}

/// How many are asked for: 50 unless something else is said, 1 to 1000.
fn limit(asked: Option<i64>) -> Result<u32, WebError> {
    match asked {
        Some(negative) if negative < 0 => Err(not_meant("`limit` is less than 0".to_owned())),
        Some(asked) => Ok(u32::try_from(asked).unwrap_or(u32::MAX).clamp(1, 1000)),
        None => Ok(50),
    }
}

fn not_meant(detail: String) -> WebError {
    let mut error = WebError::bad_request("a parameter cannot be meant", "the page `/api` lists what there is");
    error.problem.detail = Some(detail);
    error
}
