//! Does actions, one by one, in order. It decides nothing: a plan says what, this says how.

mod database;
#[cfg(debug_assertions)]
mod death;

use std::{fs, io, os::unix::fs::symlink, path::Path};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use ytorch_core::{
    ExitCode, InstanceFolders, Problem, Secret,
    files::{Access, create_private_folder, sync_folder, write_atomically},
};

use crate::{
    commands::server_program_of,
    engine::Engine,
    plan::Action,
    programs,
    spec::{Spec, is_absent},
};

/// Something that can do an action: the machine, or a test that dies before one.
pub(crate) trait Hands {
    /// Does one action.
    fn apply(&mut self, action: &Action) -> Result<(), Problem>;
}

/// Does actions until one fails.
pub(crate) fn apply_all(hands: &mut dyn Hands, actions: &[Action]) -> Result<(), Problem> {
    actions.iter().try_for_each(|action| {
        #[cfg(debug_assertions)]
        death::before_an_effect();
        hands.apply(action)
    })
}

/// Does an action that needs no engine.
pub(crate) fn apply_file(action: &Action) -> Result<(), Problem> {
    apply_to_files(action).map_err(|error| failed(action, &error))
}

/// The real thing: files of this machine and an engine.
pub(crate) struct Machine<'a> {
    /// The engine of the instance.
    pub engine: &'a dyn Engine,
    /// The instance that engine steps are for.
    pub folders: &'a InstanceFolders,
    /// What it should be.
    pub spec: &'a Spec,
}

impl Hands for Machine<'_> {
    fn apply(&mut self, action: &Action) -> Result<(), Problem> {
        if let Action::Engine(step) = action {
            return self.engine.apply(step, self.folders, self.spec);
        }
        if let Action::Snapshot { to } = action {
            return server_program_of(self.folders, self.spec)?.snapshot(self.folders, to);
        }
        apply_file(action)
    }
}

fn apply_to_files(action: &Action) -> io::Result<()> {
    match action {
        Action::Sweep { path } | Action::RemoveFolder { path } => unless_absent(fs::remove_dir_all(path)),
        Action::CreateFolder { path } => create_private_folder(path),
        Action::WriteSettings { path, time_zone } => {
            write_atomically(path, settings_text(time_zone.as_deref()).as_bytes(), Access::Shared)
        }
        Action::ReplaceSettings { path, text } => write_atomically(path, text.as_bytes(), Access::Shared),
        Action::WriteToken { path } => Secret::generate().write(path),
        Action::KeepProgram { root, release, program } => programs::keep(root, release, program),
        Action::WriteSpec { path, spec } => spec.write(path),
        Action::Publish { from, to } => {
            renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)?;
            to.parent().map_or(Ok(()), sync_folder)
        }
        Action::Exchange { one, other } => {
            renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?;
            other.parent().map_or(Ok(()), sync_folder)
        }
        Action::LinkFiles { from, to } => unless_absent(link_files(from, to)),
        Action::RemoveFile { path } => unless_absent(fs::remove_file(path)),
        Action::Move { from, to } => {
            fs::rename(from, to)?;
            to.parent().map_or(Ok(()), sync_folder)
        }
        Action::WriteDerived { file } => file.write(),
        Action::Link { path, to } => link(path, to),
        Action::PutDatabaseBack { snapshot, database, aside } => {
            database::put_back(snapshot.as_deref(), database, aside)
        }
        Action::KeepWords { path, words } => write_atomically(path, words.as_bytes(), Access::Private),
        Action::Engine(_) | Action::Snapshot { .. } => Ok(()),
    }
}

/// Makes a symbolic link by a rename, so that there is an old one or a new one at any moment.
fn link(path: &Path, to: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    create_private_folder(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    unless_absent(fs::remove_file(&temporary))?;
    symlink(to, &temporary)?;
    fs::rename(&temporary, path)?;
    sync_folder(folder)
}

fn link_files(from: &Path, to: &Path) -> io::Result<()> {
    let entries = fs::read_dir(from)?;
    create_private_folder(to)?;
    for entry in entries {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        if entry.file_type()?.is_file() && !is_hidden {
            fs::hard_link(entry.path(), to.join(entry.file_name()))?;
        }
    }
    sync_folder(to)
}

fn settings_text(time_zone: Option<&str>) -> String {
    let header = "# Settings of this instance's server. `ytorch config` shows all of them and where each comes from.\n";
    match time_zone {
        Some(zone) => format!("{header}time_zone = {}\n", toml::Value::from(zone)),
        None => header.to_owned(),
    }
}

fn unless_absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_absent(&error) => Ok(()),
        other => other,
    }
}

fn failed(action: &Action, error: &io::Error) -> Problem {
    let problem = |code| Problem::new(code, format!("could not {action}")).because(error);
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
            problem(ExitCode::Refused).hint("something else appeared there; nothing was replaced")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            problem(ExitCode::Unfit).hint("free some disk space and run the same command again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            problem(ExitCode::Unfit).hint("the folder must be writable by you; `--root DIR` names another one")
        }
        _ => problem(ExitCode::Failure).hint("run the same command again: it goes on where this one stopped"),
    }
}

#[cfg(test)]
mod tests;
