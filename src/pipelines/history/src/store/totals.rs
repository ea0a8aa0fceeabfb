//! The totals of a set of views: a pure function of the views and the zone, in one pass in the order of time.
//!
//! It asks no database and writes none; `rollup` does both.

#![expect(clippy::cast_possible_truncation, reason = "views, videos and channels are counted in 32 bits everywhere")]

use ytorch_core::{Timestamp, Zone};

use super::{
    scope::{SCOPES, Scope},
    stored_view::StoredView,
};

/// What is added up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) periods: Vec<PeriodTotal>,
    pub(crate) channels: Vec<ChannelTotal>,
}

/// What is counted of any set of views.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) views: u32,
    pub(crate) unique_videos: u32,
    pub(crate) rewatched_videos: u32,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// The total of a month, a year (month 0) or all time (both 0), in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeriodTotal {
    pub(crate) year: i16,
    pub(crate) month: i8,
    pub(crate) scope: u8,
    pub(crate) count: Count,
    pub(crate) unique_channels: u32,
    pub(crate) ranked_channels: u32,
    pub(crate) without_channel: u32,
    pub(crate) of_unknown_channel: u32,
}

/// The total of a channel in a year or all time (0), in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelTotal {
    pub(crate) year: i16,
    pub(crate) channel: u32,
    pub(crate) key_rank: u32,
    pub(crate) name_rank: u32,
    pub(crate) scope: u8,
    /// Whether it is the channel's total over all scopes, too.
    pub(crate) is_total: bool,
    pub(crate) count: Count,
}

/// How a channel is called. The number 0, which stands for no channel, has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelNames {
    pub(crate) key: String,
    pub(crate) name: Option<String>,
}

/// Adds up views that are sorted by second. `channels` are by number; `videos` is larger than every video's number.
pub(crate) fn add_up(views: &[StoredView], zone: &Zone, channels: &[ChannelNames], videos: usize) -> Totals {
    let facts = facts(channels);
    let mut sums = Sums::new(zone, &facts, videos);
    for view in views {
        sums.add(*view);
    }
    sums.finish()
}

/// What is needed of a channel for every one of its views.
#[derive(Clone, Copy, Debug, Default)]
struct ChannelFacts {
    /// It is known by its id, which no other channel can have.
    by_id: bool,
    key_rank: u32,
    name_rank: u32,
}

fn facts(channels: &[ChannelNames]) -> Vec<ChannelFacts> {
    let mut facts: Vec<ChannelFacts> = channels
        .iter()
        .map(|channel| ChannelFacts { by_id: channel.key.starts_with("UC"), ..Default::default() })
        .collect();
    let mut by_key: Vec<usize> = (0..channels.len()).collect();
    by_key.sort_unstable_by_key(|&channel| &channels[channel].key);
    for (rank, channel) in (0..).zip(&by_key) {
        facts[*channel].key_rank = rank;
    }
    let shown = |channel: usize| channels[channel].name.as_ref().unwrap_or(&channels[channel].key).to_lowercase();
    let mut by_name: Vec<(String, usize)> = by_key.into_iter().map(|channel| (shown(channel), channel)).collect();
    // Of equal names the order of the keys stays.
    by_name.sort_by(|one, other| one.0.cmp(&other.0));
    for (rank, (_, channel)) in (0..).zip(&by_name) {
        facts[*channel].name_rank = rank;
    }
    facts
}

impl Count {
    /// Adds a view; `seen` says how often its video was in the set before: 0, 1, or 2 and more.
    pub(super) fn add(&mut self, second: i64, seen: u8) {
        if self.views == 0 {
            self.first = second;
        }
        self.views += 1;
        self.last = second;
        self.unique_videos += u32::from(seen == 0);
        self.rewatched_videos += u32::from(seen == 1);
    }
}

/// A local month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Month {
    pub(super) year: i16,
    pub(super) month: i8,
}

/// Finds the local month of rising seconds.
pub(super) struct Months<'zone> {
    zone: &'zone Zone,
    month: Month,
    end: i64,
}

impl<'zone> Months<'zone> {
    pub(super) fn new(zone: &'zone Zone) -> Self {
        Self { zone, month: Month { year: 0, month: 0 }, end: i64::MIN }
    }

    pub(super) fn of(&mut self, second: i64) -> Month {
        if second >= self.end {
            let local = self.zone.local(Timestamp::from_seconds(second));
            self.month = Month { year: local.year(), month: local.month() };
            self.end = self.zone.month_start(self.month.year, self.month.month + 1).second();
        }
        self.month
    }
}

/// How often each thing was seen in the present period, at most twice, without clearing between periods: fourteen bits
/// say which period a count is of.
struct Seen(Vec<u16>);

impl Seen {
    fn new(things: usize) -> Self {
        Self(vec![0; things])
    }

    /// Counts a thing in the period `tag` (from 1) and says how often it was there before.
    fn count(&mut self, thing: usize, tag: u16) -> u8 {
        let before = self.0[thing];
        let times = if before >> 2 == tag { before & 0b11 } else { 0 };
        self.0[thing] = tag << 2 | (times + 1).min(2);
        times as u8
    }
}

/// One of the three levels at which is added up: month, year, all time.
struct Level {
    tag: u16,
    periods: [PeriodTotal; SCOPES],
    videos: [Seen; SCOPES],
    channels: [Seen; SCOPES],
}

