//! Receiving exports: a form's files, piece by piece, into `data/raw`. It does not look into them.

use axum::{
    body::Bytes,
    extract::{FromRequest as _, Multipart, Request, multipart::Field},
    http::{HeaderMap, StatusCode},
};
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::JobId;
use ytorch_pipeline::{Resources, Services};
use ytorch_web::WebError;

use crate::{
    ingest, jobs,
    raw::Incoming,
    store::{ImportId, imports::SourceRow},
};

/// So many bytes are gathered before a thread that may block writes them.
const BATCH_BYTES: usize = 1 << 20;

/// The field of the form that holds files.
const FIELD: &str = "export";

/// Whether the one who asks does not want to wait for the import.
pub(super) fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("respond-async"))
}

/// Receives the files of a form and puts their import into the queue.
pub(super) async fn import(services: &Services, request: Request) -> Result<(ImportId, JobId), WebError> {
    let form = Multipart::from_request(request, &()).await.map_err(|_| {
        let problem = Problem::new(ExitCode::Usage, "the request holds no form with files");
        let hint = format!("send multipart/form-data with a field `{FIELD}` for each file");
        WebError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem.hint(hint))
    })?;
    let mut sources = Vec::new();
    let accepted = match files(&services.resources, form, &mut sources).await {
        Ok(()) if sources.is_empty() => Err(WebError::bad_request(
            "no file was chosen",
            format!("choose the file that Takeout gave you; in a form of your own its field is named `{FIELD}`"),
        )),
        Ok(()) => jobs::accept(services, sources.clone()).await.map_err(unavailable),
        Err(error) => Err(error),
    };
    if accepted.is_err() {
        let resources = services.resources.clone();
        // Whether it worked or not, the first error is the one to tell.
        let _ = tokio::task::spawn_blocking(move || ingest::forget_unused(&resources, &sources)).await;
    }
    accepted
}

/// Asks for all kept files to be read again.
pub(super) async fn reingest(services: &Services) -> Result<(ImportId, JobId), WebError> {
    jobs::request_reingest(services).await.map_err(unavailable)
}

async fn files(resources: &Resources, mut form: Multipart, sources: &mut Vec<SourceRow>) -> Result<(), WebError> {
    while let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = field.file_name().unwrap_or_default().to_owned();
        if field.name() != Some(FIELD) || name.is_empty() {
            continue;
        }
        let received = file(resources, &name, &mut field).await;
        drop(field);
        match received {
            Ok(source) => sources.push(source),
            Err(error) => {
                // Who is still sending would not listen: the rest is taken and thrown away.
                if error.status == StatusCode::INSUFFICIENT_STORAGE {
                    while let Ok(Some(_)) = form.next_field().await {}
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

async fn file(resources: &Resources, name: &str, field: &mut Field<'_>) -> Result<SourceRow, WebError> {
    let (owned, name) = (resources.clone(), name.to_owned());
    let mut incoming = blocking(move || Incoming::create(&owned, &name)).await?;
    let (mut batch, mut gathered) = (Vec::<Bytes>::new(), 0);
    while let Some(chunk) = field.chunk().await.map_err(|error| broken(&error))? {
        gathered += chunk.len();
        batch.push(chunk);
        if gathered >= BATCH_BYTES {
            incoming = write(incoming, std::mem::take(&mut batch)).await?;
            gathered = 0;
        }
    }
    let incoming = write(incoming, batch).await?;
    blocking(move || incoming.keep()).await
}

async fn write(mut incoming: Incoming, batch: Vec<Bytes>) -> Result<Incoming, WebError> {
    blocking(move || {
        for bytes in batch {
            incoming.write(&bytes)?;
        }
        Ok(incoming)
    })
    .await
}

/// Does a piece of work on a thread that may block. What fails there is that the file cannot be stored.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, WebError> {
    let result = tokio::task::spawn_blocking(work).await.map_err(|error| WebError::internal(&error))?;
    result.map_err(|problem| WebError::new(StatusCode::INSUFFICIENT_STORAGE, problem))
}

fn broken(error: &axum::extract::multipart::MultipartError) -> WebError {
    // A body that ends too early counts as an error of the server there; it is the client who went away.
    let status = if error.status().is_server_error() { StatusCode::BAD_REQUEST } else { error.status() };
    let problem = if status == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(ExitCode::Usage, "what was sent is larger than this server takes")
            .hint("raise the setting `upload_limit_bytes`, or import the file with `ytorch ingest`")
    } else {
        Problem::new(ExitCode::Usage, "the upload broke off or is no proper form").because(error).hint("send it again")
    };
    WebError::new(status, problem)
}

fn unavailable(problem: Problem) -> WebError {
    WebError::new(StatusCode::SERVICE_UNAVAILABLE, problem)
}
