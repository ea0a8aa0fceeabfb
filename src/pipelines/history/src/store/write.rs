//! Batches into tables, inside the transaction of one import. It does not read files and does not add up totals.

mod fresh;
mod registry;
mod statements;

use std::{cmp::Reverse, collections::HashSet, hash::BuildHasher as _};

use hashbrown::{DefaultHashBuilder, HashMap};
use rusqlite::{Transaction, params};
use ytorch_core::Zone;
use ytorch_store::rusqlite;

use self::{
    registry::{KnownVideo, Registry},
    statements::Statements,
};
use super::{
    batch::{Batch, BatchVideo, BatchView},
    stored_view::StoredView,
    totals::Totals,
};
use crate::model::ViewKind;

/// What writing has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) views_added: u64,
    pub(crate) views_known: u64,
    /// Rows that were known and now say more than before.
    pub(crate) refined: u64,
    pub(crate) ads_added: u64,
}

impl Written {
    /// Adds what another group of files brought.
    pub(crate) fn add(&mut self, other: Self) {
        self.views_added += other.views_added;
        self.views_known += other.views_known;
        self.refined += other.refined;
        self.ads_added += other.ads_added;
    }

    /// Whether the totals have to be added up again.
    pub(crate) fn changed_anything(self) -> bool {
        self.views_added + self.refined + self.ads_added > 0
    }
}

/// Writes batches in one transaction.
pub(crate) struct Writer<'transaction> {
    statements: Statements<'transaction>,
    channels: HashMap<Box<str>, KnownChannel>,
    videos: Registry,
    /// The number of the next new video.
    next_video: u32,
    /// The views so far, if the history was empty: then they are written at the end.
    fresh: Option<Vec<StoredView>>,
    /// Videos whose channel has become known, or better known: the one that their views still carry, and the new one.
    rechanneled: HashMap<u32, Rechanneled>,
    hasher: DefaultHashBuilder,
    written: Written,
}

#[derive(Clone, Copy)]
struct KnownChannel {
    channel: u32,
    /// Its name was known before this import, and so stays.
    is_named: bool,
    /// Hash of the name that was told last: nearly always there is only one.
    last: u64,
}

#[derive(Clone, Copy)]
struct Rechanneled {
    old: u32,
    new: u32,
}

/// A video's row, and the channel that its views carry.
#[derive(Clone, Copy)]
struct VideoRow {
    video: u32,
    channel: u32,
}

impl<'transaction> Writer<'transaction> {
    pub(crate) fn new(transaction: &'transaction Transaction<'transaction>) -> rusqlite::Result<Self> {
        let next_video: u32 =
            transaction.query_row("select coalesce(max(video), 0) + 1 from history_video", [], |row| row.get(0))?;
        Ok(Self {
            statements: Statements::prepare(transaction)?,
            channels: HashMap::new(),
            videos: Registry::default(),
            next_video,
            fresh: (next_video == 1).then(Vec::new),
            rechanneled: HashMap::new(),
            hasher: DefaultHashBuilder::default(),
            written: Written::default(),
        })
    }

    /// Writes one batch. Sorting by the keys of the tables first makes the pages that are touched few and near.
    pub(crate) fn write(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let channels = self.channels(batch)?;
        let videos = self.videos(batch, &channels)?;
        self.views(batch, &videos)?;
        self.ads(batch)
    }

    /// Settles what could only be settled at the end, and says what was written. Of an import into an empty history it
    /// also gives the totals, which it can add up from memory.
    pub(crate) fn finish(mut self, zone: &Zone) -> rusqlite::Result<(Written, Option<Totals>)> {
        let transaction = self.statements.transaction;
        let Some(mut views) = self.fresh.take() else {
            self.move_views()?;
            return Ok((self.written, None));
        };
        for view in &mut views {
            if let Some(change) = self.rechanneled.get(&view.video) {
                view.set_channel(change.new);
            }
        }
        let Self { mut written, videos, channels, statements, .. } = self;
        drop((channels, statements));
        let ids = videos.into_ids();
        let all = views.len();
        fresh::merge(&mut views);
        written.views_added = views.len() as u64;
        written.views_known = (all - views.len()) as u64;
        Ok((written, Some(fresh::finish(transaction, views, ids, zone)?)))
    }

