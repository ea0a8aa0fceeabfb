//! Paths that a person gives: files as they are, folders by what could be an export in them. It opens no file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{super::ReadError, Source};

/// Files that are taken from a folder at most; more means that it is not a folder of an export.
const MOST_FILES: usize = 10_000;

/// The files that paths mean: a file itself, whatever its name; of a folder all `.json`, `.html`, `.zip`, `.tgz` and
/// `.tar.gz` in it, without following links.
///
/// # Errors
/// If a path does not exist or cannot be read, or a folder holds nothing of the kind.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<Source>, ReadError> {
    let mut sources = Vec::new();
    for path in paths {
        let failed = |source| ReadError::Unreadable { path: path.clone(), source };
        if fs::metadata(path).map_err(failed)?.is_dir() {
            let before = sources.len();
            walk(path, path, &mut sources).map_err(failed)?;
            if sources.len() == before {
                let found = format!("`{}` holds no .json, .html, .zip or .tgz file", path.display());
                return Err(ReadError::NoHistory { found });
            }
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            sources.push(Source { path: path.clone(), name });
        }
    }
    Ok(sources)
}

fn walk(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<io::Result<_>>()?;
    entries.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            walk(root, &path, sources)?;
        } else if kind.is_file() && could_be_export(&path) {
            if sources.len() >= MOST_FILES {
                return Err(io::Error::other("it holds more than 10,000 such files; give the export itself"));
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            sources.push(Source { path, name });
        }
    }
    Ok(())
}

fn could_be_export(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    [".json", ".html", ".zip", ".tgz", ".tar.gz"].iter().any(|ending| name.ends_with(ending))
}
