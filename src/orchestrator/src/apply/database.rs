//! A database changes places with a copy of it. It opens neither: nobody else may have them open meanwhile.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ytorch_core::files::sync_folder;

use super::unless_absent;
use crate::{
    plan::upgrade::{beside, wal},
    spec::is_absent,
};

/// Puts `snapshot` in the place of `database`, which is kept as `aside`. Without a snapshot there is none afterwards.
///
/// There is a database at any moment. What a run that was killed has done is told by the files themselves: as long as
/// both names stand for one file, the database was not replaced yet.
pub(super) fn put_back(snapshot: Option<&Path>, database: &Path, aside: &Path) -> io::Result<()> {
    if is_done(snapshot, database, aside)? {
        return Ok(());
    }
    let fresh = snapshot.map(|snapshot| copy_beside(snapshot, database)).transpose()?;
    // The log belongs to the database that goes; beside the copy it would be applied to the wrong pages.
    unless_absent(fs::rename(wal(database), wal(aside)))?;
    unless_absent(fs::remove_file(beside(database, "-shm")))?;
    match fs::hard_link(database, aside) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_absent(&error) => {}
        linked => linked?,
    }
    match fresh {
        Some(fresh) => fs::rename(fresh, database)?,
        None => unless_absent(fs::remove_file(database))?,
    }
    database.parent().map_or(Ok(()), sync_folder)
}

fn is_done(snapshot: Option<&Path>, database: &Path, aside: &Path) -> io::Result<bool> {
    let file_number = |path: &Path| match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.ino())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    };
    let (kept, present) = (file_number(aside)?, file_number(database)?);
    Ok(kept.is_some() && kept != present && present.is_some() == snapshot.is_some())
}

fn copy_beside(snapshot: &Path, database: &Path) -> io::Result<PathBuf> {
    let folder = database.parent().unwrap_or(Path::new("/"));
    let fresh = folder.join(".ytorch.sqlite3.back");
    fs::copy(snapshot, &fresh)?;
    File::open(&fresh)?.sync_all()?;
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use ytorch_core::files::{Access, write_atomically};

    use super::*;

    struct Case(tempfile::TempDir);

    impl Case {
        fn new() -> Self {
            let case = Self(tempfile::tempdir().unwrap());
            case.write("snapshot", "old");
            case.write("database", "new");
            case.write("database-wal", "newest");
            case
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            write_atomically(&self.path(name), text.as_bytes(), Access::Private).unwrap();
        }

        fn read(&self, name: &str) -> Option<String> {
            fs::read_to_string(self.path(name)).ok()
        }

        fn put_back(&self) {
            put_back(Some(&self.path("snapshot")), &self.path("database"), &self.path("aside")).unwrap();
        }

        fn assert_back(&self) {
            let texts = ["database", "aside", "aside-wal", "database-wal"].map(|name| self.read(name));
            assert_eq!(texts, [Some("old".to_owned()), Some("new".to_owned()), Some("newest".to_owned()), None]);
        }
    }

    #[test]
    fn the_copy_comes_back_and_the_newer_one_is_kept_with_its_log() {
        let case = Case::new();
        case.put_back();
        case.assert_back();
        case.write("database", "written since");
        case.put_back();
        assert_eq!(case.read("database").as_deref(), Some("written since"), "it was put back twice");
    }

    #[test]
    fn a_run_that_died_anywhere_is_finished_by_the_next() {
        let case = Case::new();
        fs::rename(case.path("database-wal"), case.path("aside-wal")).unwrap();
        case.put_back();
        case.assert_back();
        let case = Case::new();
        fs::rename(case.path("database-wal"), case.path("aside-wal")).unwrap();
        fs::hard_link(case.path("database"), case.path("aside")).unwrap();
        case.put_back();
        case.assert_back();
    }

    #[test]
    fn where_there_was_none_there_is_none_again() {
        let case = Case::new();
        for _ in 0..2 {
            put_back(None, &case.path("database"), &case.path("aside")).unwrap();
            assert_eq!((case.read("database"), case.read("aside").as_deref()), (None, Some("new")));
        }
    }
}
