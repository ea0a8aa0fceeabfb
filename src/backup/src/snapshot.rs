//! A copy of the database alone, beside whoever writes it. It copies no file of the person's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Serialize;
use ytorch_core::{
    ExitCode, Problem,
    files::{size_bytes, sync_folder},
};
use ytorch_store::{rusqlite::Connection, vault};

use crate::{
    Watch, create, failure,
    room::Room,
    work_folder::{WorkFolder, sweep},
};

/// Whether the secrets of services outside are in the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// They stay; whoever has the key can read them.
    Kept,
    /// They are removed, and their bytes overwritten.
    Removed,
}

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// It stays, and there is no copy.
    Stays,
    /// The copy takes its place, when it is whole.
    Goes,
}

/// A copy that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshotted {
    /// Where it is.
    pub path: PathBuf,
    /// Its size; nothing if the instance has no database yet, and so no copy.
    pub size_bytes: Option<u64>,
    /// The rows of all tables.
    pub rows: u64,
}

/// Copies the database to a file in a folder that is there. After a kill there is what was there before.
pub fn snapshot(
    database: &Path,
    target: &Path,
    secrets: Secrets,
    present: Present,
    disk_floor_bytes: u64,
    watch: &mut Watch<'_>,
) -> Result<Snapshotted, Problem> {
    if present == Present::Stays && target.exists() {
        return Err(
            Problem::new(ExitCode::Refused, format!("`{}` exists already", target.display())).hint("name another file")
        );
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: &std::io::Error| failure::io(format!("could not write `{}`", target.display()), error);
    sweep(folder);
    let size_bytes = size_bytes(database);
    let mut room = Room::new(folder, disk_floor_bytes);
    room.require(size_bytes)?;
    watch.begin(size_bytes)?;
    let work = WorkFolder::make(folder).map_err(|error| failed(&error))?;
    let (copy, rows) = create::copy_database(database, work.path(), &mut room, watch)?;
    let Some(copy) = copy else {
        return Ok(Snapshotted { path: target.to_owned(), size_bytes: None, rows: 0 });
    };
    if secrets == Secrets::Removed {
        let removed = Connection::open(&copy).and_then(|connection| vault::forget_all(&connection));
        removed.map_err(|error| failure::sqlite("could not remove the secrets from the copy", error))?;
    }
    let published = fs::File::open(&copy).and_then(|file| {
        file.sync_all()?;
        match present {
            Present::Stays => renameat_with(CWD, &copy, CWD, target, RenameFlags::NOREPLACE)?,
            Present::Goes => fs::rename(&copy, target)?,
        }
        sync_folder(folder)?;
        Ok(file.metadata()?.len())
    });
    let size_bytes = published.map_err(|error| failed(&error))?;
    Ok(Snapshotted { path: target.to_owned(), size_bytes: Some(size_bytes), rows })
}
