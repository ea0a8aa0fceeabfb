//! The totals, added up from the views in one pass in the order of time. It reads no export and serves no page.

use rusqlite::{Transaction, params};
use ytorch_core::{Timestamp, Zone};
use ytorch_store::rusqlite;

use super::scope::{SCOPES, Scope};

/// Adds up every total anew, in the caller's transaction: a pure function of the views and the zone, so it can never
/// drift from them.
pub(crate) fn rebuild(transaction: &Transaction<'_>, zone: &Zone) -> rusqlite::Result<()> {
    transaction.execute("delete from history_period", [])?;
    transaction.execute("delete from history_channel_year", [])?;
    let videos: usize = transaction.query_row("select coalesce(max(video), 0) + 1 from history_video", [], |row| row.get(0))?;
    let keys: Vec<bool> = known_by_id(transaction)?;
    let mut sums = Sums::new(transaction, videos, &keys)?;
    let mut months = Months::new(zone);
    let mut statement = transaction.prepare("select second, video, channel, kind, named from history_view order by second")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let view = View {
            second: row.get(0)?,
            video: row.get::<_, i64>(1)? as usize,
            channel: row.get::<_, i64>(2)? as usize,
            scope: Scope::of_kind(row.get(3)?),
            named: row.get(4)?,
        };
        let month = months.of(view.second);
        sums.enter(month)?;
        sums.add(&view);
    }
    sums.leave_month()?;
    sums.leave_year()?;
    sums.leave_all()?;
    ads(transaction, zone)?;
    transaction.execute(
        "insert into history_setting (name, value) values ('zone', ?) on conflict do update set value = excluded.value",
        [zone.name()],
    )?;
    Ok(())
}

struct View {
    second: i64,
    video: usize,
    channel: usize,
    scope: Scope,
    named: bool,
}

/// Which channels are known by their id, by their number.
fn known_by_id(transaction: &Transaction<'_>) -> rusqlite::Result<Vec<bool>> {
    let mut keys = vec![false];
    let mut statement = transaction.prepare("select channel, key like 'UC%' from history_channel order by channel")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let channel: i64 = row.get(0)?;
        keys.resize(channel as usize + 1, false);
        keys[channel as usize] = row.get(1)?;
    }
    Ok(keys)
}

/// A local month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Month {
    year: i16,
    month: i8,
}

/// Finds the local month of rising seconds.
struct Months<'zone> {
    zone: &'zone Zone,
    month: Month,
    end: i64,
}

impl<'zone> Months<'zone> {
    fn new(zone: &'zone Zone) -> Self {
        Self { zone, month: Month { year: 0, month: 0 }, end: i64::MIN }
    }

    fn of(&mut self, second: i64) -> Month {
        if second >= self.end {
            let local = self.zone.local(Timestamp::from_seconds(second));
            self.month = Month { year: local.year(), month: local.month() };
            self.end = self.zone.month_start(self.month.year, self.month.month + 1).second();
        }
        self.month
    }
}

/// What is counted of any set of views.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    views: u64,
    unique_videos: u64,
    rewatched_videos: u64,
    first: i64,
    last: i64,
}

impl Count {
    /// Adds a view; `seen` says how often its video was in the set before: 0, 1, or 2 and more.
    fn add(&mut self, second: i64, seen: u8) {
        if self.views == 0 {
            self.first = second;
        }
        self.views += 1;
        self.last = second;
        self.unique_videos += u64::from(seen == 0);
        self.rewatched_videos += u64::from(seen == 1);
    }
}

/// What is counted of a period beyond [`Count`].
#[derive(Clone, Copy, Debug, Default)]
struct Period {
    count: Count,
    without_channel: u64,
    of_unknown_channel: u64,
    unique_channels: u64,
    ranked_channels: u64,
}

/// How often each video was seen in the present period, without clearing: a tag says which period a count is of.
struct Seen {
    tags: Vec<u16>,
    counts: Vec<u8>,
}

impl Seen {
    fn new(videos: usize) -> Self {
        Self { tags: vec![0; videos], counts: vec![0; videos] }
    }

    /// Counts a video in the period `tag` (from 1) and says how often it was there before, at most 2.
    fn count(&mut self, video: usize, tag: u16) -> u8 {
        if self.tags[video] != tag {
            (self.tags[video], self.counts[video]) = (tag, 0);
        }
        let before = self.counts[video];
        self.counts[video] = (before + 1).min(2);
        before
    }
}

/// The levels at which is added up: a month, a year, all time.
struct Level {
    tag: u16,
    periods: [Period; SCOPES],
    seen: [Seen; SCOPES],
    /// Channels seen in the present period, by number: the tag of the period.
    channel_tags: [Vec<u16>; SCOPES],
}

impl Level {
    fn new(videos: usize, channels: usize) -> Self {
        Self {
            tag: 1,
            periods: Default::default(),
            seen: std::array::from_fn(|_| Seen::new(videos)),
            channel_tags: std::array::from_fn(|_| vec![0; channels]),
        }
    }

