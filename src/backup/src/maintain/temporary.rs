//! Temporary files that nobody will finish. A file whose name holds the id of a living process is somebody's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, test_kill_process};
use ytorch_core::InstanceFolders;

use crate::work_folder;

/// Files and folders of an instance that works have left that were killed, sorted.
pub(super) fn leftovers(folders: &InstanceFolders) -> Vec<PathBuf> {
    let places = [
        folders.config(),
        folders.secrets(),
        folders.raw(),
        folders.database_folder(),
        folders.run(),
        folders.logs(),
        folders.backups(),
    ];
    let mut found: Vec<PathBuf> = places.iter().flat_map(|place| in_folder(place)).collect();
    // Half a backup, which says by a lock whether somebody works on it.
    found.extend(work_folder::leftovers(&folders.backups()));
    found.sort();
    found
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_left = |entry: &fs::DirEntry| {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let owner = entry.file_name().to_str().and_then(owner);
        is_file && owner.is_some_and(|owner| !is_alive(owner))
    };
    entries.filter(is_left).map(|entry| entry.path()).collect()
}

/// The process that a temporary file's name says it belongs to: `.incoming-PID-NUMBER` of an upload, `.NAME.PID.tmp` of
/// a file that is written anew.
fn owner(name: &str) -> Option<u32> {
    let text = match name.strip_prefix(".incoming-") {
        Some(rest) => rest.split_once('-').filter(|(_, number)| number.parse::<u64>().is_ok())?.0,
        None => name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?.1,
    };
    text.parse().ok()
}

fn is_alive(process: u32) -> bool {
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_stands_in_the_name() {
        assert_eq!(owner(".incoming-77-3"), Some(77));
        assert_eq!(owner(".server.toml.42.tmp"), Some(42));
        for name in ["incoming-77-3", ".incoming-77", ".incoming-x-3", "a.42.tmp", ".a.tmp", ".a.b.tmp", "abc", ""] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
