//! The administration: how the instance is, what runs and ran, services outside, settings, the end of the log.
//!
//! It changes no setting: those stand in a file, so that they survive and can be read.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path as FilePath,
};

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Redirect,
};
use ytorch_core::Zone;
use ytorch_jobs::{Breaker, BreakerState, JobState, Planned, Summary};
use ytorch_web::{
    Html, Page, Session, WebError,
    components::{ActionButton, Column, EmptyState, Heading, Level, Notice, Table, Tile, Tiles},
    format,
};

use super::{
    api::{breakers::reset_one, schedules::run_one},
    jobs::{job_table, run_table},
    status::{Looked, look},
};
use crate::{platform::Site, settings::Listed};

/// The end of the log that is shown.
const LOG_LINES: usize = 40;
const LOG_BYTES: u64 = 64 * 1024;

#[derive(Template)]
#[template(path = "admin.html")]
struct AdminView {
    heading: Heading,
    notices: Vec<Notice>,
    tiles: Tiles,
    queue: Option<Table>,
    checks: Table,
    schedules: Table,
    kinds: Option<Table>,
    runs: Option<Table>,
    no_runs: EmptyState,
    breakers: Table,
    settings: Table,
    log: String,
}

pub(super) async fn show(State(site): State<Site>, session: Session) -> Result<Page, WebError> {
    let looked = look(site.clone()).await?;
    let log_path = site.services.resources.folders.server_log();
    let log = super::blocking(move || last_lines(&log_path)).await?;
    let zone = site.services.frame.zone();
    let view = AdminView {
        heading: Heading {
            title: "Administration".to_owned(),
            lead: Some("How this instance is, and what it does by itself.".to_owned()),
            ..Heading::default()
        },
        notices: notices(&looked),
        tiles: tiles(&looked, zone),
        queue: (!looked.living.is_empty()).then(|| job_table(&looked.living, zone, &session)),
        checks: checks(&looked),
        schedules: schedules(&looked.schedules, zone, &session),
        kinds: (!looked.summaries.is_empty()).then(|| kinds(&looked.summaries, zone)),
        runs: (!looked.runs.is_empty()).then(|| run_table(&looked.runs, zone, "The last runs, newest first")),
        no_runs: EmptyState {
            what: "Nothing has run yet".to_owned(),
            hint: "The first import or backup appears here.".to_owned(),
            action: None,
        },
        breakers: breakers(&looked.breakers, zone, &session),
        settings: settings(&site.platform.listed),
        log,
    };
    Page::render("Administration", &view)
}

fn notices(looked: &Looked) -> Vec<Notice> {
    let notice =
        |level, what: String, hint: Option<&str>| Notice { level, what, detail: None, hint: hint.map(str::to_owned) };
    let mut notices: Vec<Notice> =
        looked.readiness.failing().into_iter().map(|failing| notice(Level::Error, failing, None)).collect();
    notices.extend(
        looked
            .readiness
            .degraded()
            .iter()
            .map(|found| notice(Level::Warning, format!("{}: {}", found.name, found.detail), None)),
    );
    if looked.backups.count == 0 {
        let hint = "Make one now under “Clock”, or set `backup_times` in config/server.toml.";
        notices.push(notice(Level::Info, "There is no backup of this instance yet.".to_owned(), Some(hint)));
    }
    notices
}

fn tiles(looked: &Looked, zone: &Zone) -> Tiles {
    let tile = |label: &str, value: String, note: Option<String>, href: Option<&str>| Tile {
        label: label.to_owned(),
        value,
        note,
        href: href.map(str::to_owned),
    };
    let count = |wanted: &[JobState]| {
        let matching = looked.counts.iter().filter(|(_, state, _)| wanted.contains(state));
        format::number(matching.map(|(.., count)| count).sum())
    };
    let resources = &looked.resources;
    let unknown = || "–".to_owned();
    let backups = &looked.backups;
    let newest = backups.newest_at.map(|at| format!("newest: {}", format::date_time(at, zone)));
    Tiles {
        tiles: vec![
            tile("Jobs that wait or run", count(&[JobState::Queued, JobState::Running]), None, Some("/jobs")),
            tile("Jobs that failed", count(&[JobState::Failed]), None, Some("/jobs?state=failed")),
            tile(
                "Database",
                format::bytes(resources.database_bytes),
                Some(format!("and {} of changes beside it", format::bytes(resources.database_wal_bytes))),
                None,
            ),
            tile(
                "Free on the disk",
                resources.disk_free_bytes.map_or_else(unknown, format::bytes),
                Some(format!("{} are kept free", format::bytes(resources.disk_floor_bytes))),
                None,
            ),
            tile(
                "Memory of the server",
                resources.memory_bytes.map_or_else(unknown, format::bytes),
                resources.machine_memory_available_bytes.zip(resources.machine_memory_bytes).map(|(available, all)| {
                    format!("{} of {} are available", format::bytes(available), format::bytes(all))
                }),
                None,
            ),
            tile("Backups", format::number(backups.count), newest.or_else(|| Some("none yet".to_owned())), None),
        ],
    }
}

