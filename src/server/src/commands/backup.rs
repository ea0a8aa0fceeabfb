//! `backup`: beside a running server or without one. It takes no lock and writes no log, which are the server's.

use std::path::Path;

use ytorch_backup::{Created, Media, Request, Target, create};
use ytorch_core::{Clock, ExitCode, Problem};

use super::watched;
use crate::{command_line::Backup, instance::Instance};

pub(crate) fn run(arguments: &Backup) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.work.target)?;
    let target = arguments.to.as_deref().map_or_else(|| Target::Folder(instance.folders.backups()), target);
    let clock = Clock::system();
    let request = Request {
        instance: &instance.name,
        folders: &instance.folders,
        target,
        media: if arguments.media { Media::With } else { Media::Without },
        disk_floor_bytes: instance.loaded.settings.disk_floor_bytes,
        version: env!("CARGO_PKG_VERSION"),
        clock: &clock,
    };
    watched::answer(arguments.work.json, "backing up", |watch| create(&request, watch), in_words)
}

/// What a person means by a path: a file if it is one or is called like one, else a folder.
fn target(path: &Path) -> Target {
    let is_archive = path.extension().is_some_and(|ending| ending == "gz" || ending == "tgz");
    if path.is_dir() || (!is_archive && !path.is_file()) {
        return Target::Folder(path.to_owned());
    }
    Target::File(path.to_owned())
}

fn in_words(created: &Created) -> Vec<String> {
    vec![
        created.path.display().to_string(),
        format!("{:<24}{:>12}", "files", created.files),
        format!("{:<24}{:>12}", "bytes", created.size_bytes),
        format!("{:<24}{:>12}", "bytes unpacked", created.unpacked_bytes),
        format!("{:<24}{:>12}", "rows", created.counts.values().sum::<u64>()),
    ]
}
