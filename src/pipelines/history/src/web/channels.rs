//! The ranking of channels, of all time or of a year. It counts nothing: the store has the totals.

use std::sync::Arc;

use askama::Template;
use axum::{
    Extension,
    extract::{Path, State},
    response::Redirect,
};
use ytorch_core::Zone;
use ytorch_pipeline::Services;
use ytorch_web::{
    Html, Page, QueryString, WebError,
    components::{Column, EmptyState, Filter, FilterBar, Heading, Order, Pagination, Sorting, Table},
    format,
};

use super::{
    ask,
    parameters::Parameters,
    parts::{UNKNOWN_CHANNEL, beyond_last, crumbs, nothing_found, scope_filter, year_filter},
};
use crate::store::{Channel, ChannelOrder, ChannelQuery, Scope, SortedLists, channels, periods};

const PATH: &str = "/history/channels";

/// The names of the columns in addresses; the first is usual.
const ORDERS: [(&str, ChannelOrder); 6] = [
    ("views", ChannelOrder::Views),
    ("name", ChannelOrder::Name),
    ("unique", ChannelOrder::UniqueVideos),
    ("rewatched", ChannelOrder::RewatchedVideos),
    ("first", ChannelOrder::First),
    ("last", ChannelOrder::Last),
];

#[derive(Template)]
#[template(path = "channels.html")]
struct ChannelsView {
    heading: Heading,
    filters: FilterBar,
    table: Option<Table>,
    empty: EmptyState,
    pagination: Pagination,
}

/// A ranking as the address asks for it.
pub(super) struct Asked {
    /// What the store is asked.
    pub(super) query: ChannelQuery,
    sorted_by: &'static str,
    order: Order,
    page: u64,
}

/// Reads the parameters that page and API share.
pub(super) fn query(parameters: &Parameters) -> Result<Asked, WebError> {
    let (sorted_by, order) = parameters.sort(&ORDERS)?;
    let usual = if order == ChannelOrder::Name { Order::Ascending } else { Order::Descending };
    let direction = parameters.order(usual)?;
    let (limit, page) = (parameters.limit()?, parameters.page()?);
    let query = ChannelQuery {
        year: parameters.year()?,
        scope: parameters.scope()?,
        include_unknown: parameters.flag("unknown", false)?,
        order,
        descending: direction == Order::Descending,
        limit,
        offset: (page - 1) * u64::from(limit),
    };
    Ok(Asked { query, sorted_by, order: direction, page })
}

pub(super) async fn of_year(Path(year): Path<String>) -> Redirect {
    Redirect::to(&QueryString::new(PATH).with("year", year).to_string())
}

pub(super) async fn show(
    State(services): State<Services>,
    Extension(lists): Extension<Arc<SortedLists>>,
    parameters: Parameters,
) -> Result<Page, WebError> {
    let asked = query(&parameters)?;
    let query = asked.query;
    let best = ChannelQuery { order: ChannelOrder::Views, descending: true, limit: 1, offset: 0, ..query };
    let (found, best, total, period, years) = ask(&services, move |connection| {
        let total = channels::count(connection, &query)?;
        Ok((
            channels::list_sorted(connection, &query, total, &lists)?,
            channels::list(connection, &best)?,
            total,
            periods::find(connection, query.year.unwrap_or(0), 0, query.scope)?,
            periods::years(connection, Scope::All)?,
        ))
    })
    .await?;
    let address = parameters.address(PATH, &["scope", "year", "unknown", "sort", "order", "limit"]);
    let pages = total.div_ceil(u64::from(query.limit));
    let most = best.first().map_or(0, |channel| channel.views);
    let sorting = Sorting { query: address.clone(), by: asked.sorted_by, order: asked.order };
    let table = Table { sorting: Some(sorting), ..ranking(&found, &query, most, services.frame.zone()) };
    let title = query.year.map_or("Channels".to_owned(), |year| format!("Channels of {year}"));
    let view = ChannelsView {
        heading: Heading {
            crumbs: crumbs(),
            title: title.clone(),
            lead: Some(format!("{} channels, {} views.", format::number(total), format::number(period.views))),
        },
        filters: FilterBar {
            query: address.clone(),
            filters: vec![
                year_filter(&years, query.year),
                scope_filter(query.scope, false),
                Filter::Checkbox {
                    name: "unknown".to_owned(),
                    label: "With unknown channels".to_owned(),
                    on: query.include_unknown,
                },
            ],
        },
        table: (!found.is_empty()).then_some(table),
        empty: if total > 0 { beyond_last(&address, pages) } else { nothing_found() },
        pagination: Pagination::numbered(&address, asked.page, pages),
    };
    Page::render(title, &view)
}

/// The table of some channels. Bars are as long as their part of `most`, the views of the first in the ranking.
fn ranking(found: &[Channel], query: &ChannelQuery, most: u64, zone: &Zone) -> Table {
    let row = |(rank, channel): (u64, &Channel)| {
        let mut cells = beginning(rank, channel, query, most);
        cells.extend([
            format::number(channel.unique_videos).into(),
            format::number(channel.rewatched_videos).into(),
            format::date(channel.first, zone).into(),
            format::date(channel.last, zone).into(),
        ]);
        cells
    };
    Table {
        caption: "Channels and what was watched of them".to_owned(),
        columns: vec![
            Column::number("Rank"),
            Column::text("Channel").sorted_by("name"),
            Column::number("Views").sorted_by("views"),
            Column::number("Unique videos").sorted_by("unique"),
            Column::number("Rewatched").sorted_by("rewatched"),
            Column::number("First view").sorted_by("first"),
            Column::number("Last view").sorted_by("last"),
        ],
        rows: (query.offset + 1..).zip(found).map(row).collect(),
        sorting: None,
    }
}

/// The first few of the ranking, with their views only.
pub(super) fn short_ranking(found: &[Channel], query: &ChannelQuery) -> Table {
    let most = found.first().map_or(0, |channel| channel.views);
    Table {
        caption: "The channels with the most views".to_owned(),
        columns: vec![Column::number("Rank"), Column::text("Channel"), Column::number("Views")],
        rows: (1..).zip(found).map(|(rank, channel)| beginning(rank, channel, query, most)).collect(),
        sorting: None,
    }
}

/// The cells that every ranking begins with.
fn beginning(rank: u64, channel: &Channel, query: &ChannelQuery, most: u64) -> Vec<Html> {
    let mut link = QueryString::new("/history/views")
        .with("channel", channel.key.as_deref().unwrap_or(UNKNOWN_CHANNEL))
        .with("year", query.year.map_or(String::new(), |year| year.to_string()));
    if query.scope != Scope::All {
        link = link.with("scope", query.scope.word());
    }
    let name = channel.name.as_deref().or(channel.key.as_deref()).unwrap_or("Unknown channels");
    let count = format::number(channel.views);
    vec![
        format::number(rank).into(),
        Html::link(&link.to_string(), name),
        Html::trusted(format!("{count} {}", ytorch_chart::share(channel.views, most))),
    ]
}
