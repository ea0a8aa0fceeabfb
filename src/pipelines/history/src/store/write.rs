//! Batches into tables, inside the transaction of one import. It does not read files and does not add up totals.

use std::collections::{HashMap, HashSet};

use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use ytorch_store::rusqlite;

use super::batch::{Batch, BatchView, BatchVideo, prefers};
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
    /// Videos that this import made or gave their title: only those may still get the title of a newer watch.
    titled_here: HashSet<i64>,
    first_new_video: i64,
    /// Videos whose channel has become known, or better known: the one that their views still carry, and the new one.
    rechanneled: HashMap<i64, Rechanneled>,
    written: Written,
}

#[derive(Clone, Copy)]
struct KnownChannel {
    channel: i64,
    has_name: bool,
}

#[derive(Clone, Copy)]
struct Rechanneled {
    old: i64,
    new: i64,
}

struct Statements<'transaction> {
    transaction: &'transaction Transaction<'transaction>,
    insert_video: CachedStatement<'transaction>,
    select_video: CachedStatement<'transaction>,
    insert_view: CachedStatement<'transaction>,
    select_view: CachedStatement<'transaction>,
    insert_ad: CachedStatement<'transaction>,
}

/// A video as the database has it.
#[derive(Clone, Copy)]
struct KnownVideo {
    video: i64,
    channel: i64,
}

