//! A record as JSON has it. Keys that are not named here are passed over, whatever they hold.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::parse::{classify::Parts, time::timestamp};

/// A text that borrows from the window unless it has escapes.
#[derive(Debug)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// One record of either export, or of those before 2018 (`snippet`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRecord<'a> {
    #[serde(borrow)]
    header: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow, rename = "titleUrl")]
    title_url: Option<Text<'a>>,
    #[serde(borrow)]
    time: Option<Text<'a>>,
    #[serde(borrow)]
    subtitles: First<'a>,
    details: Filled,
    #[serde(borrow)]
    snippet: Option<Snippet<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Snippet<'a> {
    #[serde(borrow, rename = "publishedAt")]
    published_at: Option<Text<'a>>,
    #[serde(borrow)]
    title: Option<Text<'a>>,
    #[serde(borrow, rename = "resourceId")]
    resource: Option<Resource<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow, rename = "videoId")]
    video_id: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subtitle<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

/// The first of a list: the channel.
#[derive(Debug, Default)]
struct First<'a>(Subtitle<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for First<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstVisitor;
        impl<'de> Visitor<'de> for FirstVisitor {
            type Value = First<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of channels")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(First::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let first = list.next_element::<Subtitle<'de>>()?.unwrap_or_default();
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_any(FirstVisitor)
    }
}

/// Whether a list has anything in it.
#[derive(Debug, Default)]
struct Filled(bool);

impl<'de> Deserialize<'de> for Filled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FilledVisitor;
        impl<'de> Visitor<'de> for FilledVisitor {
            type Value = Filled;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of details")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Filled(false))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut filled = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    filled = true;
                }
                Ok(Filled(filled))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut filled = false;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    filled = true;
                }
                Ok(Filled(filled))
            }
        }
        deserializer.deserialize_any(FilledVisitor)
    }
}

impl RawRecord<'_> {
    /// The parts that mean something.
    pub(super) fn parts(&self) -> Parts<'_> {
        fn text<'t>(text: Option<&'t Text<'_>>) -> Option<&'t str> {
            text.map(|text| text.0.as_ref())
        }
        let Subtitle { name, url } = &self.subtitles.0;
        let old = self.snippet.as_ref();
        let time = text(self.time.as_ref()).or_else(|| text(old?.published_at.as_ref()));
        Parts {
            header: text(self.header.as_ref()),
            title: text(self.title.as_ref()).or_else(|| text(old?.title.as_ref())),
            url: text(self.title_url.as_ref()),
            bare_video_id: old.and_then(|old| text(old.resource.as_ref()?.video_id.as_ref())),
            channel_name: text(name.as_ref()),
            channel_url: text(url.as_ref()),
            has_details: self.details.0,
            time: time.and_then(timestamp),
        }
    }
}
