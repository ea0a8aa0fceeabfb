//! A second opinion: the counts of an export, taken from its JSON slowly and plainly.
//!
//! It shares no code with the product, reads no archive and no HTML, and keeps everything in memory.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use serde_json::Value;

const DAY: i64 = 86_400;

/// One row that is a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Seconds since 1970, UTC.
    pub second: i64,
    /// The video's id.
    pub video: String,
    /// The channel's id where the row names it by one.
    pub channel: Option<String>,
    /// Whether it is YouTube Music.
    pub music: bool,
    /// Whether it is a Short by its address.
    pub short: bool,
}

/// The views of one or more exports.
#[derive(Clone, Debug)]
pub struct Recount {
    /// Rows of any kind.
    pub records: u64,
    /// Rows that are views; the very same row can be there twice.
    pub rows: Vec<Row>,
    /// Rows with `details`: advertisements.
    pub ads: u64,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Views.
    pub views: u64,
    /// Views of YouTube Music.
    pub music: u64,
    /// Views of Shorts, as far as the address tells.
    pub shorts: u64,
    /// Views none of whose rows names a channel by its id.
    pub without_channel: u64,
    /// Different videos.
    pub unique_videos: u64,
    /// Videos seen at least twice.
    pub rewatched_videos: u64,
    /// Views per month, UTC, such as `2024-06`.
    pub months_utc: BTreeMap<String, u64>,
    /// Views per month in Berlin.
    pub months_berlin: BTreeMap<String, u64>,
    /// Views per channel; a view belongs to the channel that any row of its video names.
    pub channels: BTreeMap<String, ChannelFigures>,
    /// Second of the first view.
    pub first: i64,
    /// Second of the last view.
    pub last: i64,
}

/// What was counted of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelFigures {
    /// Views.
    pub views: u64,
    /// Different videos.
    pub unique_videos: u64,
    /// Videos seen at least twice.
    pub rewatched_videos: u64,
    /// Second of the first view.
    pub first: i64,
    /// Second of the last view.
    pub last: i64,
}

impl Recount {
    /// Reads one or more bare JSON exports as if they were one.
    pub fn read(files: &[&Path]) -> Self {
        let mut recount = Self { records: 0, rows: Vec::new(), ads: 0 };
        for file in files {
            let text = fs::read_to_string(file).expect("the export is there");
            let records: Vec<Value> =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).expect("the export is an array");
            for record in &records {
                recount.add(record);
            }
        }
        recount
    }

    fn add(&mut self, record: &Value) {
        self.records += 1;
        if record.get("details").is_some() {
            self.ads += 1;
            return;
        }
        let address = record["titleUrl"].as_str().unwrap_or_default();
        let Some(video) = video_id(address) else { return };
        let channel = record["subtitles"][0]["url"].as_str().and_then(|url| url.split_once("/channel/"));
        self.rows.push(Row {
            second: second(record["time"].as_str().expect("every record has a time")),
            video,
            channel: channel.map(|(_, id)| id.to_owned()),
            music: record["header"] == "YouTube Music",
            short: address.contains("/shorts/"),
        });
    }

    /// The figures of all rows, in which a repeated row counts as often as it is there: what the truth file counts.
    pub fn of_rows(&self) -> Figures {
        figures(&self.rows, &self.channels())
    }

    /// The figures of all views: rows of one second and one video are one view.
    pub fn of_views(&self) -> Figures {
        let mut views: BTreeMap<(i64, &str), Row> = BTreeMap::new();
        for row in &self.rows {
            let view = views.entry((row.second, &row.video)).or_insert_with(|| row.clone());
            view.channel = view.channel.take().or_else(|| row.channel.clone());
            view.music |= row.music;
            view.short |= row.short;
        }
        figures(&views.into_values().collect::<Vec<_>>(), &self.channels())
    }

    fn channels(&self) -> HashMap<&str, &str> {
        self.rows.iter().filter_map(|row| Some((row.video.as_str(), row.channel.as_deref()?))).collect()
    }
}

impl Figures {
    /// Views per year, from views per month.
    pub fn years(months: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let mut years = BTreeMap::new();
        for (month, views) in months {
            *years.entry(month[..4].to_owned()).or_default() += views;
        }
        years
    }