fn checks(looked: &Looked) -> Table {
    let row = |(name, ok, detail): (&'static str, bool, &str)| -> Vec<Html> {
        vec![name.into(), if ok { "holds" } else { "fails" }.into(), detail.into()]
    };
    Table {
        caption: "What must hold for the server to be ready".to_owned(),
        columns: ["Check", "State", "Found"].map(Column::text).into(),
        rows: looked.readiness.checks().map(row).collect(),
        sorting: None,
    }
}

fn button(action: String, label: &'static str, session: &Session) -> Html {
    Html::trusted(ActionButton { action, csrf: session.csrf().to_owned(), label }.to_string())
}

fn schedules(planned: &[Planned], zone: &Zone, session: &Session) -> Table {
    let row = |Planned { schedule, last_due_at, next_due_at }: &Planned| {
        let time = |at: &Option<_>| at.map_or_else(|| Html::from("–"), |at| format::time_element(at, zone));
        let last = if schedule.when.is_some() { time(last_due_at) } else { "–".into() };
        vec![
            schedule.name.into(),
            schedule.subject.into(),
            schedule.when.as_ref().map_or_else(|| "only when asked for".to_owned(), ToString::to_string).into(),
            last,
            time(next_due_at),
            button(format!("/admin/schedules/{}/run", schedule.name), "Do it now", session),
        ]
    };
    Table {
        caption: "Work that recurs".to_owned(),
        columns: ["Name", "What", "When", "Due last", "Due next", "Do"].map(Column::text).into(),
        rows: planned.iter().map(row).collect(),
        sorting: None,
    }
}

fn kinds(summaries: &[Summary], zone: &Zone) -> Table {
    let row = |summary: &Summary| {
        let last_success = summary.last_success_at.map_or_else(|| "–".into(), |at| format::time_element(at, zone));
        vec![
            Html::link(&format!("/jobs?kind={}", summary.kind), &summary.kind),
            last_success,
            format::number(summary.succeeded).into(),
            format::number(summary.failed).into(),
            summary.average_duration.map_or_else(|| "–".to_owned(), format::duration).into(),
        ]
    };
    let columns = vec![
        Column::text("Kind"),
        Column::text("Worked last"),
        Column::number("Runs that worked"),
        Column::number("Runs that failed"),
        Column::number("Usual time"),
    ];
    Table { caption: "Kinds of jobs".to_owned(), columns, rows: summaries.iter().map(row).collect(), sorting: None }
}

fn breakers(breakers: &[Breaker], zone: &Zone, session: &Session) -> Table {
    let row = |breaker: &Breaker| {
        let state = match (breaker.state, breaker.open_until) {
            (BreakerState::Open, Some(until)) => {
                Html::trusted(format!("open until {}", format::time_element(until, zone)))
            }
            (state, _) => state.word().into(),
        };
        let action = format!("/admin/breakers/{}/reset", breaker.service);
        vec![
            breaker.service.as_str().into(),
            state,
            format::number(breaker.failures.into()).into(),
            breaker.last_error.as_deref().unwrap_or("–").into(),
            if breaker.state == BreakerState::Closed { Html::default() } else { button(action, "Close it", session) },
        ]
    };
    Table {
        caption: "Services outside".to_owned(),
        columns: vec![
            Column::text("Service"),
            Column::text("Breaker"),
            Column::number("Failures in a row"),
            Column::text("Last error"),
            Column::text("Do"),
        ],
        rows: breakers.iter().map(row).collect(),
        sorting: None,
    }
}

fn settings(listed: &[Listed]) -> Table {
    let row = |listed: &Listed| -> Vec<Html> {
        let value = listed.value.as_str().map_or_else(|| listed.value.to_string(), str::to_owned);
        let value = if value.is_empty() { "(empty)".to_owned() } else { value };
        let value = listed.unit.map_or_else(|| value.clone(), |unit| format!("{value} {unit}"));
        vec![listed.name.into(), value.into(), listed.origin_in_words().into()]
    };
    Table {
        caption: "Every setting and who gave its value".to_owned(),
        columns: ["Setting", "Value", "From"].map(Column::text).into(),
        rows: listed.iter().map(row).collect(),
        sorting: None,
    }
}

/// The last whole lines of a file.
fn last_lines(path: &FilePath) -> io::Result<String> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        file => file?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    // The first one may be cut where it was read from.
    let whole = if length > LOG_BYTES { lines.get(1..).unwrap_or_default() } else { &lines };
    Ok(whole[whole.len().saturating_sub(LOG_LINES)..].join("\n"))
}

pub(super) async fn run_schedule(State(site): State<Site>, Path(name): Path<String>) -> Result<Redirect, WebError> {
    run_one(&site, &name).await?;
    Ok(Redirect::to("/jobs"))
}

pub(super) async fn reset_breaker(State(site): State<Site>, Path(service): Path<String>) -> Result<Redirect, WebError> {
    reset_one(&site, &service).await?;
    Ok(Redirect::to("/admin"))
}
