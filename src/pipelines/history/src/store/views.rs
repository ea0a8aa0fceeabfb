//! Views and advertisements, one by one: every query on them. It counts only what a page of them needs.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, Row, params};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use super::{
    Period, Scope,
    sorted::{self, SortedLists},
};
use crate::model::ViewKind;

/// One view, or one advertisement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// When it was watched.
    pub watched_at: Timestamp,
    /// The video's id; advertisements may have none.
    pub video_id: Option<String>,
    /// The video's title, if any record tells it.
    pub title: Option<String>,
    /// The channel's key, if it is known.
    pub channel_key: Option<String>,
    /// The channel's name, if any record tells it.
    pub channel_name: Option<String>,
    /// What kind of view; `None` for an advertisement.
    pub kind: Option<ViewKind>,
    cursor: ViewCursor,
}

impl View {
    /// Where this view stands in the order of time.
    pub fn cursor(&self) -> ViewCursor {
        self.cursor
    }
}

/// A place between two views in the order of time. As text it means nothing to anyone else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewCursor {
    second: i64,
    video: i64,
}

impl fmt::Display for ViewCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.second, self.video)
    }
}

impl FromStr for ViewCursor {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (second, video) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { second: second.parse()?, video: video.parse()? })
    }
}

/// By what views are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ViewOrder {
    /// By time.
    #[default]
    Time,
    /// By the video's title.
    Title,
    /// By the channel's name.
    Channel,
}

/// Which views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewQuery {
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub until: Timestamp,
    /// Of this channel only, by number; 0 is the unknown one.
    pub channel: Option<i64>,
    /// Which kinds.
    pub scope: Scope,
    /// Whether views of videos whose channel is unknown are among them.
    pub include_unknown: bool,
}

/// Which of them, in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewPage {
    /// Sorted by what.
    pub order: ViewOrder,
    /// Latest or last in the alphabet first.
    pub descending: bool,
    /// Rows at most.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
    /// In the order of time: only what comes behind this place.
    pub after: Option<ViewCursor>,
}

/// One page of views.
pub fn list(connection: &Connection, query: &ViewQuery, page: &ViewPage) -> rusqlite::Result<Vec<View>> {
    let place = Place::of(connection, query, page)?;
    if query.scope == Scope::Ads {
        return ads(connection, &place, page);
    }
    let (joins, order) = order(page);
    let behind = match (page.after, page.descending) {
        (None, _) => "",
        (Some(_), true) => "and (w.second, w.video) < (?5, ?6)",
        (Some(_), false) => "and (w.second, w.video) > (?5, ?6)",
    };
    let (source, filter) = (source(query), filter(query));
    // Only the rows of the page are looked up in the other tables.
    let sql = format!(
        "select w.second * 1000000 + k.fraction_us, v.id, v.title, c.key, coalesce(c.name, v.byline), k.kind, w.second, w.video
         from (select w.second, w.video from {source} {joins} where w.second >= ?1 and w.second < ?2 {filter} {behind}
               order by {order} limit ?3 offset ?4) w
         join history_view k on k.second = w.second and k.video = w.video {CHANNEL} order by {order}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let Place { from, until, offset } = place;
    match page.after {
        Some(after) => {
            statement.query_map(params![from, until, page.limit, offset, after.second, after.video], view)?.collect()
        }
        None => statement.query_map(params![from, until, page.limit, offset], view)?.collect(),
    }
}

/// Views in the order of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortedViews {
    query: ViewQuery,
    order: ViewOrder,
    descending: bool,
}

/// What finds a view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViewKey {
    second: i64,
    video: u32,
}

