//! `/metrics` for Prometheus and `/metrics.json` for scripts. What moves the metrics is elsewhere, but for what can be
//! looked up: sizes, space and the process are looked at here, when somebody asks.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use utoipa::ToSchema;
use ytorch_core::{disk, files};
use ytorch_pipeline::Resources;
use ytorch_store::StoreError;
use ytorch_telemetry::{
    Metrics,
    metrics::{BreakerState, TEXT_TYPE},
};
use ytorch_web::WebError;

use crate::{
    platform::Site,
    router::{TAG, VERSION},
};

/// Metrics
///
/// For Prometheus. What there is says docs/metrics.md.
#[utoipa::path(get, path = "/metrics", tag = TAG, responses(
    (status = 200, description = "One line for each number", body = String, content_type = "text/plain")))]
pub(crate) async fn as_text(State(site): State<Site>) -> Result<Response, WebError> {
    let metrics = look(site).await?;
    Ok(([(header::CONTENT_TYPE, TEXT_TYPE)], metrics.text()).into_response())
}

/// Metrics as JSON
///
/// The same, with the families that have no sample yet.
#[utoipa::path(get, path = "/metrics.json", tag = TAG, responses(
    (status = 200, description = "Every family", body = Families)))]
pub(crate) async fn as_json(State(site): State<Site>) -> Result<Response, WebError> {
    let metrics = look(site).await?;
    Ok(Json(json!({ "families": metrics.readings() })).into_response())
}

/// Every metric.
#[derive(ToSchema)]
#[expect(dead_code, reason = "nobody makes it: only the document is made of it")]
struct Families {
    /// What each is called, counts and measures, and its samples; docs/metrics.md says more.
    #[schema(value_type = Vec<Object>)]
    families: (),
}

/// Looks up what nobody tells, on a thread that may block.
async fn look(site: Site) -> Result<Metrics, WebError> {
    let looked = tokio::task::spawn_blocking(move || {
        let Site { platform, services, .. } = site;
        let Resources { folders, database, metrics, .. } = services.resources;
        let told = database.read_blocking(|connection| {
            let queue = &services.queue;
            Ok::<_, StoreError>((
                queue.count(connection)?,
                queue.last_successes(connection)?,
                platform.breakers.list(connection)?,
            ))
        });
        if let Ok((jobs, successes, breakers)) = told {
            for (kind, at) in successes {
                metrics.set_job_last_success(&kind, at);
            }
            metrics.set_jobs(jobs.into_iter().map(|(kind, state, count)| (kind, state.word(), count)).collect());
            for breaker in breakers {
                metrics.set_breaker(&breaker.service, state(breaker.state));
            }
        }
        metrics.set_version(VERSION);
        metrics.set_database_size(files::size_bytes(database.path()), files::size_bytes(&folders.database_wal()));
        match disk::free_bytes(&folders.data()) {
            Ok(free_bytes) => metrics.set_disk_free(free_bytes),
            Err(error) => tracing::warn!(%error, "could not ask the disk for the metrics"),
        }
        metrics.look_at_process();
        metrics
    });
    // The panic is in the log already.
    looked.await.map_err(|_| WebError::of_status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn state(state: ytorch_jobs::BreakerState) -> BreakerState {
    match state {
        ytorch_jobs::BreakerState::Closed => BreakerState::Closed,
        ytorch_jobs::BreakerState::HalfOpen => BreakerState::HalfOpen,
        ytorch_jobs::BreakerState::Open => BreakerState::Open,
    }
}