    /// Moves the views of videos with a new channel to that channel.
    fn move_views(&mut self) -> rusqlite::Result<()> {
        let transaction = self.statements.transaction;
        let mut select =
            transaction.prepare_cached("select second, video from history_channel_view where channel = ?")?;
        let mut update = transaction.prepare_cached(
            "update history_channel_view set channel = ? where channel = ? and second = ? and video = ?",
        )?;
        let old_channels: HashSet<u32> = self.rechanneled.values().map(|change| change.old).collect();
        for old in old_channels {
            // Nearly always 0, unknown: a few per cent of the views.
            let views: Vec<(i64, u32)> =
                select.query_map([old], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            for (second, video) in views {
                if let Some(change) = self.rechanneled.get(&video).filter(|change| change.old == old) {
                    update.execute(params![change.new, old, second, video])?;
                    self.written.refined += 1;
                }
            }
        }
        Ok(())
    }

    fn channels(&mut self, batch: &Batch) -> rusqlite::Result<Vec<u32>> {
        batch
            .channels
            .iter()
            .map(|channel| self.channel(batch.text(channel.key), channel.name.map(|name| batch.text(name))))
            .collect()
    }

    fn channel(&mut self, key: &str, name: Option<&str>) -> rusqlite::Result<u32> {
        let known = match self.channels.get_mut(key) {
            Some(known) => known,
            None => self.channels.entry(key.into()).or_insert(self.statements.channel(key)?),
        };
        if let Some(name) = name.filter(|_| !known.is_named) {
            let hash = self.hasher.hash_one(name);
            if known.last != hash {
                known.last = hash;
                self.statements.name_channel(known.channel, name)?;
            }
        }
        Ok(known.channel)
    }

    /// The rows of the batch's videos, made where they are missing, in the batch's order.
    fn videos(&mut self, batch: &Batch, channels: &[u32]) -> rusqlite::Result<Vec<VideoRow>> {
        let mut new = Vec::new();
        let mut rows = Vec::with_capacity(batch.videos.len());
        for video in &batch.videos {
            let channel = video.channel.map_or(0, |channel| channels[channel as usize]);
            if let Some(place) = self.place(batch.text(video.id))? {
                rows.push(self.merge_video(batch, video, channel, place)?);
            } else {
                let row = self.add_video(batch, video, channel);
                new.push((video, row));
                rows.push(row);
            }
        }
        self.statements.insert_videos(batch, &new)?;
        if self.fresh.is_none() {
            self.statements.insert_video_ids(batch, &new)?;
        }
        Ok(rows)
    }

    /// Where a video is in the registry, if it is known at all.
    fn place(&mut self, id: &str) -> rusqlite::Result<Option<u32>> {
        if let Some(place) = self.videos.find(id) {
            return Ok(Some(place));
        }
        // An empty history holds nothing that the registry does not.
        let stored = if self.fresh.is_some() { None } else { self.statements.select_video(id)? };
        Ok(stored.map(|known| self.videos.insert(id, known)))
    }

    fn add_video(&mut self, batch: &Batch, new: &BatchVideo, channel: u32) -> VideoRow {
        let video = self.next_video;
        self.next_video += 1;
        let title_at = new.title.map_or(KnownVideo::UNTITLED, |_| KnownVideo::told_at(new.title_at));
        self.videos.insert(batch.text(new.id), KnownVideo { video, channel, title_at, has_byline: false });
        VideoRow { video, channel }
    }

    /// Adds to a known video what the batch knows better. What was known before this import is never replaced by
    /// something else; within it, the order of records must not matter.
    fn merge_video(&mut self, batch: &Batch, new: &BatchVideo, channel: u32, place: u32) -> rusqlite::Result<VideoRow> {
        let known = self.videos.get_mut(place);
        let (video, old) = (known.video, known.channel);
        if let Some(title) = new.title {
            let told_at = KnownVideo::told_at(new.title_at);
            if told_at > known.title_at {
                known.title_at = told_at;
                self.statements.title_video(video, batch.text(title))?;
                self.written.refined += 1;
            } else if told_at == known.title_at {
                self.statements.title_video_again(video, batch.text(title))?;
            }
        }
        if let Some(byline) = new.byline.filter(|_| !known.has_byline) {
            self.statements.byline_video(video, batch.text(byline))?;
            self.written.refined += 1;
        }
        if channel != 0 && channel != old && self.statements.is_better_channel(channel, old)? {
            known.channel = channel;
            self.statements.channel_video(video, channel)?;
            self.rechanneled.entry(video).or_insert(Rechanneled { old, new: channel }).new = channel;
        }
        // New views carry the old channel too: `finish` then moves all of the video's views at once.
        let carried = self.rechanneled.get(&video).map_or(old, |change| change.old);
        Ok(VideoRow { video, channel: carried })
    }

    fn views(&mut self, batch: &Batch, videos: &[VideoRow]) -> rusqlite::Result<()> {
        let mut views: Vec<(&BatchView, VideoRow)> =
            batch.views.iter().map(|view| (view, videos[view.video as usize])).collect();
        if let Some(fresh) = &mut self.fresh {
            fresh.extend(views.into_iter().map(|(view, video)| stored(view, video)));
            return Ok(());
        }
        views.sort_unstable_by_key(|(view, video)| (view.watched_at, video.video));
        for (view, video) in views {
            if self.statements.insert_view(view, video.video)? {
                self.written.views_added += 1;
                self.statements.insert_channel_view(view.watched_at.second(), video)?;
            } else {
                self.written.views_known += 1;
                self.written.refined += u64::from(self.statements.merge_view(view, video.video)?);
            }
        }
        Ok(())
    }

    fn ads(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let mut ads: Vec<_> = batch.ads.iter().collect();
        // Of two at one instant the one with the greater title stays, whatever their order.
        ads.sort_unstable_by_key(|ad| (ad.watched_at, Reverse(ad.title.map(|title| batch.text(title)))));
        for ad in ads {
            let added = self.statements.insert_ad.execute(params![
                ad.watched_at.second(),
                batch.text(ad.target),
                ad.watched_at.fraction_micros(),
                ad.video_id.map(|id| batch.text(id)),
                ad.title.map(|title| batch.text(title)),
            ])?;
            self.written.ads_added += added as u64;
        }
        Ok(())
    }
}

/// What two records of one view say together: the finer time, the kind that tells something, and whether either named
/// the channel. Order is no matter.
fn merged(one: (u32, u8, bool), other: (u32, u8, bool)) -> (u32, u8, bool) {
    // 0 is the plain `watch` address, which tells least.
    let kind = [one.1, other.1].into_iter().filter(|code| *code != 0).min().unwrap_or(0);
    (finer(one.0, other.0), kind, one.2 || other.2)
}

/// Of two readings of one second, the one with more digits; of equal ones the earlier, so that order is no matter.
fn finer(one: u32, other: u32) -> u32 {
    let coarseness = |fraction_us: u32| match fraction_us {
        0 => 2,
        milliseconds if milliseconds % 1000 == 0 => 1,
        _ => 0,
    };
    if (coarseness(other), other) < (coarseness(one), one) { other } else { one }
}

/// The kind as the table has it; released, so never changed.
pub(crate) fn kind_code(kind: ViewKind) -> u8 {
    match kind {
        ViewKind::Video => 0,
        ViewKind::Music => 1,
        ViewKind::Short => 2,
        ViewKind::Live => 3,
    }
}

fn stored(view: &BatchView, video: VideoRow) -> StoredView {
    StoredView::new(view.watched_at, video.video, video.channel, kind_code(view.kind), view.named)
}
