//! What the queue holds: every job with what became of it, to cancel and to try again. One job has a page of its own.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Redirect,
};
use serde::Deserialize;
use ytorch_core::Zone;
use ytorch_jobs::{Job, JobFilter, JobId, JobState, Progress, Run};
use ytorch_web::{
    Html, Page, QueryString, Session, WebError,
    components::{
        ActionButton, Choice, Column, Definitions, EmptyState, Filter, FilterBar, Heading, Level, Notice, ProgressBar,
        Table,
    },
    format,
};

use super::{
    api::jobs::{cancel_one, id_of, one, retry_one},
    ask,
};
use crate::platform::Site;

/// Jobs on a page.
const ON_A_PAGE: u32 = 50;
/// How often a page with living jobs loads itself again where no script does it better.
const REFRESH_SECONDS: u32 = 3;

/// Which jobs.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct JobsView {
    heading: Heading,
    filters: FilterBar,
    table: Option<Table>,
    empty: EmptyState,
    older: Option<String>,
}

pub(super) async fn show(
    State(site): State<Site>,
    session: Session,
    Query(Asked { state, kind, before }): Query<Asked>,
) -> Result<Page, WebError> {
    let (state, kind) = (state.unwrap_or_default(), kind.unwrap_or_default());
    let filter = JobFilter {
        state: JobState::of_word(&state),
        kind: Some(kind.clone()).filter(|kind| !kind.is_empty()),
        before: before.map(JobId::from_raw),
        limit: ON_A_PAGE + 1,
    };
    let (mut found, counts) = ask(&site, move |site, connection| {
        Ok((site.services.queue.list(connection, &filter)?, site.services.queue.count(connection)?))
    })
    .await?;
    let more = found.len() > ON_A_PAGE as usize;
    found.truncate(ON_A_PAGE as usize);
    let query = QueryString::new("/jobs").with("state", &state).with("kind", &kind);
    let older = found.last().filter(|_| more).map(|job| query.clone().with("before", job.id).to_string());
    let mut kinds: Vec<String> = counts.iter().map(|(kind, ..)| kind.clone()).collect();
    kinds.dedup();
    let living = counts.iter().any(|(_, state, _)| state.is_alive());
    let zone = site.services.frame.zone();
    let view = JobsView {
        heading: Heading {
            title: "Jobs".to_owned(),
            lead: Some("Work that the server does by itself: imports, backups, maintenance.".to_owned()),
            ..Heading::default()
        },
        filters: filters(query, &state, &kind, kinds),
        table: (!found.is_empty()).then(|| job_table(&found, zone, &session)),
        empty: EmptyState {
            what: "No job is here".to_owned(),
            hint: "Whatever takes longer than a page, such as an import, appears here.".to_owned(),
            action: Some(("/history/imports".to_owned(), "Import an export".to_owned())),
        },
        older,
    };
    let page = Page::render("Jobs", &view)?;
    Ok(if living { page.refresh_without_script(REFRESH_SECONDS, "/jobs") } else { page })
}

fn filters(query: QueryString, state: &str, kind: &str, kinds: Vec<String>) -> FilterBar {
    let choice = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned() };
    let states = JobState::ALL.into_iter().map(|state| choice(state.word(), state_word(state)));
    let kinds = kinds.into_iter().map(|kind| choice(&kind, &kind));
    let select = |name: &str, label: &str, all: &str, choices: Vec<Choice>, chosen: &str| Filter::Select {
        name: name.to_owned(),
        label: label.to_owned(),
        choices: std::iter::once(choice("", all)).chain(choices).collect(),
        chosen: chosen.to_owned(),
    };
    let filters = vec![
        select("state", "State", "All", states.collect(), state),
        select("kind", "Kind", "All", kinds.collect(), kind),
    ];
    FilterBar { query, filters }
}

/// The state in a word.
pub(super) fn state_word(state: JobState) -> &'static str {
    match state {
        JobState::Queued => "Waiting",
        JobState::Running => "Running",
        JobState::Done => "Done",
        JobState::Failed => "Failed",
        JobState::Cancelled => "Cancelled",
        JobState::Skipped => "Nothing to do",
    }
}

/// A table of jobs, each with what can be done about it.
pub(super) fn job_table(found: &[Job], zone: &Zone, session: &Session) -> Table {
    let row = |job: &Job| {
        let subject = if job.subject.is_empty() { &job.kind } else { &job.subject };
        vec![
            Html::link(&format!("/jobs/{}", job.id), &format!("Job {}", job.id)),
            state_word(job.state).into(),
            subject.as_str().into(),
            format::time_element(job.created_at, zone),
            what_became(job, zone),
            buttons(job, session),
        ]
    };
    Table {
        caption: "Jobs, newest first".to_owned(),
        columns: ["Job", "State", "What", "Asked for", "Result", "Do"].map(Column::text).into(),
        rows: found.iter().map(row).collect(),
        sorting: None,
    }
}

