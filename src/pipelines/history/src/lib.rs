//! Watch history: from a Takeout export to pages. It asks nothing of the internet.
//!
//! In reading order: the nouns, bytes to nouns, rows, the import that joins them, jobs, pages.

pub mod model;
pub mod parse;

mod raw;

pub mod ingest;
pub mod store;

mod jobs;
mod web;

use ytorch_pipeline::Pipeline;

/// The pipeline, as the server's list takes it.
pub fn pipeline() -> Pipeline {
    Pipeline {
        name: "history",
        navigation: web::navigation(),
        migrations: store::MIGRATIONS,
        jobs: jobs::kinds,
        routes: web::routes,
        start: jobs::start,
        checks: |_| Vec::new(),
    }
}
