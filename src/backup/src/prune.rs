//! Old backups go. It never deletes the newest good one, whatever it is told to keep.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use ytorch_core::{
    ExitCode, InstanceName, Problem, Timestamp,
    backups::{self, BackupFile},
    files::sync_folder,
};

use crate::{Watch, failure, restore::verify};

const SECONDS_PER_DAY: i64 = 86_400;

/// Which backups are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest.
    pub count: usize,
    /// None that is older, if a limit is set.
    pub days: Option<u32>,
}

/// What became of the backups of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// Those that are still there, the newest first.
    pub kept: Vec<PathBuf>,
    /// Those that are gone.
    pub deleted: Vec<PathBuf>,
    /// The bytes that they had.
    pub freed_bytes: u64,
}

/// Deletes backups of an instance in a folder that are too many or too old.
///
/// Before any goes, the newest one that stays is read and must be whole; if it is not, the next one is tried, and the
/// newest good one stays even if it is too old.
pub fn prune(
    folder: &Path,
    instance: &InstanceName,
    retention: Retention,
    now: Timestamp,
    disk_floor_bytes: u64,
    watch: &mut Watch<'_>,
) -> Result<Pruned, Problem> {
    let failed = |what: &str, error: io::Error| failure::io(format!("could not {what} `{}`", folder.display()), &error);
    let all = backups::list(folder, instance).map_err(|error| failed("list", error))?;
    let is_old = |listed: &BackupFile| {
        let age = now.second().saturating_sub(listed.name.created_at.second());
        retention.days.is_some_and(|days| age > i64::from(days) * SECONDS_PER_DAY)
    };
    let goes: Vec<bool> =
        all.iter().enumerate().map(|(rank, listed)| rank >= retention.count || is_old(listed)).collect();
    let mut pruned = Pruned::default();
    if !goes.contains(&true) {
        pruned.kept = all.into_iter().map(|listed| listed.path).collect();
        return Ok(pruned);
    }
    let newest_good = newest_good(&all, disk_floor_bytes, watch)?;
    for (rank, (listed, goes)) in all.into_iter().zip(goes).enumerate() {
        // Without a single good one nothing goes: a damaged backup may still be better than none.
        if !goes || newest_good.is_none_or(|good| good == rank) {
            pruned.kept.push(listed.path);
            continue;
        }
        fs::remove_file(&listed.path)
            .map_err(|error| failure::io(format!("could not delete `{}`", listed.path.display()), &error))?;
        pruned.freed_bytes += listed.size_bytes;
        pruned.deleted.push(listed.path);
    }
    sync_folder(folder).map_err(|error| failed("sync", error))?;
    Ok(pruned)
}

fn newest_good(all: &[BackupFile], disk_floor_bytes: u64, watch: &mut Watch<'_>) -> Result<Option<usize>, Problem> {
    for (rank, listed) in all.iter().enumerate() {
        match verify(&listed.path, disk_floor_bytes, watch) {
            Ok(_) => return Ok(Some(rank)),
            Err(problem) if problem.code == ExitCode::BadExport => {
                tracing::warn!(path = %listed.path.display(), detail = problem.detail, "a backup is damaged");
            }
            Err(problem) => return Err(problem),
        }
    }
    Ok(None)
}
