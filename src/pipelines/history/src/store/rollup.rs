//! Totals in their tables: loading the views, and writing what `totals` made of them.

use rusqlite::{Transaction, params};
use ytorch_core::{Timestamp, Zone};
use ytorch_store::rusqlite;

use super::{
    bulk,
    scope::Scope,
    stored_view::StoredView,
    totals::{self, ChannelNames, ChannelTotal, Count, Month, Months, PeriodTotal, Totals},
};

/// Adds up every total anew, in the caller's transaction. They are a pure function of the views and the zone, so they
/// can never drift from them.
pub(crate) fn rebuild(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    let (channels, videos) = channels_of_videos(transaction)?;
    let mut views = Vec::new();
    let mut statement = transaction.prepare("select second, video, kind, named from history_view order by second")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let video: u32 = row.get(1)?;
        views.push(StoredView::new(
            Timestamp::from_seconds(row.get(0)?),
            video,
            channels[video as usize],
            row.get(2)?,
            row.get(3)?,
        ));
    }
    let totals = totals::add_up(&views, zone, &channel_names(transaction)?, videos);
    write(transaction, &totals, zone)
}

/// Replaces the totals.
pub(crate) fn write(transaction: &Transaction<'_>, totals: &Totals, zone: &Zone) -> rusqlite::Result<()> {
    transaction.execute("delete from history_period", [])?;
    transaction.execute("delete from history_channel_year", [])?;
    let mut insert = transaction.prepare("insert into history_period values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?;
    for total in &totals.periods {
        let PeriodTotal {
            year,
            month,
            scope,
            count,
            unique_channels,
            ranked_channels,
            without_channel,
            of_unknown_channel,
        } = total;
        let Count { views, unique_videos, rewatched_videos, first, last } = count;
        insert.execute(params![
            year,
            month,
            scope,
            views,
            unique_videos,
            rewatched_videos,
            unique_channels,
            ranked_channels,
            without_channel,
            of_unknown_channel,
            first,
            last
        ])?;
    }
    let rows = totals.channels.iter().map(|total| {
        let ChannelTotal { year, channel, key_rank, name_rank, scope, is_total, count } = *total;
        let Count { views, unique_videos, rewatched_videos, first, last } = count;
        let (year, scope, is_total) = (i64::from(year), i64::from(scope), i64::from(is_total));
        let [views, key_rank, channel, name_rank] = [views, key_rank, channel, name_rank].map(i64::from);
        let [unique_videos, rewatched_videos] = [unique_videos, rewatched_videos].map(i64::from);
        [year, views, key_rank, channel, scope, is_total, name_rank, unique_videos, rewatched_videos, first, last]
    });
    bulk::insert(transaction, "history_channel_year", rows)?;
    ads(transaction, zone)?;
    transaction.execute(
        "insert into history_setting (name, value) values ('zone', ?) on conflict do update set value = excluded.value",
        [zone.name()],
    )?;
    Ok(())
}

/// How the channels are called, by their number.
pub(crate) fn channel_names(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<ChannelNames>> {
    let mut names = vec![ChannelNames::default()];
    let mut statement = transaction.prepare("select channel, key, name from history_channel order by channel")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let channel: u32 = row.get(0)?;
        names.resize(channel as usize + 1, ChannelNames::default());
        names[channel as usize] = ChannelNames { key: row.get(1)?, name: row.get(2)? };
    }
    Ok(names)
}

/// The channel of each video, by its number, and how many numbers there are.
fn channels_of_videos(transaction: &Transaction<'_>) -> rusqlite::Result<(Vec<u32>, usize)> {
    let mut channels = vec![0];
    let mut statement = transaction.prepare("select video, channel from history_video order by video")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let video: u32 = row.get(0)?;
        channels.resize(video as usize + 1, 0);
        channels[video as usize] = row.get(1)?;
    }
    let videos = channels.len();
    Ok((channels, videos))
}

/// The advertisements of each month, year and all time: only how many, and when.
fn ads(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    let mut periods: std::collections::BTreeMap<(i16, i8), Count> = std::collections::BTreeMap::new();
    let mut months = Months::new(zone);
    let mut statement = transaction.prepare("select second from history_ad order by second")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let second = row.get(0)?;
        let Month { year, month } = months.of(second);
        for key in [(0, 0), (year, 0), (year, month)] {
            periods.entry(key).or_default().add(second, 2);
        }
    }
    let mut insert = transaction.prepare("insert into history_period values (?, ?, ?, ?, 0, 0, 0, 0, 0, 0, ?, ?)")?;
    for ((year, month), count) in periods {
        insert.execute(params![year, month, Scope::Ads as u8, count.views, count.first, count.last])?;
    }
    Ok(())
}
