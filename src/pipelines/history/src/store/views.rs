//! Views and advertisements, one by one: every query on them. It counts only what a page of them needs.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, Row, params, params_from_iter};
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
        // No channel is known of an advertisement.
        return if query.channel.is_some() { Ok(Vec::new()) } else { ads(connection, &place, page) };
    }
    let keys = keys(connection, query, page, &place, Some(page.limit))?;
    details(connection, keys)
}

/// The keys of views in the order of a page, from a place on.
fn keys(
    connection: &Connection,
    query: &ViewQuery,
    page: &ViewPage,
    place: &Place,
    limit: Option<u32>,
) -> rusqlite::Result<Vec<ViewKey>> {
    let direction = if page.descending { "desc" } else { "asc" };
    let (joins, order) = match page.order {
        ViewOrder::Time => ("", format!("w.second {direction}, w.video {direction}")),
        ViewOrder::Title => (
            "join history_video v on v.video = w.video",
            format!("v.title is null, v.title collate nocase {direction}, w.second, w.video"),
        ),
        ViewOrder::Channel => (
            "join history_video v on v.video = w.video left join history_channel c on c.channel = v.channel",
            format!("c.name is null, c.name collate nocase {direction}, w.second, w.video"),
        ),
    };
    let behind = match (page.after, page.descending) {
        (None, _) => "",
        (Some(_), true) => "and (w.second, w.video) < (?5, ?6)",
        (Some(_), false) => "and (w.second, w.video) > (?5, ?6)",
    };
    let (source, filter) = (source(query), filter(query));
    let sql = format!(
        "select w.second, w.video from {source} {joins} where w.second >= ?1 and w.second < ?2 {filter} {behind}
         order by {order} limit ?3 offset ?4"
    );
    // To SQLite, a negative limit is none.
    let limit = limit.map_or(-1, i64::from);
    let offset = i64::try_from(place.offset).unwrap_or(i64::MAX);
    let after = page.after.map(|after| [after.second, after.video]);
    let numbers = [place.from, place.until, limit, offset].into_iter().chain(after.into_iter().flatten());
    connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(numbers), |row| Ok(ViewKey { second: row.get(0)?, video: row.get(1)? }))?
        .collect()
}

/// All that is shown of views.
fn details(connection: &Connection, keys: Vec<ViewKey>) -> rusqlite::Result<Vec<View>> {
    let mut one = connection.prepare_cached(
        "select w.second * 1000000 + w.fraction_us, v.id, v.title, c.key, coalesce(c.name, v.byline), w.kind, w.second, w.video
         from history_view w join history_video v on v.video = w.video left join history_channel c on c.channel = v.channel
         where w.second = ? and w.video = ?",
    )?;
    keys.into_iter().map(|key| one.query_row(params![key.second, key.video], view)).collect()
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
    let all = Place { from: query.from.second(), until: query.until.second(), offset: 0 };
    let sort = || keys(connection, query, page, &all, None);
    details(connection, lists.views.page(connection, wanted, (page.offset, page.limit), sort)?)
}

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

/// How many views a query has in all. `period` holds the totals of its time and scope, which tell it unless a channel is
/// asked for.
pub fn count(connection: &Connection, period: &Period, query: &ViewQuery) -> rusqlite::Result<u64> {
    if query.channel.is_none() {
        let unknown = if query.include_unknown { 0 } else { period.views_of_unknown_channel };
        return Ok(period.views - unknown);
    }
    if query.scope == Scope::Ads {
        return Ok(0);
    }
    let (source, filter) = (source(query), filter(query));
    let sql = format!("select count(*) from {source} where w.second >= ?1 and w.second < ?2 {filter}");
    connection.prepare_cached(&sql)?.query_row([query.from.second(), query.until.second()], |row| row.get(0))
}

/// The views themselves, or those of a channel through its own table.
fn source(query: &ViewQuery) -> &'static str {
    match (query.channel, query.scope) {
        (None, _) => "history_view w",
        (Some(_), Scope::All) => "history_channel_view w",
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
        None if query.include_unknown => String::new(),
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
