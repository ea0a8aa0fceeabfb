//! Which files a person means by files and folders. It does not open them to see whether they are exports.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ytorch_core::{ExitCode, Problem};

/// How exports end; other files of a folder are passed over.
const ENDINGS: [&str; 5] = [".json", ".html", ".zip", ".tgz", ".tar.gz"];
/// Folders are not looked into deeper than this; an unpacked Takeout has five levels.
const DEEPEST: usize = 16;

/// The files of the given paths, folders expanded, in the order given and by name inside a folder.
pub(crate) fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            let before = files.len();
            walk(path, 0, &mut files).map_err(|error| unreadable(path, &error))?;
            if files.len() == before {
                return Err(Problem::new(ExitCode::BadExport, format!("no export in the folder `{}`", path.display()))
                    .detail(format!("no file in it ends in {}", ENDINGS.join(", ")))
                    .hint("give the file that Google Takeout made, or the folder it was unpacked to"));
            }
        } else if metadata.is_file() {
            // Opened once here, so that a file of somebody else is a problem before anything starts.
            fs::File::open(path).map_err(|error| unreadable(path, &error))?;
            files.push(path.clone());
        } else {
            return Err(Problem::new(ExitCode::BadExport, format!("`{}` is neither file nor folder", path.display()))
                .hint("give the file that Google Takeout made"));
        }
    }
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if depth > DEEPEST {
        return Ok(());
    }
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let kind = entry.file_type()?;
        if name.starts_with('.') {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::NotFound {
        return Problem::new(ExitCode::NotFound, format!("there is no file `{}`", path.display()))
            .hint("give the path of the file that Google Takeout made; nothing was started");
    }
    let problem = Problem::new(ExitCode::NotFound, format!("could not read `{}`", path.display())).because(error);
    if error.kind() == io::ErrorKind::PermissionDenied {
        return problem.hint("make it readable for you; nothing was started");
    }
    problem.hint("copy it to a disk that works; nothing was started")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_becomes_its_exports_in_order_and_a_file_itself() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("Takeout/YouTube");
        fs::create_dir_all(&inner).unwrap();
        for name in ["b.JSON", "a.tar.gz", "playlist.csv", ".hidden.json"] {
            fs::File::create(inner.join(name)).unwrap();
        }
        let odd = folder.path().join("odd.txt");
        fs::File::create(&odd).unwrap();
        let files = expand(&[odd.clone(), folder.path().to_owned()]).unwrap();
        assert_eq!(files, [odd, inner.join("a.tar.gz"), inner.join("b.JSON")]);
    }

    #[test]
    fn a_missing_file_and_a_folder_without_exports_differ() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(expand(&[folder.path().join("x.zip")]).unwrap_err().code, ExitCode::NotFound);
        assert_eq!(expand(&[folder.path().to_owned()]).unwrap_err().code, ExitCode::BadExport);
    }
}
