//! Server programs that are kept under their hash, so that what runs stays what it is when the installed one changes.
//! It deletes none that a spec names.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use ytorch_core::{ExitCode, Problem, files::create_private_folder, files::sync_folder, hexadecimal};

use crate::spec::ReleaseId;

/// The folder of all programs that are kept, beside the instances.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(".programs")
}

/// Where the program of a release is kept.
pub(crate) fn place(root: &Path, release: &ReleaseId) -> PathBuf {
    folder(root).join(release.digits()).join("ytorch-server")
}

/// The release that a program is.
///
/// # Errors
/// If the program cannot be read.
pub(crate) fn release_of(program: &Path) -> Result<ReleaseId, Problem> {
    let mut hasher = Sha256::new();
    let copied = File::open(program).and_then(|mut file| io::copy(&mut file, &mut HashingSink(&mut hasher)));
    let digits = copied.map(|_| hexadecimal(&hasher.finalize())).map_err(|error| {
        Problem::new(ExitCode::NotFound, format!("could not read the program `{}`", program.display()))
            .because(&error)
            .hint("name a server program: ytorch-server of the version that is wanted")
    })?;
    digits.parse().map_err(|error: String| Problem::new(ExitCode::Failure, error))
}

/// Keeps a copy of a program under its hash, whole or not at all. One that is kept already is left as it is.
pub(crate) fn keep(root: &Path, release: &ReleaseId, program: &Path) -> io::Result<()> {
    let to = place(root, release);
    if to.is_file() {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(root);
    create_private_folder(folder)?;
    let temporary = folder.join(format!(".ytorch-server.{}.tmp", std::process::id()));
    let copied = (|| {
        fs::copy(program, &temporary)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755))?;
        File::open(&temporary)?.sync_all()?;
        fs::rename(&temporary, &to)
    })();
    if copied.is_err() {
        // The reason of the failure matters more than a left-over.
        let _ = fs::remove_file(&temporary);
    }
    copied?;
    sync_folder(folder)
}

/// Programs that are kept and that none of these releases is.
pub(crate) fn unused(root: &Path, releases: &[&ReleaseId]) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(root)).into_iter().flatten().flatten();
    let is_unused = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<ReleaseId>().ok());
        name.is_some_and(|release| !releases.contains(&&release))
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_unused).collect();
    paths.sort();
    paths
}

/// The right to rely on programs that no spec names yet. As long as somebody has it nothing is swept.
#[derive(Debug)]
pub(crate) struct InUse(#[expect(dead_code, reason = "the open folder is the lock")] File);

impl InUse {
    /// Takes the right, waiting for a sweep that is under way.
    pub(crate) fn take(root: &Path) -> io::Result<Self> {
        create_private_folder(&folder(root))?;
        let folder = File::open(folder(root))?;
        folder.lock_shared()?;
        Ok(Self(folder))
    }

    /// Takes the right to sweep; `None` if somebody relies on programs, or there are none.
    pub(crate) fn nobody(root: &Path) -> Option<Self> {
        let folder = File::open(folder(root)).ok()?;
        folder.try_lock().ok()?;
        Some(Self(folder))
    }
}

struct HashingSink<'a>(&'a mut Sha256);

impl io::Write for HashingSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ytorch_core::files::{Access, write_atomically};

    use super::*;

    #[test]
    fn a_program_is_kept_once_under_its_hash() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("program");
        let write = |text: &str| write_atomically(&program, text.as_bytes(), Access::Shared).unwrap();
        write("#!/bin/sh\n");
        let release = release_of(&program).unwrap();
        keep(root.path(), &release, &program).unwrap();
        write("another");
        keep(root.path(), &release, &program).unwrap();
        assert_eq!(fs::read(place(root.path(), &release)).unwrap(), b"#!/bin/sh\n");
        assert_eq!(fs::metadata(place(root.path(), &release)).unwrap().permissions().mode() & 0o777, 0o755);
        assert_ne!(release_of(&program).unwrap(), release);
    }
}
