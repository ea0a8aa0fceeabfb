//! A folder beside the instances in which one is put together. Nobody sees it as an instance, and it replaces nothing.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, files::create_private_folder};

use crate::commands::Context;

/// What is to be an instance. Dropping it removes it, unless it has become one.
pub(in crate::commands) struct Staging {
    /// What it is to become.
    pub name: InstanceName,
    /// Where it is.
    pub folders: InstanceFolders,
    /// As long as it is locked nobody takes it for a left-over.
    lock: File,
}

impl Staging {
    /// Makes an empty one, and removes those that commands left which were killed.
    pub(in crate::commands) fn make(context: &Context, name: &InstanceName, verb: &str) -> Result<Self, Problem> {
        let folders = context.root.restoring(name);
        // Whoever sweeps left-overs holds the root's lock, too.
        let _root = context.root.lock(verb)?;
        sweep(&context.root.leftovers())?;
        let made = create_private_folder(folders.root()).and_then(|()| File::open(folders.root()));
        let lock = made.and_then(|folder| {
            folder.lock_shared()?;
            Ok(folder)
        });
        let lock = lock.map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not create `{}`", folders.root().display())).because(&error)
        })?;
        Ok(Self { name: name.clone(), folders, lock })
    }

    /// Removes it where it had gone before it could take the place of an instance. What is there now may as well be
    /// that instance, if all that failed came after the exchange: it is only removed if it is the same folder.
    pub(in crate::commands) fn remove_at(&self, path: &Path) {
        let is_ours = self.lock.metadata().and_then(|ours| Ok(ours.ino() == fs::symlink_metadata(path)?.ino()));
        if is_ours.unwrap_or(false) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What has become an instance is no longer there; what cannot be removed is swept by the next command.
        let _ = fs::remove_dir_all(self.folders.root());
    }
}

fn sweep(leftovers: &[PathBuf]) -> Result<(), Problem> {
    for path in leftovers {
        fs::remove_dir_all(path).map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not delete the left-over `{}`", path.display()))
                .because(&error)
        })?;
    }
    Ok(())
}
