//! The API below `/api/v1/history/`: the same queries as the pages, as JSON. `docs/api.md` describes it.

mod channels;
pub(super) mod imports;
mod totals;
mod views;

use axum::{
    Router,
    routing::{get, post},
};
use serde::Serialize;
use serde_json::{Value, json};
use ytorch_core::Problem;
use ytorch_pipeline::Services;

/// All addresses but the one that takes uploads, which has a limit of its own.
pub(super) fn routes() -> Router<Services> {
    Router::new()
        .route("/api/v1/history/summary", get(totals::summary))
        .route("/api/v1/history/years", get(totals::years))
        .route("/api/v1/history/months", get(totals::months))
        .route("/api/v1/history/channels", get(channels::list))
        .route("/api/v1/history/views", get(views::list))
        .route("/api/v1/history/imports", get(imports::list))
        .route("/api/v1/history/imports/{id}", get(imports::find))
        .route("/api/v1/history/imports/{id}/rejections", get(imports::rejections))
        .route("/api/v1/history/reingest", post(imports::reingest))
}

/// A list that says how long it is in all.
#[derive(Serialize)]
struct Counted<T> {
    items: Vec<T>,
    total: u64,
}

/// A list that is there as a whole.
#[derive(Serialize)]
struct Whole<T> {
    items: Vec<T>,
}

/// What went wrong, as every answer of the API says it.
pub(super) fn error_value(problem: &Problem) -> Value {
    let Problem { what, detail, hint, code: _ } = problem;
    json!({"what": what, "detail": detail, "hint": hint})
}
