//! Views one by one: of a month, a year, a channel, or all of them. It reads nothing but one page at a time.

use std::sync::Arc;

use askama::Template;
use axum::{Extension, extract::State};
use ytorch_core::Zone;
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, QueryString, WebError,
    components::{Column, EmptyState, Filter, FilterBar, Heading, Order, Pagination, Sorting, Table},
    format,
};

use super::{
    ask,
    parameters::{Parameters, Span, YEARS},
    parts::{UNKNOWN_CHANNEL, beyond_last, choice, crumbs, nothing_found, scope_filter, year_filter},
};
use crate::{
    model::ViewKind,
    store::{Period, Scope, SortedLists, View, ViewOrder, ViewQuery, channels, periods, views, views::ViewPage},
};

const PATH: &str = "/history/views";

/// The names of the columns in addresses; the first is usual.
const ORDERS: [(&str, ViewOrder); 3] =
    [("time", ViewOrder::Time), ("title", ViewOrder::Title), ("channel", ViewOrder::Channel)];

#[derive(Template)]
#[template(path = "views.html")]
struct ViewsView {
    heading: Heading,
    filters: FilterBar,
    neighbours: Pagination,
    table: Option<Table>,
    empty: EmptyState,
    pagination: Pagination,
}

/// Views as the address asks for them.
pub(super) struct Asked {
    /// What the store is asked.
    pub(super) query: ViewQuery,
    span: Span,
    /// What the channel is called, if one is asked for.
    channel: Option<String>,
}

/// Reads the parameters that page and API share.
pub(super) async fn find_query(services: &Services, parameters: &Parameters) -> Result<Asked, WebError> {
    let span = parameters.span()?;
    let (from, until) = span.bounds(&services.resources.zone);
    let scope = parameters.scope()?;
    let include_unknown = parameters.flag("unknown", true)?;
    let (number, channel) = match parameters.text("channel").map(str::to_owned) {
        None => (None, None),
        Some(key) if key == UNKNOWN_CHANNEL => (Some(0), Some("Unknown channels".to_owned())),
        Some(key) => {
            let name = key.clone();
            let found = ask(services, move |connection| channels::find(connection, &key)).await?;
            let (number, known) =
                found.ok_or_else(|| WebError::not_found("there is no such channel in the history"))?;
            (Some(number), Some(known.unwrap_or(name)))
        }
    };
    Ok(Asked { query: ViewQuery { from, until, channel: number, scope, include_unknown }, span, channel })
}

pub(super) async fn show(
    State(services): State<Services>,
    Extension(lists): Extension<Arc<SortedLists>>,
    parameters: Parameters,
) -> Result<Page, WebError> {
    let asked = find_query(&services, &parameters).await?;
    let (query, (year, month)) = (asked.query, asked.span.numbers());
    let (sorted_by, order) = parameters.sort(&ORDERS)?;
    let usual = if order == ViewOrder::Time { Order::Descending } else { Order::Ascending };
    let direction = parameters.order(usual)?;
    let (limit, number) = (parameters.limit()?, parameters.page()?);
    let page = ViewPage {
        order,
        descending: direction == Order::Descending,
        limit,
        offset: (number - 1) * u64::from(limit),
        after: None,
    };
    let (found, total, years) = ask(&services, move |connection| {
        let period = periods::find(connection, year, month, query.scope)?;
        let total = views::count(connection, &period, &query)?;
        Ok((
            views::list_sorted(connection, &query, &page, total, &lists)?,
            total,
            periods::years(connection, Scope::All)?,
        ))
    })
    .await?;

    let address =
        with_span(parameters.address(PATH, &["channel", "scope", "unknown", "sort", "order", "limit"]), asked.span);
    let sorting = Sorting { query: address.clone(), by: sorted_by, order: direction };
    let pages = total.div_ceil(u64::from(limit));
    let title = title(&asked);
    let what = if query.scope == Scope::Ads { "advertisements" } else { "views" };
    let view = ViewsView {
        heading: Heading {
            crumbs: crumbs(),
            title: title.clone(),
            lead: Some(format!(
                "{} {what}. Times are those of {}.",
                format::number(total),
                services.frame.zone().name()
            )),
        },
        filters: FilterBar { query: address.clone(), filters: filters(&asked, &years) },
        neighbours: neighbours(&address, asked.span),
        table: (!found.is_empty()).then(|| table(&found, services.frame.zone(), sorting)),
        empty: if total > 0 { beyond_last(&address, pages) } else { nothing_found() },
        pagination: Pagination::numbered(&address, number, pages),
    };
    Page::render(title, &view)
}

