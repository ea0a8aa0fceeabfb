//! A backup on its way to be an instance: unpacked and verified beside the instances. It replaces nothing.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, files::create_private_folder};

use crate::{
    commands::{Context, absolute, any_server_program},
    progress::Progress,
    server_program::Shared,
    server_work,
    spec::Spec,
};

/// A backup that was unpacked beside the instances. Dropping it removes it, unless it has become one.
pub(super) struct Unpacked {
    /// What it is to become.
    pub name: InstanceName,
    /// The spec in it, if there was one.
    pub spec: Option<Spec>,
    /// Where it is.
    pub folders: InstanceFolders,
    /// As long as it is locked nobody takes it for a left-over.
    lock: File,
}

impl Unpacked {
    /// Unpacks a backup of `origin` that is to become `name`.
    pub(super) fn make(
        context: &Context,
        name: &InstanceName,
        origin: &InstanceName,
        file: &Path,
    ) -> Result<Self, Problem> {
        let folders = context.root.restoring(name);
        let lock = {
            // Whoever sweeps left-overs holds the root's lock, too.
            let _root = context.root.lock("restore")?;
            sweep(&context.root.leftovers())?;
            create_private_folder(folders.root()).and_then(|()| File::open(folders.root())).and_then(|folder| {
                folder.lock_shared()?;
                Ok(folder)
            })
        };
        let failed = |error| {
            Problem::new(ExitCode::Unfit, format!("could not create `{}`", folders.root().display())).because(&error)
        };
        let mut unpacked = Self { name: name.clone(), spec: None, lock: lock.map_err(failed)?, folders };
        unpack(context, &unpacked.folders, file)?;
        // One of another version may not be understood; then the instance gets a fresh one.
        unpacked.spec = Spec::read(&unpacked.folders.spec(), origin).unwrap_or_else(|problem| {
            context.output.note(&format!("note: the spec in the backup is not used: {problem}"));
            None
        });
        Ok(unpacked)
    }

    /// Removes it where it had gone before it could take the place of an instance. What is there now may as well be
    /// that instance, if all that failed came after the exchange: it is only removed if it is the same folder.
    pub(super) fn remove_at(&self, path: &Path) {
        let is_ours = self.lock.metadata().and_then(|ours| Ok(ours.ino() == fs::symlink_metadata(path)?.ino()));
        if is_ours.unwrap_or(false) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

impl Drop for Unpacked {
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

fn unpack(context: &Context, folders: &InstanceFolders, file: &Path) -> Result<(), Problem> {
    let program = any_server_program()?;
    let file = absolute(file)?;
    let mut command = program.command_with("restore", folders, &[Shared::Read(file.clone())]);
    command.arg("--json").arg("--").arg(file);
    let mut progress = Progress::new(context.output);
    let done = server_work::follow(&program, "restore", command, &mut progress);
    progress.finish();
    done.map(drop)
}
