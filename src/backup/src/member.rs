//! The files of an instance that go into a backup. It opens none of them.
//!
//! Hidden files are never among them: they are locks, uploads under way and other temporary things. Neither are links,
//! which a restore would have to trust.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ytorch_core::{ExitCode, InstanceFolders, Problem};

use crate::{Media, failure, manifest::is_safe};

/// Folders are not looked into deeper than this.
const DEEPEST: usize = 32;

/// A file to be copied.
pub(crate) struct Source {
    /// Its path in the archive.
    pub path: String,
    /// Where it is.
    pub file: PathBuf,
    /// Its size when it was listed.
    pub size_bytes: u64,
}

/// Every file but the database, which is copied by itself.
pub(crate) fn sources(folders: &InstanceFolders, media: Media) -> Result<Vec<Source>, Problem> {
    let mut sources = Vec::new();
    let mut wanted = vec![folders.config(), folders.raw()];
    if media == Media::With {
        wanted.push(folders.media());
    }
    for folder in wanted {
        walk(folders.root(), &folder, 0, &mut sources)?;
    }
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, depth: usize, sources: &mut Vec<Source>) -> Result<(), Problem> {
    let failed = |error: &io::Error| failure::io(format!("could not list `{}`", folder.display()), error);
    if depth > DEEPEST {
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| failed(&error))?,
    };
    let mut entries = entries.collect::<io::Result<Vec<_>>>().map_err(|error| failed(&error))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let metadata = match entry.metadata() {
            // What goes away while it is listed was never needed: see `create`.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(|error| failed(&error))?,
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let file = entry.path();
        if metadata.is_dir() {
            walk(root, &file, depth + 1, sources)?;
        } else if metadata.is_file() {
            sources.push(Source { path: path_in_archive(root, &file)?, file, size_bytes: metadata.len() });
        }
    }
    Ok(())
}

fn path_in_archive(root: &Path, file: &Path) -> Result<String, Problem> {
    let path = file.strip_prefix(root).ok().and_then(Path::to_str).filter(|path| is_safe(path));
    path.map(str::to_owned).ok_or_else(|| {
        Problem::new(ExitCode::Unfit, format!("the file `{}` cannot be backed up", file.display()))
            .detail("its name is not plain text, or too long")
            .hint("rename it, or move it out of the instance")
    })
}