fn title(asked: &Asked) -> String {
    // Isolated, so that a name in another direction of writing does not turn the rest round.
    let of_what = asked.channel.as_ref().map(|name| format!(" of \u{2068}{name}\u{2069}")).unwrap_or_default();
    let what = if asked.query.scope == Scope::Ads { "Advertisements" } else { "Views" };
    match asked.span {
        Span::All => format!("{what}{of_what}"),
        Span::Year(year) => format!("{what}{of_what} in {year}"),
        Span::Month(year, month) => format!("{what}{of_what} in {} {year}", format::month_name(month)),
    }
}

fn with_span(query: QueryString, span: Span) -> QueryString {
    match span {
        Span::All => query,
        Span::Year(year) => query.with("year", year),
        Span::Month(year, month) => query.with("month", format!("{year}-{month:02}")),
    }
}

/// Links to the month or year before and after; nothing where all time is shown.
fn neighbours(address: &QueryString, span: Span) -> Pagination {
    let (before, label, after) = match span {
        Span::All => return Pagination { previous: None, label: "All time".to_owned(), next: None },
        Span::Year(year) => (Span::Year(year - 1), year.to_string(), Span::Year(year + 1)),
        Span::Month(year, month) => (
            if month == 1 { Span::Month(year - 1, 12) } else { Span::Month(year, month - 1) },
            format!("{} {year}", format::month_name(month)),
            if month == 12 { Span::Month(year + 1, 1) } else { Span::Month(year, month + 1) },
        ),
    };
    let link = |span: Span| YEARS.contains(&span.numbers().0).then(|| with_span(address.clone(), span).to_string());
    Pagination { previous: link(before), label, next: link(after) }
}

fn filters(asked: &Asked, years: &[Period]) -> Vec<Filter> {
    let (year, month) = asked.span.numbers();
    let mut filters = vec![year_filter(years, (year != 0).then_some(year))];
    if year != 0 {
        let name = |month: i8| choice(&month.to_string(), format::month_name(month));
        filters.push(Filter::Select {
            name: "month".to_owned(),
            label: "Month".to_owned(),
            choices: std::iter::once(choice("", "Whole year")).chain((1..=12).map(name)).collect(),
            chosen: if month == 0 { String::new() } else { month.to_string() },
        });
    }
    filters.push(scope_filter(asked.query.scope, true));
    if asked.channel.is_none() {
        filters.push(Filter::Select {
            name: "unknown".to_owned(),
            label: "Channels".to_owned(),
            choices: vec![choice("", "All"), choice("0", "Known ones only")],
            chosen: if asked.query.include_unknown { String::new() } else { "0".to_owned() },
        });
    }
    filters
}

fn table(found: &[View], zone: &Zone, sorting: Sorting) -> Table {
    Table {
        caption: "Views".to_owned(),
        columns: vec![
            Column::text("Time").sorted_by("time"),
            Column::text("Title").sorted_by("title"),
            Column::text("Channel").sorted_by("channel"),
            Column::text("Kind"),
        ],
        rows: found.iter().map(|view| row(view, zone)).collect(),
        sorting: Some(sorting),
    }
}

fn row(view: &View, zone: &Zone) -> Vec<Html> {
    let name = view.channel_name.as_deref().or(view.channel_key.as_deref());
    let channel = match (&view.channel_key, name) {
        (Some(key), Some(name)) => Html::link(&QueryString::new(PATH).with("channel", key).to_string(), name),
        (_, name) => name.unwrap_or("–").into(),
    };
    let kind = match view.kind {
        Some(ViewKind::Video) => "Video",
        Some(ViewKind::Music) => "Music",
        Some(ViewKind::Short) => "Short",
        Some(ViewKind::Live) => "Stream",
        None => "Advertisement",
    };
    vec![format::time_element(view.watched_at, zone), video(view), channel, kind.into()]
}

/// The title, as a link to where the video was seen.
fn video(view: &View) -> Html {
    let id = view.video_id.as_deref();
    let title = view.title.as_deref().filter(|title| !title.is_empty()).or(id).unwrap_or("–");
    let Some(id) = id else { return title.into() };
    let place = if view.kind == Some(ViewKind::Music) { "music.youtube.com" } else { "www.youtube.com" };
    let href = QueryString::new(format!("https://{place}/watch")).with("v", id).to_string();
    let (href, title) = (Html::text(&href), Html::text(title));
    Html::trusted(format!("<a href=\"{href}\" target=\"_blank\" rel=\"noreferrer\">{title}</a>"))
}
