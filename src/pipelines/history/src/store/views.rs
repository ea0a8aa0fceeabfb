//! Views and advertisements, one by one: every query on them. It counts only what a page of them needs.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, Row, params};
use ytorch_core::Timestamp;
use ytorch_store::rusqlite;

use super::Scope;
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
    if query.scope == Scope::Ads {
        return ads(connection, query, page);
    }
    let direction = if page.descending { "desc" } else { "asc" };
    let order = match page.order {
        ViewOrder::Time => format!("w.second {direction}, w.video {direction}"),
        ViewOrder::Title => format!("v.title is null, v.title collate nocase {direction}, w.second, w.video"),
        ViewOrder::Channel => format!("c.name is null, c.name collate nocase {direction}, w.second, w.video"),
    };
    let behind = match (page.after, page.descending) {
        (None, _) => "",
        (Some(_), true) => "and (w.second, w.video) < (?5, ?6)",
        (Some(_), false) => "and (w.second, w.video) > (?5, ?6)",
    };
    let (source, range, filter) = (source(query), range(query), filter(query));
    let order = if query.channel.is_some() {
        order.replace("w.second", "x.second").replace("w.video", "x.video")
    } else {
        order
    };
    let sql = format!(
        "select w.second * 1000000 + w.fraction_us, v.id, v.title, c.key, coalesce(c.name, v.byline), w.kind, w.second, w.video
         from {source} join history_video v on v.video = w.video left join history_channel c on c.channel = v.channel
         where {range} {filter} {behind} order by {order} limit ?3 offset ?4"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let bounds = [query.from.second(), query.until.second()];
    match page.after {
        Some(after) => statement
            .query_map(params![bounds[0], bounds[1], page.limit, page.offset, after.second, after.video], view)?
            .collect(),
        None => statement.query_map(params![bounds[0], bounds[1], page.limit, page.offset], view)?.collect(),
    }
}

/// How many views a query has in all.
pub fn count(connection: &Connection, query: &ViewQuery) -> rusqlite::Result<u64> {
    let sql = match query.scope {
        Scope::Ads => "select count(*) from history_ad where second >= ?1 and second < ?2".to_owned(),
        Scope::All if query.channel.is_some() => {
            format!("select count(*) from history_channel_view x where {}", range(query))
        }
        _ => {
            let (source, range, filter) = (source(query), range(query), filter(query));
            let join = "join history_video v on v.video = w.video";
            format!("select count(*) from {source} {join} where {range} {filter}")
        }
    };
    connection.prepare_cached(&sql)?.query_row([query.from.second(), query.until.second()], |row| row.get(0))
}

/// The views themselves, or those of a channel through its own table.
fn source(query: &ViewQuery) -> &'static str {
    match query.channel {
        None => "history_view w",
        Some(_) => "history_channel_view x join history_view w on w.second = x.second and w.video = x.video",
    }
}

fn range(query: &ViewQuery) -> String {
    match query.channel {
        None => "w.second >= ?1 and w.second < ?2".to_owned(),
        Some(channel) => format!("x.channel = {channel} and x.second >= ?1 and x.second < ?2"),
    }
}

fn filter(query: &ViewQuery) -> String {
    let mut filter = match query.scope {
        Scope::All | Scope::Ads => String::new(),
        Scope::Videos => "and w.kind in (0, 3)".to_owned(),
        Scope::Music => "and w.kind = 1".to_owned(),
        Scope::Shorts => "and w.kind = 2".to_owned(),
    };
    if query.channel.is_none() && !query.include_unknown {
        filter.push_str(" and +v.channel <> 0");
    }
    filter
}

fn ads(connection: &Connection, query: &ViewQuery, page: &ViewPage) -> rusqlite::Result<Vec<View>> {
    let direction = if page.descending { "desc" } else { "asc" };
    let order = match page.order {
        ViewOrder::Title => format!("title is null, title collate nocase {direction}, second"),
        ViewOrder::Time | ViewOrder::Channel => format!("second {direction}, target {direction}"),
    };
    // Of one second there may be several, which are told apart by their number within it.
    let (near, behind) = match page.after {
        None => (String::new(), String::new()),
        Some(ViewCursor { second, video }) => {
            let side = if page.descending { "<" } else { ">" };
            (format!("and second {side}= {second}"), format!("where second {side} {second} or number > {video}"))
        }
    };
    connection
        .prepare_cached(&format!(
            "select second, fraction_us, video_id, title, number from (
                 select *, row_number() over (partition by second order by target {direction}) as number
                 from history_ad where second >= ? and second < ? {near})
             {behind} order by {order} limit ? offset ?"
        ))?
        .query_map(params![query.from.second(), query.until.second(), page.limit, page.offset], |row| {
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