    /// Adds a view to one scope; gives how often its video was there before.
    fn add(&mut self, scope: usize, view: &View, by_id: bool) -> u8 {
        let before = self.seen[scope].count(view.video, self.tag);
        let period = &mut self.periods[scope];
        period.count.add(view.second, before);
        period.without_channel += u64::from(!view.named);
        period.of_unknown_channel += u64::from(view.channel == 0);
        if view.channel != 0 && self.channel_tags[scope][view.channel] != self.tag {
            self.channel_tags[scope][view.channel] = self.tag;
            period.ranked_channels += 1;
            period.unique_channels += u64::from(by_id);
        }
        before
    }

    fn next(&mut self) {
        self.tag += 1;
        self.periods = Default::default();
    }
}

/// Counts of each channel, per scope.
type Channels = Vec<[Count; SCOPES]>;

struct Sums<'transaction> {
    month: Option<Month>,
    months: Level,
    years: Level,
    all: Level,
    year_channels: Channels,
    all_channels: Channels,
    by_id: &'transaction [bool],
    insert_period: rusqlite::Statement<'transaction>,
    insert_channel: rusqlite::Statement<'transaction>,
}

impl<'transaction> Sums<'transaction> {
    fn new(transaction: &'transaction Transaction<'_>, videos: usize, by_id: &'transaction [bool]) -> rusqlite::Result<Self> {
        let channels = by_id.len();
        Ok(Self {
            month: None,
            months: Level::new(videos, channels),
            years: Level::new(videos, channels),
            all: Level::new(videos, channels),
            year_channels: vec![Default::default(); channels],
            all_channels: vec![Default::default(); channels],
            by_id,
            insert_period: transaction.prepare("insert into history_period values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
            insert_channel: transaction.prepare("insert into history_channel_year values (?, ?, ?, ?, ?, ?, ?, ?, ?)")?,
        })
    }

    /// Says in which month the next view is; what has ended before is written.
    fn enter(&mut self, month: Month) -> rusqlite::Result<()> {
        let Some(present) = self.month else {
            self.month = Some(month);
            return Ok(());
        };
        if present == month {
            return Ok(());
        }
        self.leave_month()?;
        if present.year != month.year {
            self.leave_year()?;
        }
        self.month = Some(month);
        Ok(())
    }

    fn add(&mut self, view: &View) {
        let by_id = self.by_id[view.channel];
        for scope in [Scope::All as usize, view.scope as usize] {
            self.months.add(scope, view, by_id);
            let in_year = self.years.add(scope, view, by_id);
            let in_all = self.all.add(scope, view, by_id);
            self.year_channels[view.channel][scope].add(view.second, in_year);
            self.all_channels[view.channel][scope].add(view.second, in_all);
        }
    }

    fn leave_month(&mut self) -> rusqlite::Result<()> {
        let Some(Month { year, month }) = self.month else { return Ok(()) };
        insert_periods(&mut self.insert_period, (year, month), &self.months.periods)?;
        self.months.next();
        Ok(())
    }

    fn leave_year(&mut self) -> rusqlite::Result<()> {
        let Some(Month { year, .. }) = self.month else { return Ok(()) };
        insert_periods(&mut self.insert_period, (year, 0), &self.years.periods)?;
        self.years.next();
        insert_channels(&mut self.insert_channel, year, &self.year_channels)?;
        self.year_channels.fill(Default::default());
        Ok(())
    }

    fn leave_all(&mut self) -> rusqlite::Result<()> {
        insert_periods(&mut self.insert_period, (0, 0), &self.all.periods)?;
        insert_channels(&mut self.insert_channel, 0, &self.all_channels)
    }
}

fn insert_periods(
    insert: &mut rusqlite::Statement<'_>,
    (year, month): (i16, i8),
    periods: &[Period; SCOPES],
) -> rusqlite::Result<()> {
    for (scope, period) in periods.iter().enumerate().filter(|(_, period)| period.count.views > 0) {
        let Period { count, without_channel, of_unknown_channel, unique_channels, ranked_channels } = period;
        insert.execute(params![
            year,
            month,
            scope,
            count.views,
            count.unique_videos,
            count.rewatched_videos,
            unique_channels,
            ranked_channels,
            without_channel,
            of_unknown_channel,
            count.first,
            count.last
        ])?;
    }
    Ok(())
}

/// Writes the ranking of a year, best first, as the table's key wants it.
fn insert_channels(insert: &mut rusqlite::Statement<'_>, year: i16, channels: &Channels) -> rusqlite::Result<()> {
    let mut rows: Vec<(u64, usize, usize, bool, &Count)> = Vec::new();
    for (channel, counts) in channels.iter().enumerate() {
        let all = &counts[Scope::All as usize];
        if all.views == 0 {
            continue;
        }
        let own = counts.iter().enumerate().skip(1).filter(|(_, count)| count.views > 0);
        let several = own.clone().count() > 1;
        if several {
            rows.push((all.views, channel, Scope::All as usize, true, all));
        }
        rows.extend(own.map(|(scope, count)| (count.views, channel, scope, !several, count)));
    }
    rows.sort_unstable_by_key(|(views, channel, scope, ..)| (std::cmp::Reverse(*views), *channel, *scope));
    for (views, channel, scope, total, count) in rows {
        insert.execute(params![
            year,
            views,
            channel,
            scope,
            total,
            count.unique_videos,
            count.rewatched_videos,
            count.first,
            count.last
        ])?;
    }
    Ok(())
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
