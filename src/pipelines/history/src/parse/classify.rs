//! What a record means: view, advertisement, or nothing that is kept. It does not know in which form it was written.

use ytorch_core::Timestamp;

use super::{address::Address, frame::Frames};
use crate::model::{
    AdRecord, ChannelKey, ChannelRef, Record, SkipReason, ViewKind, ViewRecord, is_plausible, is_video_id,
};

/// The parts of a record, whatever form they were written in.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    pub(super) header: Option<&'a str>,
    pub(super) title: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    /// The id where the record has one instead of an address, as before 2018.
    pub(super) bare_video_id: Option<&'a str>,
    pub(super) channel_name: Option<&'a str>,
    pub(super) channel_url: Option<&'a str>,
    pub(super) has_details: bool,
    pub(super) time: Option<Timestamp>,
}

/// What is known of the whole file.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) frames: Frames,
    /// Searches stand among the records: then a video's address alone does not mean that it was watched.
    pub(super) is_my_activity: bool,
}

/// Why a record cannot be used.
pub(super) const NO_TIME: &str = "the time is missing or cannot be read";

/// Why a record cannot be used, either.
const NOT_THEN: &str = "the time lies outside of 2005 to 2099";

fn watched_at(parts: &Parts<'_>) -> Result<Timestamp, &'static str> {
    let time = parts.time.ok_or(NO_TIME)?;
    if is_plausible(time) { Ok(time) } else { Err(NOT_THEN) }
}

/// Says what a record means, or why it cannot be used.
pub(super) fn classify<'a>(parts: &Parts<'a>, context: &Context) -> Result<Record<'a>, &'static str> {
    let title = parts.title.unwrap_or_default();
    let bare = parts.bare_video_id.filter(|id| is_video_id(id));
    let (url, address) = match (parts.url.filter(|url| !url.is_empty()), bare) {
        (Some(url), _) => (url, Address::of(url)),
        (None, Some(id)) => (id, Address::Video(id)),
        (None, None) => return Ok(without_address(parts, title, context)),
    };
    if parts.has_details && !matches!(address, Address::Post | Address::Search) {
        return ad(parts, address, context);
    }
    let (video_id, kind) = match address {
        Address::Video(id) if parts.header == Some("YouTube Music") => (id, ViewKind::Music),
        Address::Video(id) => (id, ViewKind::Video),
        Address::Music(id) => (id, ViewKind::Music),
        Address::Short(id) => (id, ViewKind::Short),
        Address::Live(id) => (id, ViewKind::Live),
        Address::Post if is_poll(title) => return Ok(Record::Skipped(SkipReason::Other)),
        Address::Post => return Ok(Record::Skipped(SkipReason::Post)),
        Address::Search | Address::Elsewhere => return Ok(Record::Skipped(SkipReason::Other)),
    };
    let inside = context.frames.watch.as_ref().map(|frame| frame.strip(title));
    if context.is_my_activity && inside == Some(None) {
        // Liked, shared, saved: the same address, another verb.
        return Ok(Record::Skipped(SkipReason::Other));
    }
    let watched_at = watched_at(parts)?;
    let title = inside.flatten().unwrap_or(title);
    let title = (!title.is_empty() && title != url).then_some(title);
    let channel = ChannelRef {
        key: parts.channel_url.and_then(ChannelKey::of_url),
        name: parts.channel_name.filter(|name| !name.is_empty()),
    };
    Ok(Record::View(ViewRecord { watched_at, video_id, title, channel, kind }))
}

fn ad<'a>(parts: &Parts<'a>, address: Address<'a>, context: &Context) -> Result<Record<'a>, &'static str> {
    let watched_at = watched_at(parts)?;
    let title =
        parts.title.map(|title| context.frames.watch.as_ref().and_then(|frame| frame.strip(title)).unwrap_or(title));
    let title = title.filter(|title| Some(*title) != parts.url);
    Ok(Record::Ad(AdRecord { watched_at, video_id: address.video_id(), url: parts.url, title }))
}

/// A record without an address: a removed video, a post that is gone, a story, or the like. Only words can tell them
/// apart; a wrong guess changes the reason of a skipped record and nothing else.
fn without_address<'a>(parts: &Parts<'a>, title: &str, context: &Context) -> Record<'a> {
    const STORIES: [&str; 4] = ["story", "Story", "storia", "historia"];
    let is_gone_post =
        title.starts_with("Viewed a post") || context.frames.post.as_ref().is_some_and(|frame| frame.touches(title));
    let is_watch = context.frames.watch.as_ref().is_some_and(|frame| {
        let inside = frame.strip(title).unwrap_or(title);
        frame.touches(title) && !STORIES.contains(&inside)
    });
    Record::Skipped(match () {
        () if parts.has_details => SkipReason::Other,
        () if is_gone_post => SkipReason::Post,
        () if is_watch => SkipReason::RemovedWithoutId,
        () => SkipReason::Other,
    })
}

/// Votes have the address of their post.
fn is_poll(title: &str) -> bool {
    title.starts_with("Voted on ")
}
