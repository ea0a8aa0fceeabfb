//! What can go wrong with a backup, in words for a person. It decides nothing.

use std::{fmt, io, path::Path};

use ytorch_core::{ExitCode, Problem};
use ytorch_store::{StoreError, rusqlite};

/// The problem of a file operation; one that was carried through a reader or writer comes out as it was.
pub(crate) fn io(what: impl Into<String>, error: &io::Error) -> Problem {
    if let Some(problem) = uncarried(error) {
        return problem;
    }
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => disk_full(error),
        io::ErrorKind::NotFound => Problem::new(ExitCode::NotFound, what).because(error).hint("check the path"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Problem::new(ExitCode::Unfit, what)
            .because(error)
            .hint("the folder must be writable, and the files readable, for the user who runs this"),
        _ => Problem::new(ExitCode::Failure, what).because(error).hint("try again; nothing was changed"),
    }
}

/// A problem on its way through a reader or writer.
pub(crate) fn carried(problem: Problem) -> io::Error {
    io::Error::other(problem)
}

/// The problem that a reader or writer carried, if it did.
pub(crate) fn uncarried(error: &io::Error) -> Option<Problem> {
    error.get_ref()?.downcast_ref::<Problem>().cloned()
}

pub(crate) fn disk_full(detail: impl fmt::Display) -> Problem {
    Problem::new(ExitCode::Unfit, "the disk is too full for this").detail(detail).hint(
        "free some disk space, or choose a folder on another disk; nothing was changed and nothing was left behind",
    )
}

/// A file that is no whole backup: damaged, cut, hostile or something else.
pub(crate) fn bad(archive: &Path, detail: impl fmt::Display) -> Problem {
    Problem::new(ExitCode::BadExport, format!("`{}` is not a whole backup", archive.display()))
        .detail(detail)
        .hint("nothing was taken from it; use another backup (`ytorch backup list`), or copy this one again")
}

pub(crate) fn cancelled() -> Problem {
    Problem::new(ExitCode::Failure, "it was told to stop").hint("nothing was changed; start it again when it suits")
}

/// What SQLite refused, to somebody who was trying to do `what`.
pub(crate) fn sqlite(what: &str, error: rusqlite::Error) -> Problem {
    match StoreError::from(error) {
        StoreError::DiskFull => disk_full(what),
        other => other.problem(what),
    }
}
