//! How large the parts of an instance's folder are. It opens no file.

use serde::Serialize;
use ytorch_core::InstanceFolders;

use crate::size;

/// A file or folder and its size; none if it is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Weight {
    /// Where it is, inside the instance's folder.
    pub path: &'static str,
    /// The bytes of all files in it.
    pub size_bytes: Option<u64>,
}

const PARTS: [&str; 9] = [
    "config/instance.toml",
    "config/server.toml",
    "config/secrets",
    "data/db/ytorch.sqlite3",
    "data/raw",
    "data/media",
    "backups",
    "logs",
    "run",
];

/// The parts of a folder, in the order in which people ask for them.
pub(super) fn weights(folders: &InstanceFolders) -> Vec<Weight> {
    let weight = |path: &'static str| {
        let whole = folders.root().join(path);
        let bytes = std::fs::symlink_metadata(&whole)
            .ok()
            .map(|found| if found.is_dir() { size::folder_bytes(&whole) } else { found.len() });
        Weight { path, size_bytes: bytes }
    };
    PARTS.into_iter().map(weight).collect()
}
