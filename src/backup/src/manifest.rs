//! What a backup says of itself: a header at its beginning, a manifest at its end. It reads no archive.
//!
//! The header cannot know the hashes, which are taken while the files go by; the manifest can, and is what counts. The
//! header is there so that one can ask a large file what it is, and so that a hostile one is bounded before it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ytorch_core::InstanceName;

/// The form of the archive. A program refuses a number above its own.
pub const FORMAT: u32 = 1;

/// The first member of the archive.
pub(crate) const HEADER: &str = "backup.json";
/// The last member of the archive.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The database in the archive.
pub(crate) const DATABASE: &str = "data/db/ytorch.sqlite3";

/// The first member: what this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`] of the program that made it.
    pub format: u32,
    /// Of which instance.
    pub instance: InstanceName,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// The version of ytorch that made it.
    pub version: String,
    /// Whether `data/media` is in it.
    pub media: bool,
    /// No more bytes than these are in its files.
    pub unpacked_bytes: u64,
}

/// The last member: everything that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`] of the program that made it.
    pub format: u32,
    /// Of which instance.
    pub instance: InstanceName,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// The version of ytorch that made it.
    pub version: String,
    /// Whether `data/media` is in it.
    pub media: bool,
    /// What made the schema of the database.
    pub migrations: Vec<AppliedMigration>,
    /// Every file.
    pub files: Vec<Member>,
    /// The rows of every table of the database.
    pub counts: BTreeMap<String, u64>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path inside the instance.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// Of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A migration that the database has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    /// Whose.
    pub owner: String,
    /// Which.
    pub number: u32,
}

/// Whether a path of an archive may become a file of an instance: plain names below one of the places that are backed
/// up, none of them hidden, so that no path leads outside and none becomes a lock or a temporary file.
pub(crate) fn is_safe(path: &str) -> bool {
    const LONGEST: usize = 4_000;
    let is_plain = |name: &str| {
        !name.is_empty()
            && name.len() <= 255
            && !name.starts_with('.')
            && !name.contains(|letter: char| letter.is_control())
    };
    let is_ours =
        path == DATABASE || ["config/", "data/raw/", "data/media/"].iter().any(|folder| path.starts_with(folder));
    is_ours && path.len() <= LONGEST && path.split('/').all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_in_known_places_are_safe() {
        for path in ["config/instance.toml", "config/secrets/token", DATABASE, "data/raw/ab12", "data/media/a b/ü.mp4"]
        {
            assert!(is_safe(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "config/../../x",
            "config//x",
            "config/",
            "config/./x",
            "data/raw/.incoming-1-0",
            "data/db/other",
            "data/db/server.lock",
            "run/server.lock",
            "logs/x",
            "config/a\nb",
            "manifest.json",
            "data/raw/a\0b",
        ] {
            assert!(!is_safe(path), "{path:?}");
        }
    }

    #[test]
    fn the_stored_form_is_this() {
        let manifest = Manifest {
            format: FORMAT,
            instance: "friend".parse().unwrap(),
            created_at: "2026-01-02T03:04:05.000000Z".to_owned(),
            version: "0.1.0".to_owned(),
            media: false,
            migrations: vec![AppliedMigration { owner: "jobs".to_owned(), number: 1 }],
            files: vec![Member { path: "data/raw/ab".to_owned(), size_bytes: 3, sha256: "cd".to_owned() }],
            counts: [("job".to_owned(), 7)].into(),
        };
        let text = r#"{"format":1,"instance":"friend","created_at":"2026-01-02T03:04:05.000000Z","version":"0.1.0","media":false,"migrations":[{"owner":"jobs","number":1}],"files":[{"path":"data/raw/ab","size_bytes":3,"sha256":"cd"}],"counts":{"job":7}}"#;
        assert_eq!(serde_json::to_string(&manifest).unwrap(), text);
        assert_eq!(serde_json::from_str::<Manifest>(text).unwrap(), manifest);
    }
}
