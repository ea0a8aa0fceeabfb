//! placeholder
pub(crate) fn routes(_: &ytorch_pipeline::Services) -> axum::Router { axum::Router::new() }
pub(crate) fn navigation() -> Vec<ytorch_web::NavEntry> { Vec::new() }
