//! Records gathered in memory until they are worth a trip to the database. It knows no SQL.

#![expect(clippy::cast_possible_truncation, reason = "a batch is bounded far below what 32 bits count")]

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};
use ytorch_core::Timestamp;

use crate::model::{AdRecord, ChannelKey, ChannelRef, ViewKind, ViewRecord};

/// Where a text lies in the batch's bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

/// A view, with its video as an index into the batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchView {
    pub(crate) watched_at: Timestamp,
    pub(crate) video: u32,
    pub(crate) kind: ViewKind,
    pub(crate) named: bool,
}

/// A video, and the best that the batch's records say of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchVideo {
    pub(crate) id: Span,
    pub(crate) title: Option<Span>,
    /// Second of the newest watch that told the title.
    pub(crate) title_at: i64,
    pub(crate) channel: Option<u32>,
    pub(crate) byline: Option<Span>,
}

/// A channel that a record named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchChannel {
    pub(crate) key: Span,
    pub(crate) name: Option<Span>,
}

/// An advertisement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchAd {
    pub(crate) watched_at: Timestamp,
    pub(crate) target: Span,
    pub(crate) video_id: Option<Span>,
    pub(crate) title: Option<Span>,
}

/// Some ten thousand records without their repetitions.
#[derive(Default)]
pub(crate) struct Batch {
    texts: String,
    hasher: DefaultHashBuilder,
    videos_by_id: HashTable<u32>,
    channels_by_key: HashTable<u32>,
    pub(crate) views: Vec<BatchView>,
    pub(crate) videos: Vec<BatchVideo>,
    pub(crate) channels: Vec<BatchChannel>,
    pub(crate) ads: Vec<BatchAd>,
}

impl Batch {
    /// Records after which a batch is written: large enough to sort well, small enough that three take few MiB.
    const RECORDS: usize = 1 << 14;
    /// Bytes of text after which a batch is written, whatever the number of records.
    const BYTES: usize = 8 << 20;

    /// An empty batch with room for as much as this one holds.
    pub(crate) fn empty_as_large(&self) -> Self {
        Self {
            texts: String::with_capacity(self.texts.len()),
            hasher: DefaultHashBuilder::default(),
            videos_by_id: HashTable::with_capacity(self.videos.len()),
            channels_by_key: HashTable::with_capacity(self.channels.len()),
            views: Vec::with_capacity(self.views.len()),
            videos: Vec::with_capacity(self.videos.len()),
            channels: Vec::with_capacity(self.channels.len()),
            ads: Vec::with_capacity(self.ads.len()),
        }
    }

    /// Whether it is time to write the batch.
    pub(crate) fn is_full(&self) -> bool {
        self.views.len() + self.ads.len() >= Self::RECORDS || self.texts.len() >= Self::BYTES
    }

    /// The text at a span.
    pub(crate) fn text(&self, span: Span) -> &str {
        slice(&self.texts, span)
    }

    /// Adds a view.
    pub(crate) fn add_view(&mut self, record: &ViewRecord<'_>) {
        let second = record.watched_at.second();
        let video = self.video(record.video_id);
        self.learn_title(video, record.title, second);
        self.learn_channel(video, &record.channel);
        self.views.push(BatchView {
            watched_at: record.watched_at,
            video,
            kind: record.kind,
            named: record.channel.key.is_some_and(ChannelKey::is_id),
        });
    }

    /// Adds an advertisement.
    pub(crate) fn add_ad(&mut self, record: &AdRecord<'_>) {
        let target = self.store(record.video_id.or(record.url).or(record.title).unwrap_or_default());
        let video_id = record.video_id.map(|_| target);
        let title = record.title.map(|title| self.store(title));
        self.ads.push(BatchAd { watched_at: record.watched_at, target, video_id, title });
    }

    fn learn_title(&mut self, video: u32, title: Option<&str>, second: i64) {
        let Some(title) = title else { return };
        let known = self.videos[video as usize];
        // The newest watch tells the title; of two in one second the greater text, so that the order of the records
        // does not matter.
        let better = match known.title {
            None => true,
            Some(old) => (second, title) > (known.title_at, self.text(old)),
        };
        if better {
            let same = known.title.filter(|old| self.text(*old) == title);
            let span = same.unwrap_or_else(|| self.store(title));
            let video = &mut self.videos[video as usize];
            (video.title, video.title_at) = (Some(span), second);
        }
    }

    fn learn_channel(&mut self, video: u32, channel: &ChannelRef<'_>) {
        let Some(key) = channel.key else {
            if let Some(name) = channel.name
                && self.videos[video as usize].byline.is_none_or(|old| self.text(old) < name)
            {
                self.videos[video as usize].byline = Some(self.store(name));
            }
            return;
        };
        let new = self.channel(&key.text(), channel.name);
        let known = self.videos[video as usize].channel;
        if known.is_none_or(|old| old != new && prefers(self.key(new), self.key(old))) {
            self.videos[video as usize].channel = Some(new);
        }
    }

    fn key(&self, channel: u32) -> &str {
        self.text(self.channels[channel as usize].key)
    }

    fn video(&mut self, id: &str) -> u32 {
        let hash = self.hasher.hash_one(id);
        let found = self.videos_by_id.find(hash, |&index| self.text(self.videos[index as usize].id) == id);
        if let Some(&index) = found {
            return index;
        }
        let index = self.videos.len() as u32;
        let id = self.store(id);
        self.videos.push(BatchVideo { id, title: None, title_at: 0, channel: None, byline: None });
        let (hasher, videos, texts) = (&self.hasher, &self.videos, &self.texts);
        self.videos_by_id.insert_unique(hash, index, |&index| hasher.hash_one(slice(texts, videos[index as usize].id)));
        index
    }

    fn channel(&mut self, key: &str, name: Option<&str>) -> u32 {
        let hash = self.hasher.hash_one(key);
        let found =
            self.channels_by_key.find(hash, |&index| self.text(self.channels[index as usize].key) == key).copied();
        if let Some(index) = found {
            // A channel that renamed itself between two records: any rule will do that ignores their order.
            if let Some(name) = name
                && self.channels[index as usize].name.is_none_or(|old| self.text(old) < name)
            {
                self.channels[index as usize].name = Some(self.store(name));
            }
            return index;
        }
        let index = self.channels.len() as u32;
        let channel = BatchChannel { key: self.store(key), name: name.map(|name| self.store(name)) };
        self.channels.push(channel);
        let (hasher, channels, texts) = (&self.hasher, &self.channels, &self.texts);
        self.channels_by_key
            .insert_unique(hash, index, |&index| hasher.hash_one(slice(texts, channels[index as usize].key)));
        index
    }

    fn store(&mut self, text: &str) -> Span {
        let span = Span { start: self.texts.len() as u32, length: text.len() as u32 };
        self.texts.push_str(text);
        span
    }
}

fn slice(texts: &str, span: Span) -> &str {
    &texts[span.start as usize..(span.start + span.length) as usize]
}

/// Whether one channel key says more than another: an id over any handle; else the smaller, so that order is no matter.
pub(crate) fn prefers(new: &str, old: &str) -> bool {
    let rank = |key: &str| u8::from(!key.starts_with("UC"));
    (rank(new), new) < (rank(old), old)
}
