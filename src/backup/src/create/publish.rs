//! The last step of a backup: the whole archive gets its name. It never replaces a file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use ytorch_core::{BackupName, ExitCode, Problem, Timestamp, files::sync_folder};

use super::{Request, Target, failed};

/// Renames the archive to the file that was asked for, or to a name with the time.
pub(super) fn publish(request: &Request<'_>, began: Timestamp, unfinished: &Path) -> Result<PathBuf, Problem> {
    let folder = request.target.folder();
    let mut at = began;
    loop {
        let path = match &request.target {
            Target::File(file) => file.clone(),
            Target::Folder(folder) => folder.join(BackupName::new(request.instance.clone(), at).to_string()),
        };
        match rename_to_new(unfinished, &path).and_then(|()| sync(&folder)) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match &request.target {
                Target::File(file) => return Err(taken(file)),
                // Two backups within one second: the later one is called after the next second that is free.
                Target::Folder(_) => at = Timestamp::from_seconds(at.second() + 1),
            },
            Err(error) => return Err(failed(&folder, &error)),
        }
    }
}

/// Renames a file, unless there is one of the new name. File systems of sticks and networks cannot do both in one step;
/// there a look must do.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from) {
        Err(error) if is_unable(&error) && !to.exists() => fs::rename(from, to),
        Err(error) if is_unable(&error) => Err(io::ErrorKind::AlreadyExists.into()),
        renamed => renamed,
    }
}

/// Makes a rename durable, where a folder can be synced.
fn sync(folder: &Path) -> io::Result<()> {
    match sync_folder(folder) {
        Err(error) if is_unable(&error) => Ok(()),
        synced => synced,
    }
}

fn is_unable(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported)
}

/// The problem of a file that is there already.
pub(super) fn taken(file: &Path) -> Problem {
    Problem::new(ExitCode::Refused, format!("`{}` exists already", file.display()))
        .hint("name another file, or a folder: then the name is made from the time")
}