fn what_became(job: &Job, zone: &Zone) -> Html {
    match job.state {
        JobState::Running => {
            Html::trusted(format!("<div data-job=\"{}\">{}</div>", job.id, bar(job.progress.as_ref())))
        }
        JobState::Queued => match (job.not_before, &job.error) {
            (Some(at), Some(error)) => {
                Html::trusted(format!("tried again {}: {}", format::time_element(at, zone), Html::text(error)))
            }
            _ => "waits for its turn".into(),
        },
        _ => job.error.as_deref().or(job.message.as_deref()).unwrap_or_default().into(),
    }
}

fn bar(progress: Option<&Progress>) -> ProgressBar {
    let Some(Progress { done, total, message, .. }) = progress else {
        return ProgressBar { label: "at work".to_owned(), position: None };
    };
    ProgressBar { label: message.clone(), position: (*total > 0).then_some((*done.min(total), *total)) }
}

fn buttons(job: &Job, session: &Session) -> Html {
    let button = |verb: &str, label| {
        let (action, csrf) = (format!("/jobs/{}/{verb}", job.id), session.csrf().to_owned());
        Html::trusted(ActionButton { action, csrf, label }.to_string())
    };
    match job.state {
        JobState::Queued | JobState::Running => button("cancel", "Cancel"),
        JobState::Failed | JobState::Cancelled => button("retry", "Try again"),
        JobState::Done | JobState::Skipped => Html::default(),
    }
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobView {
    heading: Heading,
    notice: Option<Notice>,
    progress: Option<ProgressBar>,
    facts: Definitions,
    buttons: Html,
    runs: Option<Table>,
}

pub(super) async fn show_one(
    State(site): State<Site>,
    session: Session,
    Path(id): Path<String>,
) -> Result<Page, WebError> {
    let job = one(&site, id_of(&id)?).await?;
    let (id, asked) = (job.id, job.clone());
    let runs = ask(&site, move |site, connection| site.services.queue.runs_of(connection, &asked)).await?;
    let zone = site.services.frame.zone();
    let view = JobView {
        heading: Heading {
            crumbs: vec![("/jobs".to_owned(), "Jobs".to_owned())],
            title: format!("Job {id}"),
            lead: Some(if job.subject.is_empty() { job.kind.clone() } else { job.subject.clone() }),
        },
        notice: job.error.as_ref().map(|error| Notice {
            level: if job.state == JobState::Failed { Level::Error } else { Level::Warning },
            what: error.clone(),
            detail: None,
            hint: None,
        }),
        progress: (job.state == JobState::Running).then(|| bar(job.progress.as_ref())),
        facts: facts(&job, zone),
        buttons: buttons(&job, &session),
        runs: (!runs.is_empty()).then(|| run_table(&runs, zone, "Every time it was tried, newest first")),
    };
    let page = Page::render(format!("Job {id}"), &view)?;
    let path = format!("/jobs/{id}");
    Ok(if job.state.is_alive() { page.refresh(REFRESH_SECONDS, path) } else { page })
}

fn facts(job: &Job, zone: &Zone) -> Definitions {
    let mut entries = vec![
        ("State".to_owned(), state_word(job.state).into()),
        ("Kind".to_owned(), job.kind.as_str().into()),
        ("Asked for".to_owned(), format::time_element(job.created_at, zone)),
    ];
    let mut add = |name: &str, value: Option<Html>| entries.extend(value.map(|value| (name.to_owned(), value)));
    add("Begun", job.started_at.map(|at| format::time_element(at, zone)));
    add("Ended", job.ended_at.map(|at| format::time_element(at, zone)));
    let waits = job.not_before.filter(|_| job.state == JobState::Queued);
    add("Tried again", waits.map(|at| format::time_element(at, zone)));
    add("Tries", Some(job.attempts.to_string().into()));
    add("Result", job.message.as_deref().map(Html::text));
    let correlation = Some(job.correlation.as_str()).filter(|id| !id.is_empty());
    add("Correlation id", correlation.map(|id| Html::trusted(format!("<code>{}</code>", Html::text(id)))));
    Definitions { entries }
}

/// A table of runs.
pub(super) fn run_table(runs: &[Run], zone: &Zone, caption: &str) -> Table {
    let row = |run: &Run| {
        let told = run.error.as_deref().or(run.message.as_deref()).unwrap_or_default();
        vec![
            format::time_element(run.started_at, zone),
            Html::link(&format!("/jobs/{}", run.job), if run.subject.is_empty() { &run.kind } else { &run.subject }),
            run.status.word().into(),
            told.into(),
            format::duration(run.duration()).into(),
        ]
    };
    let mut columns: Vec<Column> = ["Begun", "What", "Status", "Result"].map(Column::text).into();
    columns.push(Column::number("Took"));
    Table { caption: caption.to_owned(), columns, rows: runs.iter().map(row).collect(), sorting: None }
}

pub(super) async fn cancel(State(site): State<Site>, Path(id): Path<String>) -> Result<Redirect, WebError> {
    cancel_one(&site, id_of(&id)?).await?;
    Ok(Redirect::to("/jobs"))
}

pub(super) async fn retry(State(site): State<Site>, Path(id): Path<String>) -> Result<Redirect, WebError> {
    retry_one(&site, id_of(&id)?).await?;
    Ok(Redirect::to("/jobs"))
}
