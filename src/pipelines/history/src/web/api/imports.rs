//! `imports` and `reingest`: uploads and what became of them. It waits for an import unless asked not to.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::JobId;
use ytorch_pipeline::Services;
use ytorch_web::{WebError, error::ErrorBody};

use super::{
    Counted, TAG,
    asked::{OfImport, Part, Preference, Upload},
};
use crate::{
    store::{
        Import, ImportId, ImportStatus,
        imports::{self, KeptProblem, RejectionRow},
    },
    web::{ask, no_such_import, parameters::Parameters, receive},
};

/// An import that failed.
#[derive(Serialize, ToSchema)]
struct FailedImport {
    /// Why.
    error: KeptProblem,
    /// The import.
    import: Import,
}

/// List imports
///
/// Newest first.
#[utoipa::path(get, path = "/api/v1/history/imports", tag = TAG, params(Part), responses(
    (status = 200, description = "A part of the imports", body = Counted<Import>)))]
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

/// Show an import
///
/// It tells how far it is while it runs, and what it counted when it is done.
#[utoipa::path(get, path = "/api/v1/history/imports/{id}", tag = TAG, params(OfImport), responses(
    (status = 200, description = "The import", body = Import),
    (status = 404, description = "There is no such import", body = ErrorBody)))]
pub(super) async fn find(State(services): State<Services>, Path(id): Path<String>) -> Result<Json<Import>, WebError> {
    one(&services, id_of(&id)?).await.map(Json)
}

/// List unreadable records
///
/// Those that an import could not read, in the order in which they stand in its files. All other records of the same files were read.
#[utoipa::path(get, path = "/api/v1/history/imports/{id}/rejections", tag = TAG, params(OfImport, Part), responses(
    (status = 200, description = "A part of the records", body = Counted<RejectionRow>),
    (status = 404, description = "There is no such import", body = ErrorBody)))]
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

/// Import files
///
/// What Takeout gave: archives or single files, all parts of an export at once. What was known already is not added again.
/// The answer comes when the import has ended; with `Prefer: respond-async` it comes at once.
#[utoipa::path(post, path = "/api/v1/history/imports", tag = TAG, params(Preference),
    request_body(content = Upload, content_type = "multipart/form-data"), responses(
    (status = 201, description = "The import is done", body = Import),
    (status = 202, description = "The import waits or runs: ask for it by its `id`", body = Import),
    (status = 413, description = "The files are larger than the setting `upload_limit_bytes`", body = ErrorBody),
    (status = 415, description = "The body is no form with files", body = ErrorBody),
    (status = 422, description = "The import failed, and changed nothing", body = FailedImport),
    (status = 503, description = "The import could not be put into the queue", body = ErrorBody),
    (status = 507, description = "The disk has less room than the setting `disk_floor_bytes`, or cannot store the files",
        body = ErrorBody)))]
pub(in crate::web) async fn upload(State(services): State<Services>, request: Request) -> Result<Response, WebError> {
    let is_async = receive::prefers_async(request.headers());
    let (id, job) = receive::import(&services, request).await?;
    answer(&services, id, job, is_async).await
}

/// Read all files again
///
/// Empties the history and fills it anew, in one transaction: for files that a newer version reads better. The answer comes
/// when that has ended; with `Prefer: respond-async` it comes at once.
#[utoipa::path(post, path = "/api/v1/history/reingest", tag = TAG, params(Preference), responses(
    (status = 201, description = "The history is as the files say", body = Import),
    (status = 202, description = "The import waits or runs: ask for it by its `id`", body = Import),
    (status = 422, description = "The import failed, and changed nothing", body = FailedImport),
    (status = 503, description = "The import could not be put into the queue", body = ErrorBody)))]
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
    let Some(problem) = import.problem.clone() else {
        let problem = Problem::new(ExitCode::Failure, "the import did not end");
        return Err(WebError::new(StatusCode::INTERNAL_SERVER_ERROR, problem.hint("the server's log has the details")));
    };
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(FailedImport { error: problem, import })).into_response())
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
