//! The backups in a folder, told by their names. It opens none of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use ytorch_core::{BackupName, InstanceName, Problem};

use crate::failure;

/// A file that is called as a backup.
pub(crate) struct Listed {
    pub(crate) name: BackupName,
    pub(crate) path: PathBuf,
    pub(crate) size_bytes: u64,
}

/// The backups of an instance, the newest first.
pub(crate) fn of_instance(folder: &Path, instance: &InstanceName) -> Result<Vec<Listed>, Problem> {
    let failed = |error: io::Error| failure::io(format!("could not list `{}`", folder.display()), &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_str().and_then(BackupName::parse);
        let metadata = entry.metadata().map_err(failed)?;
        if let Some(name) = name.filter(|name| name.instance == *instance && metadata.is_file()) {
            found.push(Listed { name, path: entry.path(), size_bytes: metadata.len() });
        }
    }
    found.sort_by(|one, other| other.name.cmp(&one.name));
    Ok(found)
}
