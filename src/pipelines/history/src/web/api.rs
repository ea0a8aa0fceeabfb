//! The API below `/api/v1/history/`: the same queries as the pages, as JSON. `docs/api.md` describes it.

mod channels;
pub(super) mod imports;
mod totals;
mod views;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa_axum::routes;
use ytorch_core::Problem;
use ytorch_pipeline::Services;
use ytorch_web::Routes;

/// All addresses but the one that takes uploads, which has a limit of its own.
pub(super) fn routes() -> Routes<Services> {
    Routes::new()
        .api(routes!(totals::summary))
        .api(routes!(totals::years))
        .api(routes!(totals::months))
        .api(routes!(channels::list))
        .api(routes!(views::list))
        .api(routes!(imports::list))
        .api(routes!(imports::find))
        .api(routes!(imports::rejections))
        .api(routes!(imports::reingest))
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
