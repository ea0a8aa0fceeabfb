//! A copy of the database alone, to go back to. It is no backup: it has no files, no manifest, and one place.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use ytorch_core::{
    Problem,
    files::{create_private_folder, sync_folder},
};
use ytorch_store::open_untouched;

use crate::{
    Watch, database, failure,
    room::Room,
    work_folder::{WorkFolder, sweep},
};

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
/// What was there goes only when the copy is whole and on the disk. A kill leaves a hidden folder that the next copy or
/// backup sweeps.
///
/// # Errors
/// If there is no room beyond `floor_bytes`, the copy cannot be made, or the database is damaged.
pub fn snapshot(source: &Path, to: &Path, floor_bytes: u64, watch: &mut Watch<'_>) -> Result<Snapshot, Problem> {
    let failed = |error: &io::Error| failure::io(format!("could not write `{}`", to.display()), error);
    let folder = to.parent().unwrap_or(Path::new("."));
    create_private_folder(folder).map_err(|error| failed(&error))?;
    sweep(folder);
    let work = WorkFolder::make(folder).map_err(|error| failed(&error))?;
    let copied = work.path().join("database");
    let size_bytes = copy(source, &copied, floor_bytes, watch)?;
    fs::rename(&copied, to).and_then(|()| sync_folder(folder)).map_err(|error| failed(&error))?;
    Ok(Snapshot { path: to.to_owned(), size_bytes })
}

/// Makes a copy that is whole and synced, and says how large it is.
fn copy(source: &Path, target: &Path, floor_bytes: u64, watch: &mut Watch<'_>) -> Result<u64, Problem> {
    let size_bytes = fs::metadata(source)
        .map_err(|error| failure::io(format!("could not look at `{}`", source.display()), &error))?
        .len();
    let mut room = Room::new(target.parent().unwrap_or(Path::new(".")), floor_bytes);
    room.require(size_bytes)?;
    watch.begin(size_bytes)?;
    database::copy(source, target, &mut room, watch)?;
    let synced = File::open(target).and_then(|file| file.sync_all().and_then(|()| file.metadata()));
    let copied = synced.map_err(|error| failure::io(format!("could not write `{}`", target.display()), &error))?.len();
    let faults = open_untouched(target, false)
        .and_then(|connection| database::quick_faults(&connection))
        .map_err(|error| failure::sqlite("could not check the copy of the database", error))?;
    if faults.is_empty() { Ok(copied) } else { Err(database::damaged(&faults)) }
}
