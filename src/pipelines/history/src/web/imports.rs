//! All imports, and where new ones begin. What one import found is on its own page.

use askama::Template;
use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse as _, Redirect, Response},
};
use ytorch_core::Zone;
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, Session, WebError,
    components::{Column, EmptyState, Heading, Pagination, Table, UploadZone},
    error::ErrorBody,
    format,
};

use super::{api, ask, parameters::Parameters, receive};
use crate::store::{Import, ImportId, ImportKind, ImportStatus, imports};

const PATH: &str = "/history/imports";

#[derive(Template)]
#[template(path = "imports.html")]
struct ImportsView {
    heading: Heading,
    upload: UploadZone,
    table: Option<Table>,
    empty: EmptyState,
    pagination: Pagination,
    csrf: String,
}

pub(super) async fn show(
    State(services): State<Services>,
    session: Session,
    parameters: Parameters,
) -> Result<Page, WebError> {
    let (limit, page) = (parameters.limit()?, parameters.page()?);
    let (found, total) = ask(&services, move |connection| {
        Ok((imports::list(connection, limit, (page - 1) * u64::from(limit))?, imports::count(connection)?))
    })
    .await?;
    let found: Vec<Import> =
        found.into_iter().map(|import| import.with_progress(|job| services.queue.progress(job))).collect();
    let view = ImportsView {
        heading: Heading {
            crumbs: super::parts::crumbs(),
            title: "Imports".to_owned(),
            lead: Some("Every export that was given, and what became of each of its records.".to_owned()),
        },
        upload: upload_zone(&session),
        table: (!found.is_empty()).then(|| import_table(&found, services.frame.zone(), "Imports, newest first")),
        empty: EmptyState {
            what: "Nothing is imported yet".to_owned(),
            hint: "Give the first export above.".to_owned(),
            action: Some(("/history".to_owned(), "How to get an export".to_owned())),
        },
        pagination: Pagination::numbered(&parameters.address(PATH, &["limit"]), page, total.div_ceil(u64::from(limit))),
        csrf: session.csrf().to_owned(),
    };
    Page::render("Imports", &view)
}

/// Takes the form's files. A script that asks not to wait gets JSON, a browser is led to the import's page.
pub(super) async fn upload(State(services): State<Services>, request: Request) -> Result<Response, WebError> {
    let is_script = receive::prefers_async(request.headers());
    match receive::import(&services, request).await {
        Ok((id, job)) if is_script => api::imports::answer(&services, id, job, true).await,
        Ok((id, _)) => Ok(to_page(id)),
        // The frame would answer with a page here, which the script could not read out.
        Err(WebError { status, problem }) if is_script => Ok((status, Json(ErrorBody::from(&problem))).into_response()),
        Err(error) => Err(error),
    }
}

pub(super) async fn reingest(State(services): State<Services>) -> Result<Response, WebError> {
    let (id, _) = receive::reingest(&services).await?;
    Ok(to_page(id))
}

fn to_page(id: ImportId) -> Response {
    Redirect::to(&format!("{PATH}/{id}")).into_response()
}

/// The place to drop exports.
pub(super) fn upload_zone(session: &Session) -> UploadZone {
    UploadZone {
        action: PATH.to_owned(),
        status_path: "/api/v1/history/imports/".to_owned(),
        page_path: "/history/imports/".to_owned(),
        csrf: session.csrf().to_owned(),
        label: "Drop your Takeout files here, or choose them".to_owned(),
        hint: "The .zip or .tgz as downloaded, all parts at once, or watch-history.json or watch-history.html"
            .to_owned(),
    }
}

/// The status in a word.
pub(super) fn status_word(status: ImportStatus) -> &'static str {
    match status {
        ImportStatus::Queued => "Waiting",
        ImportStatus::Running => "Running",
        ImportStatus::Done => "Done",
        ImportStatus::Failed => "Failed",
    }
}

/// What an import reads, in words.
pub(super) fn source_names(import: &Import) -> String {
    if import.kind == ImportKind::Reingest {
        return "All kept exports again".to_owned();
    }
    let names: Vec<&str> = import.sources.iter().map(|source| source.name.as_str()).collect();
    names.join(", ")
}

/// The table of some imports with every count.
pub(super) fn import_table(found: &[Import], zone: &Zone, caption: &str) -> Table {
    let row = |import: &Import| {
        let counts = &import.counts;
        let numbers = [
            counts.records_total,
            counts.views_added,
            counts.views_known,
            counts.skipped.ads,
            counts.skipped.posts,
            counts.skipped.removed_without_id,
            counts.skipped.other,
            counts.rejected,
        ];
        let mut cells = vec![
            Html::link(&format!("{PATH}/{}", import.id), &format!("Import {}", import.id)),
            status_word(import.status).into(),
            format::time_element(import.created_at, zone),
            source_names(import).into(),
        ];
        cells.extend(numbers.map(|number| Html::from(format::number(number))));
        cells
    };
    let texts = ["Import", "Status", "When", "Files"].map(Column::text);
    let numbers =
        ["Records", "New views", "Known views", "Ads", "Posts", "Removed", "Other", "Unreadable"].map(Column::number);
    Table {
        caption: caption.to_owned(),
        columns: texts.into_iter().chain(numbers).collect(),
        rows: found.iter().map(row).collect(),
        sorting: None,
    }
}