impl<'transaction> Writer<'transaction> {
    pub(crate) fn new(transaction: &'transaction Transaction<'transaction>) -> rusqlite::Result<Self> {
        let first_new_video =
            transaction.query_row("select coalesce(max(video), 0) + 1 from history_video", [], |row| row.get(0))?;
        let statements = Statements {
            transaction,
            insert_video: transaction.prepare_cached(
                "insert into history_video (channel, title_at, id, title, byline) values (?, ?, ?, ?, ?)
                 on conflict (id) do nothing",
            )?,
            select_video: transaction
                .prepare_cached("select video, channel, title_at, title is not null, byline is not null from history_video where id = ?")?,
            insert_view: transaction.prepare_cached(
                "insert into history_view (second, video, channel, fraction_us, kind, named) values (?, ?, ?, ?, ?, ?)
                 on conflict do nothing",
            )?,
            select_view: transaction
                .prepare_cached("select fraction_us, kind, named from history_view where second = ? and video = ?")?,
            insert_ad: transaction.prepare_cached(
                "insert into history_ad (second, target, fraction_us, video_id, title) values (?, ?, ?, ?, ?)
                 on conflict do nothing",
            )?,
        };
        Ok(Self {
            statements,
            channels: HashMap::new(),
            titled_here: HashSet::new(),
            first_new_video,
            rechanneled: HashMap::new(),
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

    /// Gives the views of videos with a new channel that channel, and says what was written.
    pub(crate) fn finish(mut self) -> rusqlite::Result<Written> {
        let transaction = self.statements.transaction;
        let mut select = transaction.prepare_cached("select second, video from history_view where channel = ?")?;
        let mut update =
            transaction.prepare_cached("update history_view set channel = ? where second = ? and video = ?")?;
        let old_channels: HashSet<i64> = self.rechanneled.values().map(|change| change.old).collect();
        for old in old_channels {
            // Nearly always 0, unknown: a few per cent of the views.
            let views: Vec<(i64, i64)> =
                select.query_map([old], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            for (second, video) in views {
                if let Some(change) = self.rechanneled.get(&video).filter(|change| change.old == old) {
                    update.execute([change.new, second, video])?;
                    self.written.refined += 1;
                }
            }
        }
        Ok(self.written)
    }

    fn channels(&mut self, batch: &Batch) -> rusqlite::Result<Vec<i64>> {
        batch
            .channels
            .iter()
            .map(|channel| self.channel(batch.text(channel.key), channel.name.map(|name| batch.text(name))))
            .collect()
    }

    fn channel(&mut self, key: &str, name: Option<&str>) -> rusqlite::Result<i64> {
        if let Some(known) = self.channels.get_mut(key) {
            if let Some(name) = name
                && !known.has_name
            {
                known.has_name = true;
                self.statements.name_channel(known.channel, name)?;
            }
            return Ok(known.channel);
        }
        let known = self.statements.channel(key, name)?;
        self.channels.insert(key.into(), known);
        Ok(known.channel)
    }

    /// The rows of the batch's videos, made where they are missing, in the batch's order.
    fn videos(&mut self, batch: &Batch, channels: &[i64]) -> rusqlite::Result<Vec<KnownVideo>> {
        let mut order: Vec<usize> = (0..batch.videos.len()).collect();
        order.sort_unstable_by_key(|&index| batch.text(batch.videos[index].id));
        let mut rows = vec![KnownVideo { video: 0, channel: 0 }; batch.videos.len()];
        for index in order {
            let video = &batch.videos[index];
            let channel = video.channel.map_or(0, |channel| channels[channel as usize]);
            rows[index] = match self.statements.insert_video(batch, video, channel)? {
                Some(video) => KnownVideo { video, channel },
                None => self.merge_video(batch, video, channel)?,
            };
        }
        Ok(rows)
    }

    /// Adds to a known video what the batch knows better. What is known is never replaced by something else, except
    /// within one import, where the order of records must not matter.
    fn merge_video(&mut self, batch: &Batch, new: &BatchVideo, channel: i64) -> rusqlite::Result<KnownVideo> {
        let known = self.statements.select_video(batch.text(new.id))?;
        if let Some(title) = new.title {
            let made_here = known.video >= self.first_new_video || self.titled_here.contains(&known.video);
            let newer = made_here && new.title_at > known.title_at;
            if !known.has_title || newer {
                self.statements.title_video(known.video, batch.text(title), new.title_at)?;
                self.titled_here.insert(known.video);
                self.written.refined += 1;
            }
        }
        if let Some(byline) = new.byline
            && !known.has_byline
        {
            self.statements.byline_video(known.video, batch.text(byline))?;
        }
        if channel == 0 || channel == known.channel || !self.statements.is_better_channel(channel, known.channel)? {
            return Ok(KnownVideo { video: known.video, channel: known.channel });
        }
        self.statements.channel_video(known.video, channel)?;
        self.rechanneled.entry(known.video).or_insert(Rechanneled { old: known.channel, new: channel }).new = channel;
        // The new views of this batch get the old channel too: `finish` then moves all of the video's views at once.
        let carried = self.rechanneled[&known.video].old;
        Ok(KnownVideo { video: known.video, channel: carried })
    }

    fn views(&mut self, batch: &Batch, videos: &[KnownVideo]) -> rusqlite::Result<()> {
        let mut views: Vec<(&BatchView, KnownVideo)> =
            batch.views.iter().map(|view| (view, videos[view.video as usize])).collect();
        views.sort_unstable_by_key(|(view, video)| (view.second, video.video));
        for (view, video) in views {
            if self.statements.insert_view(view, video)? {
                self.written.views_added += 1;
            } else {
                self.written.views_known += 1;
                self.written.refined += u64::from(self.statements.merge_view(view, video.video)?);
            }
        }
        Ok(())
    }

    fn ads(&mut self, batch: &Batch) -> rusqlite::Result<()> {
        let mut ads: Vec<_> = batch.ads.iter().collect();
        ads.sort_unstable_by_key(|ad| ad.watched_at);
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

/// What a known video's row says.
struct VideoRow {
    video: i64,
    channel: i64,
    title_at: i64,
    has_title: bool,
    has_byline: bool,
}

impl Statements<'_> {
    fn channel(&self, key: &str, name: Option<&str>) -> rusqlite::Result<KnownChannel> {
        let known = self
            .transaction
            .prepare_cached("select channel, name is not null from history_channel where key = ?")?
            .query_row([key], |row| Ok(KnownChannel { channel: row.get(0)?, has_name: row.get(1)? }))
            .optional()?;
        if let Some(known) = known {
            if let Some(name) = name
                && !known.has_name
            {
                self.name_channel(known.channel, name)?;
            }
            return Ok(KnownChannel { has_name: known.has_name || name.is_some(), ..known });
        }
        let channel = self
            .transaction
            .prepare_cached("insert into history_channel (key, name) values (?, ?)")?
            .insert(params![key, name])?;
        Ok(KnownChannel { channel, has_name: name.is_some() })
    }

    fn name_channel(&self, channel: i64, name: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_channel set name = ? where channel = ?")?
            .execute(params![name, channel])?;
        Ok(())
    }

    /// The new row, or `None` if the video is known.
    fn insert_video(&mut self, batch: &Batch, video: &BatchVideo, channel: i64) -> rusqlite::Result<Option<i64>> {
        let inserted = self.insert_video.execute(params![
            channel,
            video.title_at,
            batch.text(video.id),
            video.title.map(|title| batch.text(title)),
            video.byline.map(|byline| batch.text(byline)),
        ])?;
        Ok((inserted > 0).then(|| self.transaction.last_insert_rowid()))
    }

    fn select_video(&mut self, id: &str) -> rusqlite::Result<VideoRow> {
        self.select_video.query_row([id], |row| {
            Ok(VideoRow {
                video: row.get(0)?,
                channel: row.get(1)?,
                title_at: row.get(2)?,
                has_title: row.get(3)?,
                has_byline: row.get(4)?,
            })
        })
    }

    fn title_video(&self, video: i64, title: &str, title_at: i64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set title = ?, title_at = ? where video = ?")?
            .execute(params![title, title_at, video])?;
        Ok(())
    }

    fn byline_video(&self, video: i64, byline: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set byline = ? where video = ?")?
            .execute(params![byline, video])?;
        Ok(())
    }

    fn channel_video(&self, video: i64, channel: i64) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set channel = ? where video = ?")?
            .execute([channel, video])?;
        Ok(())
    }

    fn is_better_channel(&self, new: i64, old: i64) -> rusqlite::Result<bool> {
        if old == 0 {
            return Ok(true);
        }
        let key = |channel: i64| -> rusqlite::Result<String> {
            self.transaction
                .prepare_cached("select key from history_channel where channel = ?")?
                .query_row([channel], |row| row.get(0))
        };
        Ok(prefers(&key(new)?, &key(old)?))
    }

    fn insert_view(&mut self, view: &BatchView, video: KnownVideo) -> rusqlite::Result<bool> {
        let inserted = self.insert_view.execute(params![
            view.second,
            video.video,
            video.channel,
            view.fraction_us,
            kind_code(view.kind),
            view.named,
        ])?;
        Ok(inserted > 0)
    }

    /// Takes a finer time, a telling kind and a named channel over to a known view; `true` if something changed.
    fn merge_view(&mut self, view: &BatchView, video: i64) -> rusqlite::Result<bool> {
        let (fraction_us, kind, named): (u32, u8, bool) = self
            .select_view
            .query_row([view.second, video], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let merged = (
            finer(fraction_us, view.fraction_us),
            // 0 is the plain `watch` address, which tells least.
            [kind, kind_code(view.kind)].into_iter().filter(|code| *code != 0).min().unwrap_or(0),
            named || view.named,
        );
        if merged == (fraction_us, kind, named) {
            return Ok(false);
        }
        self.transaction
            .prepare_cached("update history_view set fraction_us = ?, kind = ?, named = ? where second = ? and video = ?")?
            .execute(params![merged.0, merged.1, merged.2, view.second, video])?;
        Ok(true)
    }
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
