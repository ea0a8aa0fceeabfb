//! `snapshot`: a copy of the database to go back to, beside a running server. It takes no lock and writes no log, which
//! are the server's.

use ytorch_backup::{Snapshot, snapshot};
use ytorch_core::{ExitCode, Problem};

use super::watched;
use crate::{command_line::Snapshot as Arguments, instance::Instance};

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.work.target)?;
    let floor_bytes = instance.loaded.settings.disk_floor_bytes;
    let database = instance.folders.database();
    let work = |watch: &mut ytorch_backup::Watch<'_>| snapshot(&database, &arguments.to, floor_bytes, watch);
    watched::answer(arguments.work.json, "copying the database", work, in_words)
}

fn in_words(made: &Snapshot) -> Vec<String> {
    vec![made.path.display().to_string(), format!("{:<24}{:>12}", "bytes", made.size_bytes)]
}
