//! Reading an archive once, from the first byte to the last, trusting none of them. It opens no database.
//!
//! Names are taken only if [`is_safe`] says so, only plain files are taken, and the header at the beginning bounds how
//! much may follow: so an archive from elsewhere can neither write beside the folder nor fill the disk.

mod entries;

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use ytorch_core::{ExitCode, Problem, files::create_private_folder, hexadecimal};

use crate::{
    FORMAT, Header, Manifest, Member, Watch, failure,
    manifest::{DATABASE, HEADER, MANIFEST, is_safe},
    room::Room,
};

use entries::{Archive, Entry};

/// A header is some hundred bytes.
const HEADER_BYTES: u64 = 64 << 10;
/// A manifest of several hundred thousand files.
const MANIFEST_BYTES: u64 = 64 << 20;
/// Names of files, all together: what a hostile archive may make us remember.
const NAMES_BYTES: u64 = 16 << 20;

/// What is kept of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep<'a> {
    /// Every file, under its path in this folder.
    Everything(&'a Path),
    /// The database only, under its path in this folder.
    Database(&'a Path),
}

/// The first member: of which instance a backup is, and from when. The rest is not looked at.
pub fn header(archive: &Path) -> Result<Header, Problem> {
    let (mut progress, never) = (|_, _| {}, || false);
    let mut watch = Watch::new(&mut progress, &never);
    Archive::open(archive, &mut watch)?
        .for_each(|entry| first(archive, entry).map(Some))?
        .ok_or_else(|| foreign(archive))
}

/// Reads all of an archive: each file that the manifest names is there as it says, and nothing else is.
pub(crate) fn read(archive: &Path, keep: Keep<'_>, room: Room, watch: &mut Watch<'_>) -> Result<Manifest, Problem> {
    let mut reading =
        Reading { archive, keep, room, header: None, found: BTreeMap::new(), manifest: None, taken: Taken::default() };
    let mut entries = Archive::open(archive, watch)?;
    entries.for_each(|entry| reading.take(entry).map(|()| None::<()>))?;
    entries.finish()?;
    reading.agree()
}

struct Reading<'a> {
    archive: &'a Path,
    keep: Keep<'a>,
    room: Room,
    header: Option<Header>,
    found: BTreeMap<String, (u64, String)>,
    manifest: Option<Manifest>,
    taken: Taken,
}

/// How much was taken so far.
#[derive(Default)]
struct Taken {
    files_bytes: u64,
    names_bytes: u64,
}

