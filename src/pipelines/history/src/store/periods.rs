//! Totals of all time, of years and of months: every query on them. It computes none; `rollup` does.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use super::Scope;

/// What was counted in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The local year; 0 for all time.
    pub year: i16,
    /// The local month, 1 to 12; 0 for the whole year.
    pub month: i8,
    /// Views; advertisements in the scope of those.
    pub views: u64,
    /// Different videos among them.
    pub unique_videos: u64,
    /// Videos seen at least twice in the period.
    pub rewatched_videos: u64,
    /// Different channels that are known by their id.
    pub unique_channels: u64,
    /// Different channels in all, with those known by a handle only.
    pub ranked_channels: u64,
    /// Views none of whose records names a channel by its id.
    pub views_without_channel: u64,
    /// Views of videos of which no record at all names the channel: removed or private ones, mostly.
    pub views_of_unknown_channel: u64,
    /// The first view, to the second.
    pub first: Option<Timestamp>,
    /// The last view, to the second.
    pub last: Option<Timestamp>,
}

const COLUMNS: &str = "year, month, views, unique_videos, rewatched_videos, unique_channels, ranked_channels,
    views_without_channel, views_of_unknown_channel, first_second, last_second";

/// One period: a month, a year (`month` 0) or all time (both 0). All zero if nothing was watched in it.
pub fn find(connection: &Connection, year: i16, month: i8, scope: Scope) -> rusqlite::Result<Period> {
    let found = connection
        .prepare_cached(&format!("select {COLUMNS} from history_period where year = ? and month = ? and scope = ?"))?
        .query_row(params![year, month, scope as u8], period)
        .optional()?;
    Ok(found.unwrap_or(Period { year, month, ..Period::default() }))
}

/// The years in which something was watched, newest first.
pub fn years(connection: &Connection, scope: Scope) -> rusqlite::Result<Vec<Period>> {
    connection
        .prepare_cached(&format!(
            "select {COLUMNS} from history_period where year <> 0 and month = 0 and scope = ? order by year desc"
        ))?
        .query_map([scope as u8], period)?
        .collect()
}

/// The months in which something was watched, newest first; of one year, or of all.
pub fn months(connection: &Connection, year: Option<i16>, scope: Scope) -> rusqlite::Result<Vec<Period>> {
    connection
        .prepare_cached(&format!(
            "select {COLUMNS} from history_period
             where year <> 0 and month <> 0 and scope = ?1 and (?2 is null or year = ?2) order by year desc, month desc"
        ))?
        .query_map(params![scope as u8, year], period)?
        .collect()
}

/// The first and the last view of all time, with all digits that are known.
pub fn bounds(connection: &Connection) -> rusqlite::Result<Option<(Timestamp, Timestamp)>> {
    let edge = |order: &str| -> rusqlite::Result<Option<Timestamp>> {
        connection
            .prepare_cached(&format!(
                "select {order}(second * 1000000 + fraction_us) from history_view
                 where second = (select {order}(second) from history_view)"
            ))?
            .query_row([], |row| Ok(row.get::<_, Option<i64>>(0)?.map(Timestamp::from_micros)))
    };
    Ok(edge("min")?.zip(edge("max")?))
}

fn period(row: &Row<'_>) -> rusqlite::Result<Period> {
    Ok(Period {
        year: row.get(0)?,
        month: row.get(1)?,
        views: row.get(2)?,
        unique_videos: row.get(3)?,
        rewatched_videos: row.get(4)?,
        unique_channels: row.get(5)?,
        ranked_channels: row.get(6)?,
        views_without_channel: row.get(7)?,
        views_of_unknown_channel: row.get(8)?,
        first: Some(Timestamp::from_seconds(row.get(9)?)),
        last: Some(Timestamp::from_seconds(row.get(10)?)),
    })
}
