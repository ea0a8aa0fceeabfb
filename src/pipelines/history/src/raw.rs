//! Export files as received, kept under the hash of their content. It does not look into them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};
use ytorch_core::{ExitCode, Problem, disk, files, hexadecimal};
use ytorch_pipeline::Resources;

use crate::store::imports::SourceRow;

/// Names of files that are still being received begin so; the next start sweeps those of a killed server.
const INCOMING: &str = ".incoming-";

/// How many bytes are written between two looks at the free space.
const DISK_CHECK_EVERY: u64 = 64 << 20;

/// The file of a kept source.
pub(crate) fn path(resources: &Resources, sha256: &str) -> PathBuf {
    resources.folders.raw().join(sha256)
}

/// A file that is being received. Dropped without [`Self::keep`], it is removed.
pub(crate) struct Incoming {
    name: String,
    file: File,
    path: PathBuf,
    hash: Sha256,
    size_bytes: u64,
    next_disk_check: u64,
    disk_floor_bytes: u64,
}

impl Incoming {
    /// Begins to receive a file that the person calls `name`. The name is only shown, never used as a path.
    pub(crate) fn create(resources: &Resources, name: &str) -> Result<Self, Problem> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let folder = resources.folders.raw();
        files::create_private_folder(&folder).map_err(|error| could_not_keep(name, &error))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{INCOMING}{}-{number}", std::process::id()));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| could_not_keep(name, &error))?;
        Ok(Self {
            name: name.to_owned(),
            file,
            path,
            hash: Sha256::new(),
            size_bytes: 0,
            next_disk_check: 0,
            disk_floor_bytes: resources.disk_floor_bytes,
        })
    }

    /// Receives some bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        if self.size_bytes >= self.next_disk_check {
            self.next_disk_check = self.size_bytes + DISK_CHECK_EVERY;
            check_disk(&self.path, self.disk_floor_bytes, &self.name)?;
        }
        self.hash.update(bytes);
        self.size_bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|error| could_not_keep(&self.name, &error))
    }

    /// Makes the file durable under its hash.
    pub(crate) fn keep(self) -> Result<SourceRow, Problem> {
        let failed = |error: io::Error| could_not_keep(&self.name, &error);
        let sha256 = hexadecimal(&self.hash.clone().finalize());
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let kept = folder.join(&sha256);
        if !kept.exists() {
            self.file.sync_all().map_err(failed)?;
            fs::rename(&self.path, &kept).map_err(failed)?;
            files::sync_folder(folder).map_err(failed)?;
        }
        Ok(SourceRow { name: self.name.clone(), sha256, size_bytes: self.size_bytes })
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // A kept file has left this name already.
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies a file of this machine to `data/raw`.
pub(crate) fn copy(resources: &Resources, path: &Path, name: &str) -> Result<SourceRow, Problem> {
    let failed = |error: &io::Error| {
        Problem::new(ExitCode::NotFound, format!("could not read `{}`", path.display()))
            .because(error)
            .hint("check the path and the permissions of the file")
    };
    let mut source = File::open(path).map_err(|error| failed(&error))?;
    let mut incoming = Incoming::create(resources, name)?;
    let mut buffer = vec![0; 256 << 10];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return incoming.keep(),
            Ok(count) => incoming.write(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(&error)),
        }
    }
}

/// The kept files where no import names any, because the database is a new one: each as if it had come alone.
pub(crate) fn orphans(resources: &Resources) -> Result<Vec<Vec<SourceRow>>, Problem> {
    let failed = |error: io::Error| could_not_keep("the files in data/raw", &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(resources.folders.raw()).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let size_bytes = entry.metadata().map_err(failed)?.len();
            found.push(vec![SourceRow { name: name.clone(), sha256: name, size_bytes }]);
        }
    }
    // The order does not change what comes out, only the numbers in it.
    found.sort_by(|one, other| one[0].sha256.cmp(&other[0].sha256));
    Ok(found)
}

/// Removes a kept file that turned out to hold no history.
pub(crate) fn forget(resources: &Resources, sha256: &str) {
    if let Err(error) = fs::remove_file(path(resources, sha256))
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, sha256, "could not remove a file that is no export");
    }
}

/// Removes what a killed server had received in part.
pub(crate) fn sweep(resources: &Resources) -> io::Result<()> {
    let folder = resources.folders.raw();
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(INCOMING) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Refuses to begin an import on a disk that is almost full: what it writes into the database takes room, too.
pub(crate) fn check_room(resources: &Resources) -> Result<(), Problem> {
    check_disk(&resources.folders.database(), resources.disk_floor_bytes, "the history")
}

fn check_disk(path: &Path, floor_bytes: u64, name: &str) -> Result<(), Problem> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let free_bytes = disk::free_bytes(folder).map_err(|error| could_not_keep(name, &error))?;
    if free_bytes < floor_bytes {
        return Err(disk_full(
            name,
            format!("{free_bytes} bytes are free, and {floor_bytes} are kept free for the system"),
        ));
    }
    Ok(())
}

fn could_not_keep(name: &str, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => disk_full(name, error.to_string()),
        _ => Problem::new(ExitCode::Failure, format!("could not keep `{name}`"))
            .because(error)
            .hint("check that the instance's folder data/raw can be written"),
    }
}

fn disk_full(name: &str, detail: String) -> Problem {
    Problem::new(ExitCode::Failure, format!("the disk is too full to keep `{name}`"))
        .detail(detail)
        .hint("free some disk space and import the export again; nothing was changed")
}