impl Reading<'_> {
    fn take(&mut self, entry: &mut Entry<'_>) -> Result<(), Problem> {
        let Some(header) = &self.header else {
            let header = first(self.archive, entry)?;
            if let Keep::Everything(_) = self.keep {
                self.room.require(header.unpacked_bytes)?;
            }
            self.header = Some(header);
            return Ok(());
        };
        let most = header.unpacked_bytes;
        if self.manifest.is_some() {
            return Err(self.bad(format!("`{}` follows the manifest, which must be the last", entry.shown())));
        }
        if entry.path == MANIFEST.as_bytes() {
            self.manifest = Some(json(self.archive, entry, MANIFEST_BYTES)?);
            return Ok(());
        }
        let path = std::str::from_utf8(&entry.path).ok().filter(|path| is_safe(path));
        let path =
            path.ok_or_else(|| self.bad(format!("the name `{}` is not one of a backup", entry.shown())))?.to_owned();
        self.taken.files_bytes = self.taken.files_bytes.saturating_add(entry.size_bytes);
        self.taken.names_bytes += path.len() as u64;
        if self.taken.files_bytes > most || self.taken.names_bytes > NAMES_BYTES {
            return Err(self.bad("it holds more than it says"));
        }
        if self.found.contains_key(&path) {
            return Err(self.bad(format!("`{path}` is in it twice")));
        }
        let sha256 = self.store(&path, entry)?;
        self.found.insert(path, (entry.size_bytes, sha256));
        Ok(())
    }

    /// Hashes a file and keeps it, if it is to be kept.
    fn store(&mut self, path: &str, entry: &mut Entry<'_>) -> Result<String, Problem> {
        let kept = match self.keep {
            Keep::Everything(folder) => Some(folder.join(path)),
            Keep::Database(folder) => (path == DATABASE).then(|| folder.join(path)),
        };
        let could_not_write = |error: &io::Error| failure::io(format!("could not write `{path}`"), error);
        let mut file = kept.as_deref().map(create).transpose().map_err(|error| could_not_write(&error))?;
        if file.is_some() {
            self.room.require(entry.size_bytes)?;
        }
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        let mut left = entry.size_bytes;
        while left > 0 {
            let count = entry.read(&mut buffer).map_err(|error| unreadable(self.archive, &error))?;
            if count == 0 {
                return Err(self.bad(format!("it ends in the middle of `{path}`")));
            }
            left = left.saturating_sub(count as u64);
            hash.update(&buffer[..count]);
            if let Some(file) = &mut file {
                self.room.write(count as u64)?;
                file.write_all(&buffer[..count]).map_err(|error| could_not_write(&error))?;
            }
        }
        file.map_or(Ok(()), |file| file.sync_all()).map_err(|error| could_not_write(&error))?;
        Ok(hexadecimal(&hash.finalize()))
    }

    /// Compares what was found with what the manifest says.
    fn agree(mut self) -> Result<Manifest, Problem> {
        let (Some(header), Some(manifest)) = (self.header.take(), self.manifest.take()) else {
            return Err(self.bad("it ends before its manifest"));
        };
        if (&header.instance, &header.created_at, header.format)
            != (&manifest.instance, &manifest.created_at, manifest.format)
        {
            return Err(self.bad("its beginning and its end are of two backups"));
        }
        for Member { path, size_bytes, sha256 } in &manifest.files {
            match self.found.remove(path) {
                None => return Err(self.bad(format!("`{path}` is missing"))),
                Some((size, _)) if size != *size_bytes => {
                    return Err(self.bad(format!("`{path}` has {size} bytes instead of {size_bytes}")));
                }
                Some((_, hash)) if hash != *sha256 => {
                    return Err(self.bad(format!("`{path}` is damaged: its hash differs")));
                }
                Some(_) => {}
            }
        }
        match self.found.keys().next() {
            Some(path) => Err(self.bad(format!("`{path}` is in it but not in its manifest"))),
            None => Ok(manifest),
        }
    }

    fn bad(&self, detail: impl std::fmt::Display) -> Problem {
        failure::bad(self.archive, detail)
    }
}

/// A new file of mode 0600, in folders of mode 0700.
fn create(path: &Path) -> io::Result<File> {
    let folder: PathBuf = path.parent().unwrap_or(Path::new(".")).to_owned();
    create_private_folder(&folder)?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The first entry, which must be the header of a form that this program knows.
fn first(archive: &Path, entry: &mut Entry<'_>) -> Result<Header, Problem> {
    if entry.path != HEADER.as_bytes() {
        return Err(foreign(archive));
    }
    let header: Header = json(archive, entry, HEADER_BYTES)?;
    if header.format > FORMAT {
        return Err(Problem::new(
            ExitCode::Unfit,
            format!("`{}` was made by a newer version of ytorch", archive.display()),
        )
        .detail(format!("version {}, form {}; this program knows forms up to {FORMAT}", header.version, header.format))
        .hint("install that version or a newer one"));
    }
    Ok(header)
}

fn json<T: DeserializeOwned>(archive: &Path, entry: &mut Entry<'_>, most_bytes: u64) -> Result<T, Problem> {
    if entry.size_bytes > most_bytes {
        return Err(failure::bad(archive, format!("`{}` in it is too large", entry.shown())));
    }
    let shown = entry.shown();
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| unreadable(archive, &error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| failure::bad(archive, format!("`{shown}` in it cannot be understood: {error}")))
}

/// The problem of a file that is something else.
fn foreign(archive: &Path) -> Problem {
    failure::bad(archive, format!("it does not begin with `{HEADER}`, as every backup of ytorch does"))
}

/// The problem of bytes that cannot be read: of the disk, of gzip or of tar.
pub(crate) fn unreadable(archive: &Path, error: &io::Error) -> Problem {
    if let Some(problem) = failure::uncarried(error) {
        return problem;
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof => failure::bad(archive, "it is cut off: the end is missing"),
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::IsADirectory => {
            failure::io(format!("could not read `{}`", archive.display()), error)
        }
        _ => failure::bad(archive, error),
    }
}
