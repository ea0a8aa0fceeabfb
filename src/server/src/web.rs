//! The platform's own pages and its part of the API: jobs, runs, schedules, breakers, secrets, status, administration.
//!
//! No SQL here: the crates below answer questions.

mod admin;
mod api;
mod events;
mod jobs;
mod status;

use utoipa_axum::routes;
use ytorch_store::{StoreError, rusqlite};
use ytorch_web::{NavEntry, Routes, WebError};

use crate::platform::Site;

/// The pages in the navigation, after those of the pipelines.
pub(crate) fn navigation() -> Vec<NavEntry> {
    vec![NavEntry { label: "Jobs", href: "/jobs" }, NavEntry { label: "Admin", href: "/admin" }]
}

/// Every page and address.
pub(crate) fn routes() -> Routes<Site> {
    Routes::new()
        .page("/jobs", jobs::show)
        .page("/jobs/events", events::stream)
        .page("/jobs/{id}", jobs::show_one)
        .form("/jobs/{id}/cancel", jobs::cancel)
        .form("/jobs/{id}/retry", jobs::retry)
        .page("/admin", admin::show)
        .form("/admin/schedules/{name}/run", admin::run_schedule)
        .form("/admin/breakers/{service}/reset", admin::reset_breaker)
        .api(routes!(status::status))
        .api(routes!(api::jobs::list))
        .api(routes!(api::jobs::find))
        .api(routes!(api::jobs::cancel))
        .api(routes!(api::jobs::retry))
        .api(routes!(api::runs::list))
        .api(routes!(api::schedules::list))
        .api(routes!(api::schedules::run))
        .api(routes!(api::breakers::list))
        .api(routes!(api::breakers::reset))
        .api(routes!(api::secrets::list))
        .api(routes!(api::secrets::set, api::secrets::remove))
        .api(routes!(api::secrets::rotate))
}

/// Asks the database, off the async threads.
async fn ask<T: Send + 'static>(
    site: &Site,
    query: impl FnOnce(&Site, &rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, WebError> {
    let asking = site.clone();
    let database = &site.services.resources.database;
    let answer = database.read(move |connection| query(&asking, connection).map_err(StoreError::from)).await;
    answer.map_err(|error| WebError::internal(&error))
}

/// Does something on a thread that may block.
async fn blocking<T: Send + 'static, E: std::error::Error + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, WebError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| WebError::internal(&error))?;
    done.map_err(|error| WebError::internal(&error))
}
