//! `maintain` while no server runs; its dry run at any time. A running server does the same as a job.

use ytorch_backup::{Done, Findings, Watch};
use ytorch_core::{ExitCode, Problem};

use super::watched;
use crate::{
    command_line::Maintain,
    instance::Instance,
    lock::{self, ServerLock},
};

pub(crate) fn run(arguments: &Maintain) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.work.target)?;
    let json = arguments.work.json;
    let mut is_damaged = false;
    let answered = if arguments.dry_run {
        let in_use = lock::holder(&instance.folders).is_some();
        let look = |_: &mut Watch<'_>| {
            let found = ytorch_backup::examine(&instance.folders, in_use)?;
            is_damaged = !found.faults.is_empty();
            Ok(found)
        };
        watched::answer(json, "looking", look, found_in_words)?
    } else {
        let work = |watch: &mut Watch<'_>| {
            let done = maintain(&instance, watch)?;
            is_damaged = !done.found.faults.is_empty();
            Ok(done)
        };
        watched::answer(json, "maintaining", work, done_in_words)?
    };
    Ok(if is_damaged { ExitCode::Unfit } else { answered })
}

fn maintain(instance: &Instance, watch: &Watch<'_>) -> Result<Done, Problem> {
    instance.make_folders()?;
    let _lock = ServerLock::take(&instance.folders)?;
    let _logging = instance.start_logs();
    let resources = instance.open()?;
    ytorch_backup::maintain(&resources.database, &resources.folders, resources.disk_floor_bytes, watch)
}

fn found_in_words(found: &Findings) -> Vec<String> {
    let mut lines = vec![
        if found.faults.is_empty() { "the database is whole".to_owned() } else { "the database is damaged".to_owned() },
        format!("{:<24}{:>12}", "bytes", found.database_bytes),
        format!("{:<24}{:>12}", "bytes free in it", found.reclaimable_bytes),
        format!("{:<24}{:>12}", "bytes of WAL", found.wal_bytes),
        format!("{:<24}{:>12}", "left-overs", found.leftovers.len()),
    ];
    lines.splice(1..1, found.faults.iter().map(|fault| format!("  {fault}")));
    lines
}

fn done_in_words(done: &Done) -> Vec<String> {
    let mut lines = found_in_words(&done.found);
    lines.push(format!("{:<24}{:>12}", "bytes given back", done.freed_bytes));
    lines.push(format!("{:<24}{:>12}", "left-overs swept", done.swept.len()));
    lines.extend(done.not_vacuumed.iter().map(|why| format!("not vacuumed: {why}")));
    lines
}
