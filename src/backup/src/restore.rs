//! Taking a backup apart again: into a folder, or only to see whether it could be. It never writes into one that is used.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::Path,
};

use rustix::fs::Access;
use serde::Serialize;
use ytorch_core::{
    ExitCode, InstanceFolders, InstanceName, Problem,
    files::{create_private_folder, sync_folder},
};
use ytorch_store::open_untouched;

use crate::{
    AppliedMigration, Manifest, Watch, database, failure,
    reading::{Keep, read},
    room::Room,
    work_folder::WorkFolder,
};

/// A backup that was read from the first byte to the last and is whole.
#[derive(Clone, Debug, Serialize)]
pub struct Whole {
    /// Of which instance.
    pub instance: InstanceName,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// The version of ytorch that made it.
    pub version: String,
    /// Whether media are in it.
    pub media: bool,
    /// How many files are in it.
    pub files: usize,
    /// The size of what is in it.
    pub unpacked_bytes: u64,
    /// What made the schema of its database.
    pub migrations: Vec<AppliedMigration>,
    /// The rows of every table.
    pub counts: BTreeMap<String, u64>,
}

/// Reads a backup and says what is in it. The database in it is unpacked beside it for a while, to be checked; where
/// that folder cannot be written, in the system's folder for temporary files.
pub fn verify(archive: &Path, disk_floor_bytes: u64, watch: &mut Watch<'_>) -> Result<Whole, Problem> {
    let work = scratch(archive)?;
    let manifest = read(archive, Keep::Database(work.path()), Room::new(work.path(), disk_floor_bytes), watch)?;
    check_database(archive, work.path(), &manifest)?;
    Ok(whole(manifest))
}

/// Unpacks a backup into a folder that is empty or not there, verifying it meanwhile. On a failure the folder is as it was.
pub fn restore(archive: &Path, folder: &Path, disk_floor_bytes: u64, watch: &mut Watch<'_>) -> Result<Whole, Problem> {
    let failed = |error: io::Error| failure::io(format!("could not restore into `{}`", folder.display()), &error);
    let was_there = must_be_empty(folder)?;
    create_private_folder(folder).map_err(failed)?;
    // Shared with whoever made the folder, so that nobody takes it for a left-over while one of us still works.
    let lock = File::open(folder).map_err(failed)?;
    lock.lock_shared().map_err(failed)?;
    let unpacked = unpack(archive, folder, disk_floor_bytes, watch);
    if unpacked.is_err() {
        clear(folder, was_there);
    }
    unpacked
}

/// Room for something temporary, on the disk of the archive if that can be.
pub(crate) fn scratch(archive: &Path) -> Result<WorkFolder, Problem> {
    let beside = archive.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let elsewhere = std::env::temp_dir();
    let parent = if rustix::fs::access(beside, Access::WRITE_OK).is_ok() { beside } else { &elsewhere };
    WorkFolder::make(parent)
        .map_err(|error| failure::io(format!("could not make a temporary folder in `{}`", parent.display()), &error))
}

fn unpack(archive: &Path, folder: &Path, floor: u64, watch: &mut Watch<'_>) -> Result<Whole, Problem> {
    let manifest = read(archive, Keep::Everything(folder), Room::new(folder, floor), watch)?;
    check_database(archive, folder, &manifest)?;
    sync_folders(folder)
        .map_err(|error| failure::io(format!("could not make `{}` durable", folder.display()), &error))?;
    Ok(whole(manifest))
}

/// Whether the folder is there, which must be empty then.
fn must_be_empty(folder: &Path) -> Result<bool, Problem> {
    let refused = |detail| {
        Err(Problem::new(ExitCode::Refused, format!("could not restore into `{}`", folder.display()))
            .detail(detail)
            .hint("name a folder that does not exist yet; nothing was changed"))
    };
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(true),
        Ok(false) => refused("there is something in it"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => refused("it is a file"),
        Err(error) => Err(failure::io(format!("could not look into `{}`", folder.display()), &error)),
    }
}

/// Removes what was unpacked in vain. What cannot be removed is said, but why it was in vain matters more.
fn clear(folder: &Path, was_there: bool) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut results: Vec<io::Result<()>> = entries.map(|entry| fs::remove_dir_all(entry.path())).collect();
    if !was_there {
        results.push(fs::remove_dir(folder));
    }
    for error in results.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, folder = %folder.display(), "could not remove a part of a restore that failed");
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// The database must be whole, and have the rows that the manifest says.
fn check_database(archive: &Path, folder: &Path, manifest: &Manifest) -> Result<(), Problem> {
    let path = InstanceFolders::new(folder).database();
    let bad = |detail: String| Err(failure::bad(archive, detail));
    if !path.exists() {
        let is_empty = manifest.counts.is_empty() && manifest.migrations.is_empty();
        return if is_empty { Ok(()) } else { bad("there is no database in it".to_owned()) };
    }
    let looked = (|| {
        let connection = open_untouched(&path, false)?;
        Ok((database::faults(&connection)?, database::counts(&connection)?, database::migrations(&connection)?))
    })();
    match looked {
        Err(error) => {
            bad(format!("its database cannot be read: {}", failure::sqlite("", error).detail.unwrap_or_default()))
        }
        Ok((faults, _, _)) if !faults.is_empty() => bad(format!("its database is damaged: {}", faults.join("; "))),
        Ok((_, counts, _)) if counts != manifest.counts => {
            bad("its database has other rows than its manifest says".to_owned())
        }
        Ok((_, _, migrations)) if migrations != manifest.migrations => {
            bad("its database has other migrations than its manifest says".to_owned())
        }
        Ok(_) => Ok(()),
    }
}

fn whole(manifest: Manifest) -> Whole {
    let Manifest { format: _, instance, created_at, version, media, migrations, files, counts } = manifest;
    Whole {
        instance,
        created_at,
        version,
        media,
        files: files.len(),
        unpacked_bytes: files.iter().map(|file| file.size_bytes).sum(),
        migrations,
        counts,
    }
}