    /// The ranking: most views first, ties by the channel's id.
    pub fn ranking(&self) -> Vec<(String, u64)> {
        let mut ranking: Vec<_> = self.channels.iter().map(|(id, channel)| (id.clone(), channel.views)).collect();
        ranking.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        ranking
    }
}

fn figures(rows: &[Row], channel_of: &HashMap<&str, &str>) -> Figures {
    let mut figures = Figures {
        first: rows.iter().map(|row| row.second).min().unwrap_or_default(),
        last: rows.iter().map(|row| row.second).max().unwrap_or_default(),
        ..Figures::default()
    };
    let mut views_of_video: BTreeMap<&str, u64> = BTreeMap::new();
    for row in rows {
        figures.views += 1;
        figures.music += u64::from(row.music);
        figures.shorts += u64::from(row.short);
        figures.without_channel += u64::from(row.channel.is_none());
        *figures.months_utc.entry(month(row.second)).or_default() += 1;
        *figures.months_berlin.entry(month(row.second + berlin_offset(row.second))).or_default() += 1;
        *views_of_video.entry(&row.video).or_default() += 1;
        if let Some(&channel) = channel_of.get(row.video.as_str()) {
            let of = figures.channels.entry(channel.to_owned()).or_insert_with(|| ChannelFigures {
                first: row.second,
                last: row.second,
                ..ChannelFigures::default()
            });
            of.views += 1;
            of.first = of.first.min(row.second);
            of.last = of.last.max(row.second);
        }
    }
    for (video, &views) in &views_of_video {
        figures.unique_videos += 1;
        figures.rewatched_videos += u64::from(views > 1);
        if let Some(channel) = channel_of.get(video).and_then(|&channel| figures.channels.get_mut(channel)) {
            channel.unique_videos += 1;
            channel.rewatched_videos += u64::from(views > 1);
        }
    }
    figures
}

/// The id of the video at an address of YouTube.
fn video_id(address: &str) -> Option<String> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let (host, path) = rest.split_once('/')?;
    let hosts = BTreeSet::from(["www.youtube.com", "m.youtube.com", "youtube.com", "music.youtube.com", "youtu.be"]);
    if !hosts.contains(host) {
        return None;
    }
    let id = if host == "youtu.be" {
        path
    } else if let Some(query) = path.strip_prefix("watch?") {
        query.split('&').find_map(|pair| pair.strip_prefix("v="))?
    } else {
        path.strip_prefix("shorts/").or_else(|| path.strip_prefix("live/"))?
    };
    (!id.is_empty()).then(|| id.to_owned())
}

/// Whole seconds since 1970 of a text such as `2024-02-03T04:05:06.007Z`.
pub fn second(time: &str) -> i64 {
    let number = |from: usize, to: usize| time[from..to].parse::<i64>().expect("times consist of numbers");
    let days = days_before(number(0, 4), number(5, 7), number(8, 10));
    days * DAY + number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19)
}

/// Days from 1970-01-01 to a date, counted year by year.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let years: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    years + months + day - 1
}

/// The month of a second since 1970, such as `2024-06`.
fn month(second: i64) -> String {
    let (year, month, _) = date(second.div_euclid(DAY));
    format!("{year:04}-{month:02}")
}

/// Year, month and day of a day since 1970, counted year by year.
fn date(mut day: i64) -> (i64, i64, i64) {
    let mut year = 1970;
    while day >= if is_leap(year) { 366 } else { 365 } {
        day -= if is_leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while day >= month_length(year, month) {
        day -= month_length(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Seconds by which Berlin is ahead of UTC: the rule of the European Union since 1996.
fn berlin_offset(second: i64) -> i64 {
    let (year, _, _) = date(second.div_euclid(DAY));
    // 1970-01-01 was a Thursday, so day 3 and every seventh after it is a Sunday.
    let last_sunday = |month| {
        let last = days_before(year, month, 31);
        last - (last - 3).rem_euclid(7)
    };
    let summer = last_sunday(3) * DAY + 3600..last_sunday(10) * DAY + 3600;
    if summer.contains(&second) { 7200 } else { 3600 }
}
