//! `imports` and `reingest`: uploads and what became of them. It waits for an import unless asked not to.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::JobId;
use ytorch_pipeline::Services;
use ytorch_web::WebError;

use super::Counted;
use crate::{
    store::{
        Import, ImportId, ImportStatus,
        imports::{self, RejectionRow},
    },
    web::{ask, no_such_import, parameters::Parameters, receive},
};

#[utoipa::path(get, path = "/api/v1/history/imports")]
pub(super) async fn list(
    State(services): State<Services>,
    parameters: Parameters,
) -> Result<Json<Counted<Import>>, WebError> {
    let (limit, page) = (parameters.limit()?, parameters.page()?);
    let (found, total) = ask(&services, move |connection| {
        Ok((imports::list(connection, limit, (page - 1) * u64::from(limit))?, imports::count(connection)?))
    })
    .await?;
    let items = found.into_iter().map(|import| import.with_progress(|job| services.queue.progress(job))).collect();
    Ok(Json(Counted { items, total }))
}

#[utoipa::path(get, path = "/api/v1/history/imports/{id}")]
pub(super) async fn find(State(services): State<Services>, Path(id): Path<String>) -> Result<Json<Import>, WebError> {
    one(&services, id_of(&id)?).await.map(Json)
}

#[utoipa::path(get, path = "/api/v1/history/imports/{id}/rejections")]
pub(super) async fn rejections(
    State(services): State<Services>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Counted<RejectionRow>>, WebError> {
    let (limit, page) = (parameters.limit()?, parameters.page()?);
    let import = one(&services, id_of(&id)?).await?;
    let items = ask(&services, move |connection| {
        imports::rejections(connection, import.id, limit, (page - 1) * u64::from(limit))
    })
    .await?;
    Ok(Json(Counted { items, total: import.counts.rejected }))
}

#[utoipa::path(post, path = "/api/v1/history/imports")]
pub(in crate::web) async fn upload(State(services): State<Services>, request: Request) -> Result<Response, WebError> {
    let is_async = receive::prefers_async(request.headers());
    let (id, job) = receive::import(&services, request).await?;
    answer(&services, id, job, is_async).await
}

#[utoipa::path(post, path = "/api/v1/history/reingest")]
pub(super) async fn reingest(
    State(services): State<Services>,
    headers: HeaderMap,
    // Read, if only to be thrown away: otherwise the connection could not be used again.
    _: Bytes,
) -> Result<Response, WebError> {
    let (id, job) = receive::reingest(&services).await?;
    answer(&services, id, job, receive::prefers_async(&headers)).await
}

/// 202 at once, or 201 when it is done, or 422 when it failed.
pub(in crate::web) async fn answer(
    services: &Services,
    id: ImportId,
    job: JobId,
    is_async: bool,
) -> Result<Response, WebError> {
    if is_async {
        return Ok((StatusCode::ACCEPTED, Json(one(services, id).await?)).into_response());
    }
    services.queue.wait(job).await.map_err(|error| WebError::internal(&error))?;
    let import = one(services, id).await?;
    if import.status == ImportStatus::Done {
        return Ok((StatusCode::CREATED, Json(import)).into_response());
    }
    let Some(problem) = &import.problem else {
        let problem = Problem::new(ExitCode::Failure, "the import did not end");
        return Err(WebError::new(StatusCode::INTERNAL_SERVER_ERROR, problem.hint("the server's log has the details")));
    };
    let body = json!({"error": problem, "import": import});
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
}

/// An import with how far it is.
pub(in crate::web) async fn one(services: &Services, id: ImportId) -> Result<Import, WebError> {
    let found = ask(services, move |connection| imports::find(connection, id)).await?;
    Ok(found.ok_or_else(no_such_import)?.with_progress(|job| services.queue.progress(job)))
}

/// The id in an address.
pub(in crate::web) fn id_of(text: &str) -> Result<ImportId, WebError> {
    text.parse().map(ImportId).map_err(|_| no_such_import())
}
