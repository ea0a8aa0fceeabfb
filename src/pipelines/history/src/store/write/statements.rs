//! The statements of an import, prepared once. Which of them run, and when, is the writer's to say.

use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use ytorch_store::rusqlite;

use super::{
    super::batch::{Batch, BatchVideo, BatchView, prefers},
    KnownChannel, KnownVideo, VideoRow, finer, kind_code,
};

pub(super) struct Statements<'transaction> {
    pub(super) transaction: &'transaction Transaction<'transaction>,
    insert_video: CachedStatement<'transaction>,
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
            insert_video: transaction
                .prepare_cached("insert into history_video (channel, id, title, byline) values (?, ?, ?, ?)")?,
            select_video: transaction.prepare_cached(
                "select video, channel, title is not null, byline is not null from history_video where id = ?",
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
    pub(super) fn channel(&self, key: &str, name: Option<&str>) -> rusqlite::Result<KnownChannel> {
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
            .insert(params![key, name])
            .and_then(number)?;
        Ok(KnownChannel { channel, has_name: name.is_some() })
    }

    pub(super) fn name_channel(&self, channel: u32, name: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_channel set name = ? where channel = ?")?
            .execute(params![name, channel])?;
        Ok(())
    }

    /// Adds a video that is not there yet.
    pub(super) fn insert_video(&mut self, batch: &Batch, video: &BatchVideo, channel: u32) -> rusqlite::Result<u32> {
        let row = self.insert_video.insert(params![
            channel,
            batch.text(video.id),
            video.title.map(|title| batch.text(title)),
            video.byline.map(|byline| batch.text(byline)),
        ])?;
        number(row)
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

    pub(super) fn byline_video(&self, video: u32, byline: &str) -> rusqlite::Result<()> {
        self.transaction
            .prepare_cached("update history_video set byline = ? where video = ?")?
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
            view.second,
            video,
            view.fraction_us,
            kind_code(view.kind),
            view.named,
        ])?;
        Ok(inserted > 0)
    }

    pub(super) fn insert_channel_view(&mut self, second: i64, video: VideoRow) -> rusqlite::Result<()> {
        self.insert_channel_view.execute(params![video.channel, second, video.video])?;
        Ok(())
    }

    /// Takes a finer time, a telling kind and a named channel over to a known view; gives the kind and whether the
    /// channel is named if something changed.
    pub(super) fn merge_view(&mut self, view: &BatchView, video: u32) -> rusqlite::Result<Option<(u8, bool)>> {
        let (fraction_us, kind, named): (u32, u8, bool) = self
            .select_view
            .query_row(params![view.second, video], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let merged = (
            finer(fraction_us, view.fraction_us),
            // 0 is the plain `watch` address, which tells least.
            [kind, kind_code(view.kind)].into_iter().filter(|code| *code != 0).min().unwrap_or(0),
            named || view.named,
        );
        if merged == (fraction_us, kind, named) {
            return Ok(None);
        }
        self.transaction
            .prepare_cached(
                "update history_view set fraction_us = ?, kind = ?, named = ? where second = ? and video = ?",
            )?
            .execute(params![merged.0, merged.1, merged.2, view.second, video])?;
        Ok(Some((merged.1, merged.2)))
    }
}

/// A row's number as memory keeps it: half as wide as SQLite could count, and more than anyone can watch.
fn number(row: i64) -> rusqlite::Result<u32> {
    u32::try_from(row).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, row))
}
