//! The pages of the watch history and its part of the API. No SQL here: every query is `store`'s.

mod api;
mod channels;
mod import;
mod imports;
mod months;
mod overview;
mod parameters;
mod parts;
mod receive;
mod views;
mod years;

use std::sync::Arc;

use axum::{Extension, response::Redirect};
use utoipa_axum::routes;
use ytorch_core::{ExitCode, Problem};
use ytorch_pipeline::Services;
use ytorch_store::{StoreError, rusqlite};
use ytorch_web::{NavEntry, Routes, WebError, body_limit};

use crate::store::SortedLists;

/// The pages in the navigation, in order.
pub(crate) fn navigation() -> Vec<NavEntry> {
    let entry = |label, href| NavEntry { label, href };
    vec![
        entry("Overview", "/history"),
        entry("Channels", "/history/channels"),
        entry("Years", "/history/years"),
        entry("Months", "/history/months"),
        entry("Views", "/history/views"),
        entry("Imports", "/history/imports"),
    ]
}

/// Every page and every address of the API.
pub(crate) fn routes(services: &Services) -> Routes {
    let uploads = Routes::new()
        .form("/history/imports", imports::upload)
        .api(routes!(api::imports::upload))
        .layer(body_limit(services.resources.upload_limit_bytes));
    Routes::new()
        .page("/", || async { Redirect::to("/history") })
        .page("/history", overview::show)
        .page("/history/channels", channels::show)
        .page("/history/years", years::show)
        .page("/history/years/{year}/channels", channels::of_year)
        .page("/history/months", months::show)
        .page("/history/views", views::show)
        .page("/history/imports", imports::show)
        .page("/history/imports/{id}", import::show)
        .form("/history/reingest", imports::reingest)
        .merge(api::routes())
        .merge(uploads)
        .layer(Extension(Arc::<SortedLists>::default()))
        .with_state(services.clone())
}

/// Asks the store, off the async threads.
async fn ask<T: Send + 'static>(
    services: &Services,
    query: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, WebError> {
    let answer = services.resources.database.read(move |connection| query(connection).map_err(StoreError::from)).await;
    answer.map_err(|error| WebError::internal(&error))
}

/// An import that nobody has heard of.
fn no_such_import() -> WebError {
    let problem = Problem::new(ExitCode::NotFound, "there is no such import");
    WebError::new(axum::http::StatusCode::NOT_FOUND, problem.hint("the page of imports lists all of them"))
}
