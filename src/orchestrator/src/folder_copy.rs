//! Copies of files that nobody changes in place: source files, media, settings. It copies no database that is in use.
//!
//! Where the file system can share blocks, a copy takes no space (`std::fs::copy` asks the kernel for that first).

use std::{
    fs::{self, DirEntry, File},
    io,
    path::Path,
};

use ytorch_core::files::{create_private_folder, sync_folder};

use crate::spec::is_absent;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Copies the files of a folder that `wanted` says yes to, and makes them durable. As in a backup, hidden files, which are
/// temporary, and links are left out; a file that goes away meanwhile was temporary, too. A folder that is not there has none.
pub(crate) fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let entries = match fs::read_dir(from) {
        Err(error) if is_absent(&error) => return Ok(copied),
        entries => entries?,
    };
    create_private_folder(to)?;
    for entry in entries {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") || !wanted(&entry.path()) {
            continue;
        }
        let more = copy_entry(&entry, &to.join(entry.file_name()), wanted)?;
        copied.files += more.files;
        copied.bytes += more.bytes;
    }
    sync_folder(to)?;
    Ok(copied)
}

fn copy_entry(entry: &DirEntry, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> io::Result<Copied> {
    let kind = entry.file_type()?;
    if kind.is_dir() {
        return copy(&entry.path(), to, wanted);
    }
    if !kind.is_file() {
        return Ok(Copied::default());
    }
    match fs::copy(entry.path(), to) {
        Err(error) if is_absent(&error) => Ok(Copied::default()),
        bytes => {
            let bytes = bytes?;
            File::open(to)?.sync_all()?;
            Ok(Copied { files: 1, bytes })
        }
    }
}
