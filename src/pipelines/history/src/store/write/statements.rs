//! The statements of an import, prepared once. Which of them run, and when, is the writer's to say.

use rusqlite::{
    CachedStatement, OptionalExtension as _, Transaction, params,
    types::{ToSqlOutput, ValueRef},
};
use ytorch_store::rusqlite;

use super::{
    super::{
        batch::{Batch, BatchVideo, BatchView, Span, prefers},
        bulk,
    },
    KnownChannel, KnownVideo, VideoRow, kind_code, merged,
};

pub(super) struct Statements<'transaction> {
    pub(super) transaction: &'transaction Transaction<'transaction>,
    select_video: CachedStatement<'transaction>,
    insert_view: CachedStatement<'transaction>,
    insert_channel_view: CachedStatement<'transaction>,
    select_view: CachedStatement<'transaction>,
    pub(super) insert_ad: CachedStatement<'transaction>,
}

impl<'transaction> Statements<'transaction> {
    pub(super) fn prepare(transaction: &'transaction Transaction<'transaction>) -> rusqlite::Result<Self> {
        Ok(Self {
            transaction,
            select_video: transaction.prepare_cached(
                "select video, channel, title is not null, byline is not null
                 from history_video_id join history_video using (video) where history_video_id.id = ?",
            )?,
            insert_view: transaction.prepare_cached(
                "insert into history_view (second, video, fraction_us, kind, named) values (?, ?, ?, ?, ?) on conflict do nothing",
            )?,
            insert_channel_view: transaction
                .prepare_cached("insert into history_channel_view (channel, second, video) values (?, ?, ?)")?,
            select_view: transaction
                .prepare_cached("select fraction_us, kind, named from history_view where second = ? and video = ?")?,
            insert_ad: transaction.prepare_cached(
                "insert into history_ad (second, target, fraction_us, video_id, title) values (?, ?, ?, ?, ?)
                 on conflict do nothing",
            )?,
        })
    }
}

impl Statements<'_> {
    /// The channel, made if it is not there yet, and whether its name was known before.
    pub(super) fn channel(&self, key: &str) -> rusqlite::Result<KnownChannel> {
        let known = self
            .transaction
            .prepare_cached("select channel, name is not null from history_channel where key = ?")?
            .query_row([key], |row| Ok(KnownChannel { channel: row.get(0)?, is_named: row.get(1)?, last: 0 }))
            .optional()?;
        if let Some(known) = known {
            return Ok(known);
        }
        let row = self.transaction.prepare_cached("insert into history_channel (key) values (?)")?.insert([key])?;
        let channel = u32::try_from(row).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, row))?;
        Ok(KnownChannel { channel, is_named: false, last: 0 })
    }

    /// Of two names in one import the greater one stays, so that order is no matter.
    pub(super) fn name_channel(&self, channel: u32, name: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_channel set name = max(coalesce(name, ''), ?) where channel = ?")?
            .execute(params![name, channel])?;
        Ok(())
    }

    /// Adds videos that are not there yet.
    pub(super) fn insert_videos(&self, batch: &Batch, videos: &[(&BatchVideo, VideoRow)]) -> rusqlite::Result<()> {
        let text = |span: Option<Span>| span.map_or(ValueRef::Null, |span| ValueRef::Text(batch.text(span).as_bytes()));
        let number = |number: u32| ValueRef::Integer(i64::from(number));
        let rows = videos.iter().map(|(video, row)| {
            [number(row.video), number(row.channel), text(Some(video.id)), text(video.title), text(video.byline)]
                .map(ToSqlOutput::Borrowed)
        });
        bulk::insert(self.transaction, "history_video", rows)
    }

    /// Makes videos known by their ids.
    pub(super) fn insert_video_ids(&self, batch: &Batch, videos: &[(&BatchVideo, VideoRow)]) -> rusqlite::Result<()> {
        let mut insert = self.transaction.prepare_cached("insert into history_video_id (id, video) values (?, ?)")?;
        for (video, row) in videos {
            insert.execute(params![batch.text(video.id), row.video])?;
        }
        Ok(())
    }

    pub(super) fn select_video(&mut self, id: &str) -> rusqlite::Result<Option<KnownVideo>> {
        let known = |row: &rusqlite::Row<'_>| {
            let has_title: bool = row.get(2)?;
            Ok(KnownVideo {
                video: row.get(0)?,
                channel: row.get(1)?,
                title_at: if has_title { KnownVideo::TITLED_BEFORE } else { KnownVideo::UNTITLED },
                has_byline: row.get(3)?,
            })
        };
        self.select_video.query_row([id], known).optional()
    }

    pub(super) fn title_video(&self, video: u32, title: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set title = ? where video = ?")?
            .execute(params![title, video])?;
        Ok(())
    }

    /// Of two titles told in one second the greater one stays, as within a batch.
    pub(super) fn title_video_again(&self, video: u32, title: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set title = max(title, ?) where video = ?")?
            .execute(params![title, video])?;
        Ok(())
    }

    /// Of two bylines in one import the greater one stays.
    pub(super) fn byline_video(&self, video: u32, byline: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set byline = max(coalesce(byline, ''), ?) where video = ?")?
            .execute(params![byline, video])?;
        Ok(())
    }

    pub(super) fn channel_video(&self, video: u32, channel: u32) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set channel = ? where video = ?")?
            .execute([channel, video])?;
        Ok(())
    }

    pub(super) fn is_better_channel(&self, new: u32, old: u32) -> rusqlite::Result<bool> {
        if old == 0 {
            return Ok(true);
        }
        let key = |channel: u32| -> rusqlite::Result<String> {
            self.transaction
                .prepare_cached("select key from history_channel where channel = ?")?
                .query_row([channel], |row| row.get(0))
        };
        Ok(prefers(&key(new)?, &key(old)?))
    }

    pub(super) fn insert_view(&mut self, view: &BatchView, video: u32) -> rusqlite::Result<bool> {
        let inserted = self.insert_view.execute(params![
            view.watched_at.second(),
            video,
            view.watched_at.fraction_micros(),
            kind_code(view.kind),
            view.named,
        ])?;
        Ok(inserted > 0)
    }

    pub(super) fn insert_channel_view(&mut self, second: i64, video: VideoRow) -> rusqlite::Result<()> {
        self.insert_channel_view.execute(params![video.channel, second, video.video])?;
        Ok(())
    }

    /// Takes over to a known view what a further record of it says better; gives whether something changed.
    pub(super) fn merge_view(&mut self, view: &BatchView, video: u32) -> rusqlite::Result<bool> {
        let second = view.watched_at.second();
        let known =
            self.select_view.query_row(params![second, video], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let merged = merged(known, (view.watched_at.fraction_micros(), kind_code(view.kind), view.named));
        if merged == known {
            return Ok(false);
        }
        self.transaction
            .prepare_cached(
                "update history_view set fraction_us = ?, kind = ?, named = ? where second = ? and video = ?",
            )?
            .execute(params![merged.0, merged.1, merged.2, second, video])?;
        Ok(true)
    }
}
