//! `/patterns`: every component once, to look at and to take screenshots of.
//!
//! It shows made-up values only.

use askama::Template;
use axum::extract::State;
use ytorch_chart::{self as chart, MonthBar, month_bars};

use crate::{
    Frame, Html, Page, QueryString, Session, WebError,
    components::{
        ActionButton, Choice, Column, Definitions, EmptyState, Filter, FilterBar, Heading, Level, Notice, Order,
        Pagination, ProgressBar, Sorting, Table, Tile, Tiles, UploadZone,
    },
    format,
};

#[derive(Template)]
#[template(path = "patterns.html")]
struct PatternsView {
    heading: Heading,
    tiles: Tiles,
    notices: Vec<Notice>,
    filters: FilterBar,
    table: Table,
    pagination: Pagination,
    months: Html,
    columns: Html,
    share: Html,
    definitions: Definitions,
    progress: [ProgressBar; 2],
    upload: UploadZone,
    action: ActionButton,
    empty: EmptyState,
}

pub(crate) async fn show(State(frame): State<Frame>, session: Session) -> Result<Page, WebError> {
    let query = QueryString::new("/patterns").with("kind", "video");
    let view = PatternsView {
        heading: Heading {
            crumbs: vec![("/".to_owned(), "Start".to_owned())],
            title: "Patterns".to_owned(),
            lead: Some("Every part that pages are made of, once.".to_owned()),
        },
        tiles: tiles(),
        notices: notices(),
        filters: filters(&query),
        table: table(&query),
        pagination: Pagination::numbered(&query, 3, 214),
        months: months(),
        columns: columns(),
        share: Html::trusted(ytorch_chart::share(31, 100)),
        definitions: Definitions {
            entries: vec![
                ("Time zone".to_owned(), frame.zone().name().into()),
                ("Now".to_owned(), format::time_element(frame.clock().now(), frame.zone())),
                ("Size".to_owned(), format::bytes(427_000_000).into()),
            ],
        },
        progress: [
            ProgressBar { label: "Reading, 61 of 100 MiB".to_owned(), position: Some((61, 100)) },
            ProgressBar { label: "Summing".to_owned(), position: None },
        ],
        upload: UploadZone {
            action: "/patterns".to_owned(),
            status_path: "/patterns/".to_owned(),
            page_path: "/patterns/".to_owned(),
            csrf: session.csrf().to_owned(),
            label: "Drop exports here, or choose them".to_owned(),
            hint: "JSON, HTML or ZIP from Google Takeout".to_owned(),
        },
        action: ActionButton { action: "/patterns".to_owned(), csrf: session.csrf().to_owned(), label: "Do it now" },
        empty: EmptyState {
            what: "Nothing here yet".to_owned(),
            hint: "Import an export, and your views appear here.".to_owned(),
            action: Some(("/".to_owned(), "Import an export".to_owned())),
        },
    };
    Page::render("Patterns", &view)
}

fn months() -> Html {
    let bar = |(index, count): (i8, u64)| {
        let (year, month) = if index < 6 { (2024, 6 - index) } else { (2023, 18 - index) };
        MonthBar { year, month, count, href: "/patterns".to_owned() }
    };
    let counts = [2_318, 1_930, 1_204, 0, 640, 777, 1_520, 1_490, 1_210, 980, 1_100, 860];
    Html::trusted(month_bars(&(0_i8..).zip(counts).map(bar).collect::<Vec<_>>(), "Views by month"))
}

fn columns() -> Html {
    let column = |hour: u64| chart::Column {
        label: hour.to_string(),
        count: hour * hour * 40,
        href: Some("/patterns".to_owned()),
    };
    Html::trusted(chart::columns(&(0..24).map(column).collect::<Vec<_>>(), "Views by hour"))
}

fn tiles() -> Tiles {
    let tile = |label: &str, value: String, note: Option<&str>, href: Option<&str>| Tile {
        label: label.to_owned(),
        value,
        note: note.map(str::to_owned),
        href: href.map(str::to_owned),
    };
    Tiles {
        tiles: vec![
            tile("Views", format::number(1_048_576), Some("since 3 Mar 2011"), Some("/patterns")),
            tile("Channels", format::number(12_480), None, None),
            tile("Busiest month", "June 2024".to_owned(), Some("2,318 views"), None),
        ],
    }
}

fn notices() -> Vec<Notice> {
    let notice = |level, what: &str, detail: Option<&str>, hint: Option<&str>| Notice {
        level,
        what: what.to_owned(),
        detail: detail.map(str::to_owned),
        hint: hint.map(str::to_owned),
    };
    vec![
        notice(Level::Info, "An import is running", None, None),
        notice(Level::Success, "Imported 12,345 views", None, None),
        notice(Level::Warning, "The disk is nearly full", Some("1.2 GiB are free"), None),
        notice(Level::Error, "This file is not an export", Some("it is a picture"), Some("Choose watch-history.json.")),
    ]
}

fn filters(query: &QueryString) -> FilterBar {
    let choice = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned() };
    FilterBar {
        query: query.clone(),
        filters: vec![
            Filter::Select {
                name: "year".to_owned(),
                label: "Year".to_owned(),
                choices: vec![choice("", "All years"), choice("2024", "2024")],
                chosen: "2024".to_owned(),
            },
            Filter::Search { name: "text".to_owned(), label: "Title".to_owned(), text: String::new() },
            Filter::Checkbox { name: "music".to_owned(), label: "Music only".to_owned(), on: true },
        ],
    }
}

fn table(query: &QueryString) -> Table {
    let row = |name: &str, views: u64| {
        let share = format::percent(views, 2_318);
        vec![Html::link("/patterns", name), format::number(views).into(), share.into()]
    };
    Table {
        caption: "Channels by views".to_owned(),
        columns: vec![
            Column::text("Channel").sorted_by("name"),
            Column::number("Views").sorted_by("views"),
            Column::number("Share"),
        ],
        rows: vec![row("A channel with quite a long name that wraps", 1_204), row("Short", 77), row("<b>Odd</b>", 3)],
        sorting: Some(Sorting { query: query.clone(), by: "views", order: Order::Descending }),
    }
}
