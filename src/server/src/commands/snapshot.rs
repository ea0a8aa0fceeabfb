//! `snapshot`: a copy of the database, beside a running server or without one. It takes no lock and writes no log.

use ytorch_backup::{Present, Secrets, Snapshotted, snapshot};
use ytorch_core::{ExitCode, Problem};

use super::watched;
use crate::{command_line::Snapshot, instance::Instance};

pub(crate) fn run(arguments: &Snapshot) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.work.target)?;
    let secrets = if arguments.without_secrets { Secrets::Removed } else { Secrets::Kept };
    let present = if arguments.replace { Present::Goes } else { Present::Stays };
    let floor = instance.loaded.settings.disk_floor_bytes;
    let database = instance.folders.database();
    watched::answer(
        arguments.work.json,
        "copying",
        |watch| snapshot(&database, &arguments.to, secrets, present, floor, watch),
        in_words,
    )
}

fn in_words(made: &Snapshotted) -> Vec<String> {
    match made.size_bytes {
        Some(bytes) => vec![made.path.display().to_string(), format!("{bytes} bytes, {} rows", made.rows)],
        None => vec!["there is no database yet".to_owned()],
    }
}
