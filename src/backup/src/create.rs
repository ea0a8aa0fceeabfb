//! Making a backup, beside a running server. It takes no lock on the instance and writes nothing into it but `backups/`.
//!
//! The database is copied first and the files after it: whatever file a row of the copy names was on the disk before
//! the row was. A file that goes away while it is being copied is left out; only an import that failed removes one, and
//! no row that counts names it.

mod publish;
mod writer;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use ytorch_core::{
    Clock, InstanceFolders, InstanceName, Problem, Timestamp,
    files::{self, create_private_folder},
};
use ytorch_store::open_untouched;

use crate::{
    AppliedMigration, FORMAT, Header, Manifest, Watch, database, failure,
    manifest::DATABASE,
    member::{Source, sources},
    room::Room,
    work_folder::{WorkFolder, sweep},
};

use publish::{publish, taken};
use writer::{Added, Writer};

/// Whether `data/media` goes along, which may be many times as large as all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Leave it out.
    Without,
    /// Take it along.
    With,
}

/// Where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Into this folder, under a name with the time. The folder is made if there is none.
    Folder(PathBuf),
    /// To this file, which must not exist.
    File(PathBuf),
}

/// What is to be backed up, and where to.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The name that the backup carries.
    pub instance: &'a InstanceName,
    /// The instance.
    pub folders: &'a InstanceFolders,
    /// Where it goes.
    pub target: Target,
    /// Whether media go along.
    pub media: Media,
    /// Space that stays free on the disk of the target.
    pub disk_floor_bytes: u64,
    /// The version of the program.
    pub version: &'a str,
    /// The clock.
    pub clock: &'a Clock,
}

/// A backup that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Created {
    /// Where it is.
    pub path: PathBuf,
    /// Of which instance.
    pub instance: InstanceName,
    /// When it was begun, RFC 3339 in UTC.
    pub created_at: String,
    /// The size of the archive.
    pub size_bytes: u64,
    /// The size of what is in it.
    pub unpacked_bytes: u64,
    /// How many files are in it.
    pub files: usize,
    /// Whether media are in it.
    pub media: bool,
    /// The rows of every table.
    pub counts: BTreeMap<String, u64>,
}

/// The database as it is copied.
#[derive(Default)]
struct Snapshot {
    source: Option<Source>,
    migrations: Vec<AppliedMigration>,
    counts: BTreeMap<String, u64>,
}

impl Target {
    fn folder(&self) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.clone(),
            Self::File(file) => parent(file),
        }
    }
}

/// Makes a backup. After a kill, a full disk or a cancel there is none, and nothing that looks like one.
pub fn create(request: &Request<'_>, watch: &mut Watch<'_>) -> Result<Created, Problem> {
    if let Target::File(file) = &request.target
        && file.exists()
    {
        return Err(taken(file));
    }
    let folder = request.target.folder();
    create_private_folder(&folder).map_err(|error| failed(&folder, &error))?;
    sweep(&folder);
    let mut room = Room::new(&folder, request.disk_floor_bytes);
    let database_bytes = files::size_bytes(&request.folders.database());
    let files_bytes: u64 = sources(request.folders, request.media)?.iter().map(|source| source.size_bytes).sum();
    // The database is there twice for a while: as a copy and in the archive, which may not get any smaller.
    room.require(database_bytes * 2 + files_bytes)?;
    watch.begin(database_bytes * 2 + files_bytes)?;
    let began = request.clock.now();
    let work = WorkFolder::make(&folder).map_err(|error| failed(&folder, &error))?;
    let snapshot = take_snapshot(&request.folders.database(), work.path(), &mut room, watch)?;
    let unfinished = work.path().join("archive");
    let manifest = write_archive(request, began, snapshot, &unfinished, room, watch)?;
    let path = publish(request, began, &unfinished)?;
    summary(path, manifest).map_err(|error| failed(&folder, &error))
}

fn failed(folder: &Path, error: &io::Error) -> Problem {
    failure::io(format!("could not write a backup to `{}`", folder.display()), error)
}

/// The folder of a file that a person named.
fn parent(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}

/// Copies the database and looks whether the copy is whole, for a backup of a damaged one would be worth nothing.
fn take_snapshot(original: &Path, work: &Path, room: &mut Room, watch: &mut Watch<'_>) -> Result<Snapshot, Problem> {
    if !original.exists() {
        return Ok(Snapshot::default());
    }
    let file = work.join("ytorch.sqlite3");
    database::copy(original, &file, room, watch)?;
    let failed = |error| {
        if watch.is_cancelled() {
            return failure::cancelled();
        }
        failure::sqlite("could not check the copy of the database", error)
    };
    let mut connection = open_untouched(&file, false).map_err(failed)?;
    let faults = database::until_over(&mut connection, watch, database::faults).map_err(failed)?;
    if !faults.is_empty() {
        return Err(database::damaged(&faults));
    }
    let size_bytes =
        fs::metadata(&file).map_err(|error| failure::io("could not read the copy of the database", &error))?;
    Ok(Snapshot {
        migrations: database::migrations(&connection).map_err(failed)?,
        counts: database::counts(&connection).map_err(failed)?,
        source: Some(Source { path: DATABASE.to_owned(), file, size_bytes: size_bytes.len() }),
    })
}

/// Copies the database into a folder, whole and looked after: where the copy is, and its rows. `None` if there is no database.
pub(crate) fn copy_database(
    original: &Path,
    work: &Path,
    room: &mut Room,
    watch: &mut Watch<'_>,
) -> Result<(Option<PathBuf>, u64), Problem> {
    let Snapshot { source, migrations: _, counts } = take_snapshot(original, work, room, watch)?;
    Ok((source.map(|source| source.file), counts.values().sum()))
}

fn write_archive(
    request: &Request<'_>,
    began: Timestamp,
    snapshot: Snapshot,
    unfinished: &Path,
    room: Room,
    watch: &mut Watch<'_>,
) -> Result<Manifest, Problem> {
    let mut sources = sources(request.folders, request.media)?;
    sources.splice(0..0, snapshot.source);
    let header = Header {
        format: FORMAT,
        instance: request.instance.clone(),
        created_at: began.to_string(),
        version: request.version.to_owned(),
        media: request.media == Media::With,
        unpacked_bytes: sources.iter().map(|source| source.size_bytes).sum(),
    };
    let mut writer = Writer::begin(unfinished, &header, began, room)?;
    let mut files = Vec::new();
    for source in &sources {
        match writer.add(source, watch)? {
            Added::Whole(member) => files.push(member),
            Added::Vanished => tracing::info!(path = source.path, "a file went away while it was backed up"),
        }
    }
    let Header { format, instance, created_at, version, media, unpacked_bytes: _ } = header;
    let Snapshot { migrations, counts, source: _ } = snapshot;
    let manifest = Manifest { format, instance, created_at, version, media, migrations, files, counts };
    writer.finish(&manifest)?;
    Ok(manifest)
}

fn summary(path: PathBuf, manifest: Manifest) -> io::Result<Created> {
    let size_bytes = File::open(&path)?.metadata()?.len();
    let Manifest { format: _, instance, created_at, version: _, media, migrations: _, files, counts } = manifest;
    Ok(Created {
        path,
        instance,
        created_at,
        size_bytes,
        unpacked_bytes: files.iter().map(|file| file.size_bytes).sum(),
        files: files.len(),
        media,
        counts,
    })
}
