//! What was found in the files given, and what to tell a person if there was no history. It reads nothing.

use std::{fmt, path::PathBuf};

use ytorch_core::{ExitCode, Problem};

/// In which form a history was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// HTML.
    Html,
}

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A watch history.
    WatchHistory(Format),
    /// Google's "My Activity" of YouTube, which holds the watch history too.
    MyActivity(Format),
    /// A search history, which holds no views.
    SearchHistory,
    /// No list of activities at all.
    Nothing,
}

impl Found {
    /// Whether its records were read.
    pub fn is_history(self) -> bool {
        matches!(self, Self::WatchHistory(_) | Self::MyActivity(_))
    }
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WatchHistory(Format::Json) => "watch history (JSON)",
            Self::WatchHistory(Format::Html) => "watch history (HTML)",
            Self::MyActivity(Format::Json) => "My Activity (JSON)",
            Self::MyActivity(Format::Html) => "My Activity (HTML)",
            Self::SearchHistory => "search history",
            Self::Nothing => "no history",
        })
    }
}

/// One file, or one file inside an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberReport {
    /// Position of its source among those given.
    pub source: usize,
    /// Its path inside the archive; the source's name where there is none.
    pub path: String,
    /// What it is.
    pub found: Found,
    /// Records in it.
    pub records: u64,
    /// Of them, records that could not be read.
    pub rejected: u64,
    /// Why it was left out, or what to know about it.
    pub note: Option<String>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("could not read `{path}`")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file or archive expands beyond all measure.
    #[error("`{name}` unpacks to more than {limit}")]
    TooLarge {
        /// Which.
        name: String,
        /// The limit, in words.
        limit: String,
    },
    /// None of the files holds a watch history.
    #[error("no watch history was found: {found}")]
    NoHistory {
        /// What was found instead.
        found: String,
    },
    /// The taker of records gave up.
    #[error("the import was stopped")]
    Stopped,
}

const HOW_TO_EXPORT: &str = "at takeout.google.com deselect all, choose YouTube and YouTube Music, there only `history`, \
     set its format to JSON, and give the downloaded .zip (all parts of it) as it is";

impl From<&ReadError> for Problem {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Unreadable { source, .. } => {
                let code = match source.kind() {
                    std::io::ErrorKind::NotFound => ExitCode::NotFound,
                    _ => ExitCode::BadExport,
                };
                Self::new(code, error.to_string())
                    .because(source)
                    .hint("check the path and the permissions, and that the download is complete")
            }
            ReadError::TooLarge { .. } => Self::new(ExitCode::BadExport, error.to_string())
                .detail("no real export grows so much, so it was not read further")
                .hint(HOW_TO_EXPORT),
            ReadError::NoHistory { found } => {
                Self::new(ExitCode::BadExport, "no watch history was found").detail(found).hint(HOW_TO_EXPORT)
            }
            ReadError::Stopped => Self::new(ExitCode::Failure, error.to_string()).hint("import the export again"),
        }
    }
}
