//! The ranking of channels: every query on it. It computes no total; `rollup` does.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use super::{
    Scope,
    sorted::{self, SortedLists},
};

/// A channel and what was counted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its number in this database.
    pub number: i64,
    /// `UC…`, `@handle`, `user/…` or `c/…`; `None` stands for all videos whose channel is unknown.
    pub key: Option<String>,
    /// Its name, if any record tells it.
    pub name: Option<String>,
    /// Views.
    pub views: u64,
    /// Different videos among them.
    pub unique_videos: u64,
    /// Videos seen at least twice in the period.
    pub rewatched_videos: u64,
    /// The first view, to the second.
    pub first: Timestamp,
    /// The last view, to the second.
    pub last: Timestamp,
}

/// By what a ranking is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ChannelOrder {
    /// By views: the ranking proper.
    #[default]
    Views,
    /// By name.
    Name,
    /// By different videos.
    UniqueVideos,
    /// By videos seen again.
    RewatchedVideos,
    /// By the first view.
    First,
    /// By the last view.
    Last,
}

/// Which part of which ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelQuery {
    /// The local year; `None` for all time.
    pub year: Option<i16>,
    /// Which views.
    pub scope: Scope,
    /// Whether the row of unknown channels is one of them.
    pub include_unknown: bool,
    /// Sorted by what.
    pub order: ChannelOrder,
    /// Largest, latest or last in the alphabet first.
    pub descending: bool,
    /// Rows at most.
    pub limit: u32,
    /// Rows to pass over.
    pub offset: u64,
}

/// What finds a row of the ranking of a year.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChannelKey {
    views: u32,
    key_rank: u32,
    scope: u8,
}

/// The channels that a query asks for. Ties go by the channel's key, so that a ranking is always the same.
pub fn list(connection: &Connection, query: &ChannelQuery) -> rusqlite::Result<Vec<Channel>> {
    let keys = keys(connection, query, (query.offset, Some(query.limit)))?;
    details(connection, query, keys)
}

/// The channels that a query asks for, of which there are `total` in all. What was sorted for an earlier page is not sorted
/// again.
pub fn list_sorted(
    connection: &Connection,
    query: &ChannelQuery,
    total: u64,
    lists: &SortedLists,
) -> rusqlite::Result<Vec<Channel>> {
    if query.order == ChannelOrder::Views || total > sorted::LONGEST {
        return list(connection, query);
    }
    let all = ChannelQuery { limit: 0, offset: 0, ..*query };
    let sort = || keys(connection, query, (0, None));
    details(connection, query, lists.channels.page(connection, all, (query.offset, query.limit), sort)?)
}

/// The keys of rows in the order of a query: from an offset on, so many or all.
fn keys(
    connection: &Connection,
    query: &ChannelQuery,
    (offset, limit): (u64, Option<u32>),
) -> rusqlite::Result<Vec<ChannelKey>> {
    let (order, filter) = (order(query), filter(query.scope, query.include_unknown));
    // To SQLite, a negative limit is none.
    let limit = limit.map_or(-1, i64::from);
    connection
        .prepare_cached(&format!(
            "select views, key_rank, scope from history_channel_year r where r.year = ? and {filter}
             order by {order} limit ? offset ?"
        ))?
        .query_map(params![query.year.unwrap_or(0), limit, offset], |row| {
            Ok(ChannelKey { views: row.get(0)?, key_rank: row.get(1)?, scope: row.get(2)? })
        })?
        .collect()
}

/// All that is shown of channels.
fn details(connection: &Connection, query: &ChannelQuery, keys: Vec<ChannelKey>) -> rusqlite::Result<Vec<Channel>> {
    let mut one = connection.prepare_cached(
        "select r.channel, c.key, c.name, r.views, r.unique_videos, r.rewatched_videos, r.first_second, r.last_second
         from history_channel_year r left join history_channel c on c.channel = r.channel
         where r.year = ? and r.views = ? and r.key_rank = ? and r.scope = ?",
    )?;
    let year = query.year.unwrap_or(0);
    let one = |key: ChannelKey| one.query_row(params![year, key.views, key.key_rank, key.scope], channel);
    keys.into_iter().map(one).collect()
}

fn order(query: &ChannelQuery) -> String {
    let direction = if query.descending { "desc" } else { "asc" };
    match query.order {
        // The table's own order: rows to pass over cost next to nothing.
        ChannelOrder::Views => format!("r.views {direction}, r.key_rank"),
        ChannelOrder::Name => format!("r.name_rank {direction}"),
        ChannelOrder::UniqueVideos => format!("r.unique_videos {direction}, r.views desc, r.key_rank"),
        ChannelOrder::RewatchedVideos => format!("r.rewatched_videos {direction}, r.views desc, r.key_rank"),
        ChannelOrder::First => format!("r.first_second {direction}, r.key_rank"),
        ChannelOrder::Last => format!("r.last_second {direction}, r.key_rank"),
    }
}

/// How many channels a query has in all, without its limit.
pub fn count(connection: &Connection, query: &ChannelQuery) -> rusqlite::Result<u64> {
    let period = super::periods::find(connection, query.year.unwrap_or(0), 0, query.scope)?;
    let unknown = query.include_unknown && period.views_of_unknown_channel > 0;
    Ok(period.ranked_channels + u64::from(unknown))
}

/// One channel by its key.
pub fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<(i64, Option<String>)>> {
    connection
        .prepare_cached("select channel, name from history_channel where key = ?")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn filter(scope: Scope, include_unknown: bool) -> String {
    let scope = match scope {
        Scope::All => "r.total = 1".to_owned(),
        scope => format!("r.scope = {}", scope as u8),
    };
    if include_unknown { scope } else { format!("{scope} and r.channel <> 0") }
}

fn channel(row: &Row<'_>) -> rusqlite::Result<Channel> {
    Ok(Channel {
        number: row.get(0)?,
        key: row.get(1)?,
        name: row.get(2)?,
        views: row.get(3)?,
        unique_videos: row.get(4)?,
        rewatched_videos: row.get(5)?,
        first: Timestamp::from_seconds(row.get(6)?),
        last: Timestamp::from_seconds(row.get(7)?),
    })
}
