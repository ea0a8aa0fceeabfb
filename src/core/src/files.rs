//! Files that are whole or not there. It does not know what is in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Mode 0644: settings and specs.
    Shared,
    /// Mode 0600: secrets.
    Private,
}

/// Writes a file so that a kill or a power cut leaves the old content or the new one, never a part.
///
/// The bytes go to a hidden file beside it, which is synced, renamed over it, and made durable by syncing the folder.
pub fn write_atomically(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| io::Error::other("a file to write needs a name"))?;
    let temporary = folder.join(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let mode = match access {
        Access::Shared => 0o644,
        Access::Private => 0o600,
    };
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        // The reason of the failure matters more than a left-over of a few bytes.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_folder(folder)
}

/// The size of a file in bytes; one that is not there takes no room.
pub fn size_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Makes the renames and removals in a folder durable.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Creates a folder and its parents, readable by its owner only (mode 0700). One that is there already is left as it is.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_private_file_is_private_and_replaced_whole() {
        let folder = std::env::temp_dir().join(format!("ytorch-core-files-{}", std::process::id()));
        create_private_folder(&folder).unwrap();
        let path = folder.join("token");
        write_atomically(&path, b"first", Access::Private).unwrap();
        write_atomically(&path, b"second", Access::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "a temporary file was left");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let folder = std::env::temp_dir().join(format!("ytorch-core-fails-{}", std::process::id()));
        create_private_folder(&folder.join("taken")).unwrap();
        assert!(write_atomically(&folder.join("taken"), b"x", Access::Shared).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
