//! `breakers`: services outside that are left alone for a while, and closing a breaker by hand. It asks no service.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem, Timestamp};
use ytorch_jobs::{Breaker, BreakerState};
use ytorch_store::StoreError;
use ytorch_web::{WebError, Whole, document::Instant, error::ErrorBody};

use super::TAG;
use crate::{jobs::kinds_asking, platform::Site, web::ask};

/// A circuit breaker round a service outside.
#[derive(Serialize, ToSchema)]
#[schema(as = Breaker)]
pub(in crate::web) struct BreakerBody {
    /// The service.
    service: String,
    /// Whether it is asked.
    state: StateWord,
    /// Failures since the last success.
    failures: u32,
    /// How often the breaker has opened.
    trips: u64,
    /// Until when the service is left alone.
    #[schema(value_type = Option<Instant>)]
    open_until: Option<Timestamp>,
    /// What went wrong last.
    last_error: Option<String>,
    /// When it went wrong last.
    #[schema(value_type = Option<Instant>)]
    last_failure_at: Option<Timestamp>,
    /// When it worked last.
    #[schema(value_type = Option<Instant>)]
    last_success_at: Option<Timestamp>,
}

/// Whether a service is asked: always, once as a trial, or not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = BreakerState)]
enum StateWord {
    Closed,
    HalfOpen,
    Open,
}

impl From<Breaker> for BreakerBody {
    fn from(breaker: Breaker) -> Self {
        let state = match breaker.state {
            BreakerState::Closed => StateWord::Closed,
            BreakerState::HalfOpen => StateWord::HalfOpen,
            BreakerState::Open => StateWord::Open,
        };
        Self {
            service: breaker.service,
            state,
            failures: breaker.failures,
            trips: breaker.trips,
            open_until: breaker.open_until,
            last_error: breaker.last_error,
            last_failure_at: breaker.last_failure_at,
            last_success_at: breaker.last_success_at,
        }
    }
}

/// List circuit breakers
///
/// One for each service outside. An open one lets nothing through for a while, because the service failed too often.
#[utoipa::path(get, path = "/api/v1/breakers", tag = TAG, responses(
    (status = 200, description = "All of them", body = Whole<BreakerBody>)))]
pub(in crate::web) async fn list(State(site): State<Site>) -> Result<Json<Whole<BreakerBody>>, WebError> {
    all(&site).await.map(|items| Json(Whole { items }))
}

/// Close a circuit breaker
///
/// The service is asked again at once.
#[utoipa::path(post, path = "/api/v1/breakers/{service}/reset", tag = TAG,
    params(("service" = String, Path, description = "The service", example = "notify")),
    responses((status = 200, description = "The breaker, closed", body = BreakerBody),
        (status = 404, description = "There is no such service", body = ErrorBody)))]
pub(in crate::web) async fn reset(
    State(site): State<Site>,
    Path(service): Path<String>,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<Json<BreakerBody>, WebError> {
    reset_one(&site, &service).await?;
    let found = all(&site).await?.into_iter().find(|breaker| breaker.service == service);
    found.map(Json).ok_or_else(no_such_service)
}

pub(in crate::web) async fn reset_one(site: &Site, service: &str) -> Result<(), WebError> {
    let (breakers, queue, service) = (site.platform.breakers.clone(), site.services.queue.clone(), service.to_owned());
    let reset = site.services.resources.database.write(move |transaction| {
        // Jobs that wait for the service may go on.
        for kind in kinds_asking(&service) {
            queue.hurry(transaction, kind)?;
        }
        Ok::<_, StoreError>(breakers.reset(transaction, &service)?)
    });
    let known = reset.await.map_err(|error| WebError::internal(&error))?;
    site.services.queue.wake();
    if known { Ok(()) } else { Err(no_such_service()) }
}

async fn all(site: &Site) -> Result<Vec<BreakerBody>, WebError> {
    let breakers = ask(site, |site, connection| site.platform.breakers.list(connection)).await?;
    Ok(breakers.into_iter().map(BreakerBody::from).collect())
}

fn no_such_service() -> WebError {
    let problem = Problem::new(ExitCode::NotFound, "there is no such service");
    WebError::new(StatusCode::NOT_FOUND, problem.hint("the page of the administration lists all of them"))
}
