//! Backups as files: how they are called, and which there are. What is inside one, it does not know.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use jiff::{civil::DateTime, tz::TimeZone};

use crate::{InstanceName, Timestamp};

/// How every backup ends.
const ENDING: &str = ".ytorch.tar.gz";
/// Date and time in UTC, without signs that a file system could mind. Names of one instance sort like their instants.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// The name of a backup: `INSTANCE-YYYYMMDDTHHMMSSZ.ytorch.tar.gz`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BackupName {
    /// Of which instance.
    pub instance: InstanceName,
    /// When it was begun, in whole seconds.
    pub created_at: Timestamp,
}

impl BackupName {
    /// The name of a backup that is begun at this instant.
    pub fn new(instance: InstanceName, created_at: Timestamp) -> Self {
        Self { instance, created_at: Timestamp::from_seconds(created_at.second()) }
    }

    /// Reads a file's name; `None` if it is not that of a backup.
    pub fn parse(text: &str) -> Option<Self> {
        let (instance, stamp) = text.strip_suffix(ENDING)?.rsplit_once('-')?;
        let at = DateTime::strptime(STAMP, stamp).ok()?.to_zoned(TimeZone::UTC).ok()?;
        let name = Self::new(instance.parse().ok()?, at.timestamp().into());
        // Only the one spelling counts, so that a name read and written again is itself.
        (name.to_string() == text).then_some(name)
    }

    /// An instant as it stands in names.
    pub fn stamp(at: Timestamp) -> String {
        at.to_jiff().strftime(STAMP).to_string()
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}{ENDING}", self.instance, Self::stamp(self.created_at))
    }
}

/// A file that is called as a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// What its name says.
    pub name: BackupName,
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
}

/// The backups of an instance in a folder, the newest first. A folder that is not there has none.
pub fn list(folder: &Path, instance: &InstanceName) -> io::Result<Vec<BackupFile>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(BackupName::parse) else { continue };
        let metadata = entry.metadata()?;
        if name.instance == *instance && metadata.is_file() {
            found.push(BackupFile { name, path: entry.path(), size_bytes: metadata.len() });
        }
    }
    found.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written() {
        let name = BackupName::new("my-friend".parse().unwrap(), Timestamp::from_micros(1_700_000_000_123_456));
        assert_eq!(name.to_string(), "my-friend-20231114T221320Z.ytorch.tar.gz");
        assert_eq!(BackupName::parse(&name.to_string()), Some(name));
    }

    #[test]
    fn other_names_are_none() {
        for text in [
            "",
            "friend.ytorch.tar.gz",
            "friend-20231114T221320Z.tar.gz",
            ".friend-20231114T221320Z.ytorch.tar.gz",
            "friend-20231314T221320Z.ytorch.tar.gz",
            "friend-2023111T221320Z.ytorch.tar.gz",
            "../x-20231114T221320Z.ytorch.tar.gz",
        ] {
            assert_eq!(BackupName::parse(text), None, "{text:?}");
        }
    }
}
