//! Which views are meant. It does not ask the database.

use utoipa::ToSchema;

/// Scopes for which totals of views are kept: everything, videos, music, Shorts.
pub(crate) const SCOPES: usize = 4;

/// Which part of the history is meant. The numbers are those in the tables, released and never changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ToSchema)]
#[schema(rename_all = "lowercase", default = "all", description = "Which part of the history is meant.")]
pub enum Scope {
    /// Every view.
    #[default]
    All = 0,
    /// Videos and streams: neither music nor Shorts.
    Videos = 1,
    /// YouTube Music.
    Music = 2,
    /// Shorts, as far as the export tells them from videos.
    Shorts = 3,
    /// Advertisements, which are no views.
    Ads = 4,
}

impl Scope {
    /// All of them, in the order of a menu.
    pub const ALL: [Self; 5] = [Self::All, Self::Videos, Self::Music, Self::Shorts, Self::Ads];

    /// The scope of a view's kind as the table has it.
    pub(crate) fn of_kind(kind: u8) -> Self {
        match kind {
            1 => Self::Music,
            2 => Self::Shorts,
            _ => Self::Videos,
        }
    }

    /// The word in addresses and in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Videos => "videos",
            Self::Music => "music",
            Self::Shorts => "shorts",
            Self::Ads => "ads",
        }
    }

    /// The scope of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}