/// One page of views, of which there are `total` in all. What was sorted by a text for an earlier page is not sorted again.
pub fn list_sorted(
    connection: &Connection,
    query: &ViewQuery,
    page: &ViewPage,
    total: u64,
    lists: &SortedLists,
) -> rusqlite::Result<Vec<View>> {
    if page.order == ViewOrder::Time || query.scope == Scope::Ads || total > sorted::LONGEST {
        return list(connection, query, page);
    }
    let wanted = SortedViews { query: *query, order: page.order, descending: page.descending };
    let keys = lists.views.get(connection, wanted, || sort(connection, query, page))?;
    let start = usize::try_from(page.offset).unwrap_or(usize::MAX).min(keys.len());
    let mut one = connection.prepare_cached(
        "select k.second * 1000000 + k.fraction_us, v.id, v.title, c.key, coalesce(c.name, v.byline), k.kind, k.second, k.video
         from history_view k join history_video v on v.video = k.video left join history_channel c on c.channel = v.channel
         where k.second = ? and k.video = ?",
    )?;
    let keys = keys[start..].iter().take(page.limit as usize);
    keys.map(|key| one.query_row(params![key.second, key.video], view)).collect()
}

/// The keys of all views that a query asks for, in their order.
fn sort(connection: &Connection, query: &ViewQuery, page: &ViewPage) -> rusqlite::Result<Vec<ViewKey>> {
    let ((joins, order), source, filter) = (order(page), source(query), filter(query));
    connection
        .prepare_cached(&format!(
            "select w.second, w.video from {source} {joins} where w.second >= ? and w.second < ? {filter} order by {order}"
        ))?
        .query_map([query.from.second(), query.until.second()], |row| {
            Ok(ViewKey { second: row.get(0)?, video: row.get(1)? })
        })?
        .collect()
}

/// The tables that an order needs, and the order itself.
fn order(page: &ViewPage) -> (&'static str, String) {
    let direction = if page.descending { "desc" } else { "asc" };
    match page.order {
        ViewOrder::Time => ("", format!("w.second {direction}, w.video {direction}")),
        ViewOrder::Title => (VIDEO, format!("v.title is null, v.title collate nocase {direction}, w.second, w.video")),
        ViewOrder::Channel => {
            (CHANNEL, format!("c.name is null, c.name collate nocase {direction}, w.second, w.video"))
        }
    }
}

const VIDEO: &str = "join history_video v on v.video = w.video";
const CHANNEL: &str = "join history_video v on v.video = w.video left join history_channel c on c.channel = v.channel";

/// Rows to pass over by one look at each; more are passed over month by month.
const SMALL_OFFSET: u64 = 500;

/// Where in time a page is looked for, and how many rows are passed over from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    from: i64,
    until: i64,
    offset: u64,
}

impl Place {
    /// Passes over whole months by their totals, as far as those tell how many rows they have.
    fn of(connection: &Connection, query: &ViewQuery, page: &ViewPage) -> rusqlite::Result<Self> {
        let mut place = Self { from: query.from.second(), until: query.until.second(), offset: page.offset };
        if page.order != ViewOrder::Time || query.channel.is_some() || page.offset < SMALL_OFFSET {
            return Ok(place);
        }
        let direction = if page.descending { "desc" } else { "asc" };
        let mut statement = connection.prepare_cached(&format!(
            "select views, views_of_unknown_channel, first_second, last_second from history_period
             where month <> 0 and scope = ?1 and first_second >= ?2 and last_second < ?3 order by first_second {direction}"
        ))?;
        let mut months = statement.query(params![query.scope as u8, place.from, place.until])?;
        while let Some(month) = months.next()? {
            let (all, unknown): (u64, u64) = (month.get(0)?, month.get(1)?);
            let rows = if query.include_unknown { all } else { all - unknown };
            if rows > place.offset {
                break;
            }
            place.offset -= rows;
            if page.descending {
                place.until = month.get(2)?;
            } else {
                place.from = month.get::<_, i64>(3)? + 1;
            }
        }
        Ok(place)
    }
}

/// How many views a query has in all, if the totals of a period tell it.
pub fn count_in(period: &Period, query: &ViewQuery) -> Option<u64> {
    let unknown = if query.include_unknown { 0 } else { period.views_of_unknown_channel };
    query.channel.is_none().then_some(period.views - unknown)
}