impl Level {
    fn new(videos: usize, channels: usize) -> Self {
        Self {
            tag: 1,
            periods: std::array::from_fn(empty),
            videos: std::array::from_fn(|_| Seen::new(videos)),
            channels: std::array::from_fn(|_| Seen::new(channels)),
        }
    }

    /// Adds a view to one scope; gives how often its video was there before.
    fn add(&mut self, scope: usize, view: StoredView, by_id: bool) -> u8 {
        let before = self.videos[scope].count(view.video as usize, self.tag);
        let channel = view.channel();
        let period = &mut self.periods[scope];
        period.count.add(view.second(), before);
        period.without_channel += u32::from(!view.is_named());
        period.of_unknown_channel += u32::from(channel == 0);
        if channel != 0 && self.channels[scope].count(channel as usize, self.tag) == 0 {
            period.ranked_channels += 1;
            period.unique_channels += u32::from(by_id);
        }
        before
    }

    /// Ends the period, which was this one, and begins the next.
    fn leave(&mut self, year: i16, month: i8, totals: &mut Vec<PeriodTotal>) {
        let periods = std::mem::replace(&mut self.periods, std::array::from_fn(empty));
        let filled = periods.into_iter().filter(|period| period.count.views > 0);
        totals.extend(filled.map(|period| PeriodTotal { year, month, ..period }));
        // Fourteen bits last for 1,365 years of months.
        self.tag = (self.tag + 1) & 0x3fff;
    }
}

fn empty(scope: usize) -> PeriodTotal {
    PeriodTotal {
        year: 0,
        month: 0,
        scope: scope as u8,
        count: Count::default(),
        unique_channels: 0,
        ranked_channels: 0,
        without_channel: 0,
        of_unknown_channel: 0,
    }
}

struct Sums<'a> {
    facts: &'a [ChannelFacts],
    months: Months<'a>,
    present: Option<Month>,
    month: Level,
    year: Level,
    all: Level,
    year_channels: Vec<[Count; SCOPES]>,
    all_channels: Vec<[Count; SCOPES]>,
    totals: Totals,
}

impl<'a> Sums<'a> {
    fn new(zone: &'a Zone, facts: &'a [ChannelFacts], videos: usize) -> Self {
        let channels = facts.len();
        Self {
            facts,
            months: Months::new(zone),
            present: None,
            month: Level::new(videos, channels),
            year: Level::new(videos, channels),
            all: Level::new(videos, channels),
            year_channels: vec![Default::default(); channels],
            all_channels: vec![Default::default(); channels],
            totals: Totals::default(),
        }
    }

    fn add(&mut self, view: StoredView) {
        let month = self.months.of(view.second());
        self.enter(month);
        let channel = view.channel() as usize;
        for scope in [Scope::All as usize, Scope::of_kind(view.kind()) as usize] {
            self.month.add(scope, view, self.facts[channel].by_id);
            let in_year = self.year.add(scope, view, self.facts[channel].by_id);
            let in_all = self.all.add(scope, view, self.facts[channel].by_id);
            self.year_channels[channel][scope].add(view.second(), in_year);
            self.all_channels[channel][scope].add(view.second(), in_all);
        }
    }

    /// Says in which month the next view is; what has ended before is put away.
    fn enter(&mut self, month: Month) {
        let Some(present) = self.present.replace(month).filter(|present| *present != month) else {
            return;
        };
        self.leave_month(present);
        if present.year != month.year {
            self.leave_year(present);
        }
    }

    fn leave_month(&mut self, Month { year, month }: Month) {
        self.month.leave(year, month, &mut self.totals.periods);
    }

    fn leave_year(&mut self, Month { year, .. }: Month) {
        self.year.leave(year, 0, &mut self.totals.periods);
        rank(year, self.facts, &self.year_channels, &mut self.totals.channels);
        self.year_channels.fill(Default::default());
    }

    fn finish(mut self) -> Totals {
        if let Some(present) = self.present {
            self.leave_month(present);
            self.leave_year(present);
            self.all.leave(0, 0, &mut self.totals.periods);
            rank(0, self.facts, &self.all_channels, &mut self.totals.channels);
        }
        self.totals
    }
}

/// Appends the ranking of a year, best first, as the table's key wants it.
fn rank(year: i16, facts: &[ChannelFacts], channels: &[[Count; SCOPES]], totals: &mut Vec<ChannelTotal>) {
    let start = totals.len();
    for (channel, counts) in channels.iter().enumerate().filter(|(_, counts)| counts[0].views > 0) {
        let own = counts.iter().enumerate().skip(1).filter(|(_, count)| count.views > 0);
        let has_several = own.clone().count() > 1;
        let all = has_several.then_some((Scope::All as usize, &counts[0]));
        totals.extend(all.into_iter().chain(own).map(|(scope, count)| ChannelTotal {
            year,
            channel: channel as u32,
            key_rank: facts[channel].key_rank,
            name_rank: facts[channel].name_rank,
            scope: scope as u8,
            is_total: scope == Scope::All as usize || !has_several,
            count: *count,
        }));
    }
    totals[start..].sort_unstable_by_key(|total| (std::cmp::Reverse(total.count.views), total.key_rank, total.scope));
}

#[cfg(test)]
mod tests;
