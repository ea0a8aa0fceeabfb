//! The nouns of a watch history: what a record of an export means. It does not read bytes and knows no table.

use std::{borrow::Cow, ops::RangeInclusive};

use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::Timestamp;

/// What kind of view a record tells of, as far as its address and header say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ViewKind {
    /// A video with a plain address. Most Shorts and streams look like this too.
    Video,
    /// YouTube Music.
    Music,
    /// A Short with an address of its own kind.
    Short,
    /// A stream with an address of its own kind.
    Live,
}

/// How a record names a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKey<'a> {
    /// By its id, `UC…`.
    Id(&'a str),
    /// By its handle, without the `@`.
    Handle(&'a str),
    /// By its old user name.
    User(&'a str),
    /// By its custom address.
    Custom(&'a str),
}

impl<'a> ChannelKey<'a> {
    /// The channel of an address such as `https://www.youtube.com/channel/UC…`.
    pub fn of_url(url: &'a str) -> Option<Self> {
        // Nearly all of a million addresses begin like this.
        let usual = url.strip_prefix("https://www.youtube.com/");
        let path = usual.or_else(|| url.split_once("youtube.com/").map(|(_, path)| path))?;
        let path = path.split(['?', '#']).next()?.trim_end_matches('/');
        let name =
            |text: &'a str| text.split('/').next().filter(|name| !name.is_empty() && name.len() <= MAX_KEY_LENGTH);
        if let Some(id) = path.strip_prefix("channel/") {
            return name(id).map(Self::Id);
        }
        if let Some(handle) = path.strip_prefix('@') {
            return name(handle).map(Self::Handle);
        }
        if let Some(user) = path.strip_prefix("user/") {
            return name(user).map(Self::User);
        }
        path.strip_prefix("c/").and_then(name).map(Self::Custom)
    }

    /// The one text that stands for the channel: `UC…`, `@handle`, `user/…` or `c/…`.
    pub fn text(self) -> Cow<'a, str> {
        match self {
            Self::Id(id) => Cow::Borrowed(id),
            Self::Handle(handle) => Cow::Owned(format!("@{handle}")),
            Self::User(user) => Cow::Owned(format!("user/{user}")),
            Self::Custom(custom) => Cow::Owned(format!("c/{custom}")),
        }
    }

    /// Whether it is the channel's id, which no other channel can have.
    pub fn is_id(self) -> bool {
        matches!(self, Self::Id(_))
    }
}

const MAX_KEY_LENGTH: usize = 200;

/// The channel of a record: any part of it may be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelRef<'a> {
    /// Which channel.
    pub key: Option<ChannelKey<'a>>,
    /// What it is called.
    pub name: Option<&'a str>,
}

/// One watching of one video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewRecord<'a> {
    /// When, as precisely as the export says.
    pub watched_at: Timestamp,
    /// The video's id: [`is_video_id`].
    pub video_id: &'a str,
    /// Its title; `None` if the export only has its address.
    pub title: Option<&'a str>,
    /// Its channel.
    pub channel: ChannelRef<'a>,
    /// What kind of view.
    pub kind: ViewKind,
}

/// One advertisement. It is no view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdRecord<'a> {
    /// When it was shown.
    pub watched_at: Timestamp,
    /// The video's id, if it was a video.
    pub video_id: Option<&'a str>,
    /// Where it led.
    pub url: Option<&'a str>,
    /// What the export calls it.
    pub title: Option<&'a str>,
}

/// Why a record that is neither a view nor an advertisement was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// A community post.
    Post,
    /// A removed video of which the export keeps no address.
    RemovedWithoutId,
    /// Anything else: searches, polls, visits, stories.
    Other,
}

/// What a record of an export turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A view.
    View(ViewRecord<'a>),
    /// An advertisement.
    Ad(AdRecord<'a>),
    /// Nothing that this pipeline keeps.
    Skipped(SkipReason),
}

/// The years in which anyone can have watched YouTube. An instant outside them is a fault of the export.
pub const YEARS: RangeInclusive<i16> = 2005..=2099;

/// Whether an instant lies in [`YEARS`] (UTC).
pub fn is_plausible(watched_at: Timestamp) -> bool {
    const FIRST_SECOND: i64 = 1_104_537_600;
    const LAST_SECOND: i64 = 4_102_444_799;
    (FIRST_SECOND..=LAST_SECOND).contains(&watched_at.second())
}

/// Whether a text can be the id of a video: 1 to 64 of `A-Z a-z 0-9 _ -`.
pub fn is_video_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed)
}