/// How many views a query has in all, counted one by one.
pub fn count(connection: &Connection, query: &ViewQuery) -> rusqlite::Result<u64> {
    let (source, filter) = (source(query), filter(query));
    let source = if query.scope == Scope::Ads { "history_ad w" } else { source };
    let sql = format!("select count(*) from {source} where w.second >= ?1 and w.second < ?2 {filter}");
    connection.prepare_cached(&sql)?.query_row([query.from.second(), query.until.second()], |row| row.get(0))
}

/// The views themselves, or those of a channel through its own table.
fn source(query: &ViewQuery) -> &'static str {
    match (query.channel, query.scope) {
        (None, _) => "history_view w",
        (Some(_), Scope::All | Scope::Ads) => "history_channel_view w",
        (Some(_), _) => "history_channel_view w join history_view o on o.second = w.second and o.video = w.video",
    }
}

fn filter(query: &ViewQuery) -> String {
    let kinds = match query.scope {
        Scope::All | Scope::Ads => None,
        Scope::Videos => Some("0, 3"),
        Scope::Music => Some("1"),
        Scope::Shorts => Some("2"),
    };
    let table = if query.channel.is_some() { "o" } else { "w" };
    let kinds = kinds.map_or(String::new(), |kinds| format!("and {table}.kind in ({kinds})"));
    let channel = match query.channel {
        Some(channel) => format!("and w.channel = {channel}"),
        None if query.include_unknown || query.scope == Scope::Ads => String::new(),
        None => "and (select o.channel from history_video o where o.video = w.video) <> 0".to_owned(),
    };
    format!("{kinds} {channel}")
}

fn ads(connection: &Connection, place: &Place, page: &ViewPage) -> rusqlite::Result<Vec<View>> {
    let direction = if page.descending { "desc" } else { "asc" };
    let order = match page.order {
        ViewOrder::Title => format!("title is null, title collate nocase {direction}, second"),
        ViewOrder::Time | ViewOrder::Channel => format!("second {direction}, target {direction}"),
    };
    let Place { mut from, mut until, mut offset } = *place;
    // Of one second there may be several, which are told apart by their number within it: those up to the one that was
    // seen last stand first.
    if let Some(ViewCursor { second, video }) = page.after {
        (from, until) =
            if page.descending { (from, until.min(second.saturating_add(1))) } else { (from.max(second), until) };
        offset += u64::try_from(video).unwrap_or_default();
    }
    let side = if page.descending { ">=" } else { "<=" };
    connection
        .prepare_cached(&format!(
            "select second, fraction_us, video_id, title,
                 (select count(*) from history_ad o where o.second = a.second and o.target {side} a.target)
             from history_ad a where second >= ? and second < ? order by {order} limit ? offset ?"
        ))?
        .query_map(params![from, until, page.limit, offset], |row| {
            let second: i64 = row.get(0)?;
            Ok(View {
                watched_at: Timestamp::from_micros(second * 1_000_000 + row.get::<_, i64>(1)?),
                video_id: row.get(2)?,
                title: row.get(3)?,
                channel_key: None,
                channel_name: None,
                kind: None,
                cursor: ViewCursor { second, video: row.get(4)? },
            })
        })?
        .collect()
}

fn view(row: &Row<'_>) -> rusqlite::Result<View> {
    let kind = match row.get(5)? {
        1_u8 => ViewKind::Music,
        2 => ViewKind::Short,
        3 => ViewKind::Live,
        _ => ViewKind::Video,
    };
    Ok(View {
        watched_at: Timestamp::from_micros(row.get(0)?),
        video_id: row.get(1)?,
        title: row.get(2)?,
        channel_key: row.get(3)?,
        channel_name: row.get(4)?,
        kind: Some(kind),
        cursor: ViewCursor { second: row.get(6)?, video: row.get(7)? },
    })
}
