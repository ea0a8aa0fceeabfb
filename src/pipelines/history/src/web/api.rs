//! The API below `/api/v1/history/`: the same queries as the pages, as JSON. `docs/api.md` describes it.

mod asked;
mod channels;
pub(super) mod imports;
mod totals;
mod views;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;
use ytorch_pipeline::Services;
use ytorch_web::Routes;

/// The heading of this pipeline in the document of the API.
const TAG: &str = "History";

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

/// A part of a list that says how long it is in all.
#[derive(Serialize, ToSchema)]
struct Counted<T> {
    /// The part that was asked for.
    items: Vec<T>,
    /// The length of the whole list.
    total: u64,
}
