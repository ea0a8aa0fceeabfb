//! A copy of the database alone, to go back to. It is no backup: it has no files, no manifest, and one place.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::Serialize;
use ytorch_core::{
    Problem,
    files::{create_private_folder, sync_folder},
};
use ytorch_store::open_untouched;

use crate::{Watch, database, failure, room::Room};

/// A copy that was made and found whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size_bytes: u64,
}

/// Copies a database as it is at this moment to a file, in place of what is there, beside whoever writes it.
///
/// What was there goes only when the copy is whole and on the disk; a kill leaves a hidden file that the next one
/// writes anew. Two at a time to one place are the caller's mistake.
///
/// # Errors
/// If there is no room beyond `floor_bytes`, the copy cannot be made, or the database is damaged.
pub fn snapshot(source: &Path, to: &Path, floor_bytes: u64, watch: &mut Watch<'_>) -> Result<Snapshot, Problem> {
    let failed = |error: &std::io::Error| failure::io(format!("could not write `{}`", to.display()), error);
    let folder = to.parent().unwrap_or(Path::new("."));
    create_private_folder(folder).map_err(|error| failed(&error))?;
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = folder.join(format!(".{}.unfinished", name.trim_start_matches('.')));
    let result = copy(source, &unfinished, floor_bytes, watch);
    let made = result.and_then(|()| {
        let size_bytes = fs::metadata(&unfinished).map_err(|error| failed(&error))?.len();
        fs::rename(&unfinished, to).and_then(|()| sync_folder(folder)).map_err(|error| failed(&error))?;
        Ok(Snapshot { path: to.to_owned(), size_bytes })
    });
    if made.is_err() {
        // The reason of the failure matters more than a left-over, which the next one replaces.
        let _ = fs::remove_file(&unfinished);
    }
    made
}

/// Makes a copy that is whole and synced.
fn copy(source: &Path, target: &Path, floor_bytes: u64, watch: &mut Watch<'_>) -> Result<(), Problem> {
    let failed = |error: &std::io::Error| failure::io(format!("could not write `{}`", target.display()), error);
    match fs::remove_file(target) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    let size_bytes = fs::metadata(source)
        .map_err(|error| failure::io(format!("could not look at `{}`", source.display()), &error))?
        .len();
    let mut room = Room::new(target.parent().unwrap_or(Path::new(".")), floor_bytes);
    room.require(size_bytes)?;
    watch.begin(size_bytes)?;
    database::copy(source, target, &mut room, watch)?;
    File::open(target).and_then(|file| file.sync_all()).map_err(|error| failed(&error))?;
    let connection = open_untouched(target, false)
        .map_err(|error| failure::sqlite("could not open the copy of the database", error))?;
    let faults = database::quick_faults(&connection)
        .map_err(|error| failure::sqlite("could not check the copy of the database", error))?;
    if faults.is_empty() { Ok(()) } else { Err(database::damaged(&faults)) }
}
