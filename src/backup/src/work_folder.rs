//! A hidden folder for what is not finished. It is gone when the work is: by its owner, or after a kill by the next.
//!
//! Its owner holds a lock (`flock`) on a file in it, so nobody has to guess by a process id whether the owner still
//! lives. A file and not the folder itself, because network file systems lock only what is open for writing.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

const PREFIX: &str = ".ytorch-backup-";
const ENDING: &str = ".tmp";
const LOCK: &str = "lock";

/// A folder of mode 0700. Dropping it removes it with all that is in it.
pub(crate) struct WorkFolder {
    path: PathBuf,
    _lock: File,
}

impl WorkFolder {
    /// Makes one inside `parent`.
    pub(crate) fn make(parent: &Path) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let path = parent.join(format!("{PREFIX}{}-{number}{ENDING}", std::process::id()));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            if let Some(lock) = lock(&path)? {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "could not remove a temporary folder");
        }
    }
}

/// The lock of a new folder; `None` if a sweep took the folder for a left-over before it was locked.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let file = match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    file.lock()?;
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        found => Ok((found?.ino() == file.metadata()?.ino()).then_some(file)),
    }
}

/// Whether nobody works there any more.
fn is_dead(folder: &Path) -> bool {
    match OpenOptions::new().read(true).write(true).open(folder.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Folders of works that were killed. One that cannot be looked at is nobody's to remove.
pub(crate) fn leftovers(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(PREFIX) && name.ends_with(ENDING)
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_ours(path) && path.is_dir() && is_dead(path))
        .collect();
    paths.sort();
    paths
}

/// Removes the folders of works that were killed.
pub(crate) fn sweep(parent: &Path) {
    for path in leftovers(parent) {
        match fs::remove_dir_all(&path) {
            Ok(()) => tracing::info!(path = %path.display(), "removed what a killed backup had left"),
            Err(error) => tracing::warn!(%error, path = %path.display(), "could not remove what a killed backup left"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_use_is_no_left_over_and_one_without_an_owner_is() {
        let parent = tempfile::tempdir().unwrap();
        let ours = WorkFolder::make(parent.path()).unwrap();
        let dead = parent.path().join(".ytorch-backup-1-0.tmp");
        fs::create_dir_all(dead.join("inside")).unwrap();
        fs::create_dir(parent.path().join(".ytorch-backup-of-mine")).unwrap();
        assert_eq!(leftovers(parent.path()), [dead]);
        sweep(parent.path());
        assert!(ours.path().is_dir());
        drop(ours);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
