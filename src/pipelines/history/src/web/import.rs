//! One import: how far it is, what it found, and every record it could not read. It starts none.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use ytorch_core::Zone;
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, QueryString, WebError,
    components::{Column, Definitions, Heading, Level, Notice, Pagination, ProgressBar, Table},
    format,
};

use super::{
    api::imports::{id_of, one},
    ask,
    imports::{source_names, status_word},
    parameters::Parameters,
};
use crate::{
    ingest::{Phase, Progress},
    store::{
        Import, ImportStatus,
        imports::{self, MemberRow, RejectionRow, SourceRow},
    },
};

/// How often the page of an import that is not done loads itself again.
const REFRESH_SECONDS: u32 = 2;

#[derive(Template)]
#[template(path = "import.html")]
struct ImportView {
    heading: Heading,
    notice: Option<Notice>,
    progress: Option<ProgressBar>,
    facts: Definitions,
    counts: Table,
    sources: Option<Table>,
    members: Option<Table>,
    rejections: Option<Table>,
    pagination: Pagination,
}

pub(super) async fn show(
    State(services): State<Services>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Page, WebError> {
    let (limit, page) = (parameters.limit()?, parameters.page()?);
    let import = one(&services, id_of(&id)?).await?;
    let id = import.id;
    let (members, rejections) = ask(&services, move |connection| {
        let offset = (page - 1) * u64::from(limit);
        Ok((imports::members(connection, id)?, imports::rejections(connection, id, limit, offset)?))
    })
    .await?;
    let path = format!("/history/imports/{id}");
    let address: QueryString = parameters.address(&path, &["limit"]);
    let mut crumbs = super::parts::crumbs();
    crumbs.push(("/history/imports".to_owned(), "Imports".to_owned()));
    let is_open = matches!(import.status, ImportStatus::Queued | ImportStatus::Running);
    let view = ImportView {
        heading: Heading { crumbs, title: format!("Import {id}"), lead: Some(source_names(&import)) },
        notice: notice(&import),
        progress: is_open.then(|| bar(import.progress)),
        facts: facts(&import, services.frame.zone()),
        counts: counts(&import),
        sources: (!import.sources.is_empty()).then(|| sources(&import.sources)),
        members: (!members.is_empty()).then(|| member_table(&members)),
        rejections: (!rejections.is_empty()).then(|| rejection_table(&rejections)),
        pagination: Pagination::numbered(&address, page, import.counts.rejected.div_ceil(u64::from(limit))),
    };
    let page = Page::render(format!("Import {id}"), &view)?;
    Ok(if is_open { page.refresh(REFRESH_SECONDS, path) } else { page })
}

fn notice(import: &Import) -> Option<Notice> {
    let rejected = import.counts.rejected;
    let said =
        |level, what: String, hint: Option<&str>| Notice { level, what, detail: None, hint: hint.map(str::to_owned) };
    match (import.status, &import.problem) {
        (ImportStatus::Failed, Some(problem)) => Some(Notice {
            level: Level::Error,
            what: problem.what.clone(),
            detail: problem.detail.clone(),
            hint: problem.hint.clone(),
        }),
        (ImportStatus::Failed, None) => {
            Some(said(Level::Error, "The import failed.".to_owned(), Some("The server's log has the details.")))
        }
        (ImportStatus::Done, _) if rejected > 0 => Some(said(
            Level::Warning,
            format!("{} records could not be read. All others are in the history.", format::number(rejected)),
            Some("They are listed below with their place in the file."),
        )),
        (ImportStatus::Done, _) => {
            let added = format::number(import.counts.views_added);
            Some(said(Level::Success, format!("{added} views are new in the history."), None))
        }
        (ImportStatus::Queued | ImportStatus::Running, _) => None,
    }
}

fn bar(progress: Option<Progress>) -> ProgressBar {
    let Some(Progress { phase, bytes_done, bytes_total, records }) = progress else {
        return ProgressBar { label: "Waiting for its turn".to_owned(), position: None };
    };
    let records = format::number(records);
    match phase {
        Phase::Reading => ProgressBar {
            label: format!(
                "Reading: {} of {}, {records} records",
                format::bytes(bytes_done),
                format::bytes(bytes_total)
            ),
            position: (bytes_total > 0).then_some((bytes_done.min(bytes_total), bytes_total)),
        },
        Phase::Writing => ProgressBar { label: format!("Writing {records} records"), position: None },
        Phase::Summing => ProgressBar { label: "Adding up".to_owned(), position: None },
    }
}

fn facts(import: &Import, zone: &Zone) -> Definitions {
    let mut entries = vec![
        ("Status".to_owned(), status_word(import.status).into()),
        ("Asked for".to_owned(), format::time_element(import.created_at, zone)),
    ];
    if let Some(ended_at) = import.ended_at {
        entries.push(("Ended".to_owned(), format::time_element(ended_at, zone)));
    }
    if let Some(milliseconds) = import.duration_ms {
        entries.push(("Took".to_owned(), format::duration(Duration::from_millis(milliseconds)).into()));
    }
    Definitions { entries }
}

/// What became of the records: the lines add up to the first.
fn counts(import: &Import) -> Table {
    let counts = &import.counts;
    let line = |what: &str, number: u64| vec![what.into(), format::number(number).into()];
    Table {
        caption: "What became of the records".to_owned(),
        columns: vec![Column::text("Records"), Column::number("Number")],
        rows: vec![
            line("Found in all", counts.records_total),
            line("Views that were new", counts.views_added),
            line("Views that were known", counts.views_known),
            line("Advertisements", counts.skipped.ads),
            line("Community posts", counts.skipped.posts),
            line("Removed videos without an address", counts.skipped.removed_without_id),
            line("Other things than views", counts.skipped.other),
            line("Could not be read", counts.rejected),
        ],
        sorting: None,
    }
}

fn sources(sources: &[SourceRow]) -> Table {
    let row = |source: &SourceRow| -> Vec<Html> {
        vec![source.name.as_str().into(), format::bytes(source.size_bytes).into(), source.sha256.as_str().into()]
    };
    Table {
        caption: "Files as received".to_owned(),
        columns: vec![Column::text("File"), Column::number("Size"), Column::text("SHA-256")],
        rows: sources.iter().map(row).collect(),
        sorting: None,
    }
}

fn member_table(members: &[MemberRow]) -> Table {
    let row = |member: &MemberRow| -> Vec<Html> {
        vec![
            member.path.as_str().into(),
            member.found.as_str().into(),
            format::number(member.records).into(),
            format::number(member.rejected).into(),
            member.note.as_deref().unwrap_or("–").into(),
        ]
    };
    Table {
        caption: "What was found in the files".to_owned(),
        columns: vec![
            Column::text("Path"),
            Column::text("What it is"),
            Column::number("Records"),
            Column::number("Unreadable"),
            Column::text("Remark"),
        ],
        rows: members.iter().map(row).collect(),
        sorting: None,
    }
}

fn rejection_table(rejections: &[RejectionRow]) -> Table {
    let row = |rejection: &RejectionRow| -> Vec<Html> {
        vec![
            rejection.path.as_str().into(),
            format::number(rejection.record).into(),
            format::number(rejection.byte_offset).into(),
            rejection.reason.as_str().into(),
            Html::trusted(format!("<code>{}</code>", Html::text(&rejection.excerpt))),
        ]
    };
    Table {
        caption: "Records that could not be read".to_owned(),
        columns: vec![
            Column::text("File"),
            Column::number("Record"),
            Column::number("Byte"),
            Column::text("Why"),
            Column::text("Its beginning"),
        ],
        rows: rejections.iter().map(row).collect(),
        sorting: None,
    }
}
