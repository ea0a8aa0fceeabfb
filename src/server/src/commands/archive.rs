//! `backup-show`, `backup-verify`, `backup-drill` and `restore`: what one does with the file of a backup. They touch no
//! instance.

use ytorch_backup::{Drilled, Header, Watch, Whole};
use ytorch_core::{Clock, ExitCode, InstanceFolders, Problem};

use super::watched;
use crate::{
    command_line::{Archive, Restore},
    output,
    pipelines::Pipelines,
    settings,
};

pub(crate) fn show(arguments: &Archive) -> Result<ExitCode, Problem> {
    let show = |header: &Header| {
        vec![format!("a backup of `{}` from {}, by ytorch {}", header.instance, header.created_at, header.version)]
    };
    watched::answer(arguments.json, "reading", |_| ytorch_backup::header(&arguments.file), show)
}

pub(crate) fn verify(arguments: &Archive) -> Result<ExitCode, Problem> {
    let floor = disk_floor_bytes(arguments)?;
    let verify = |watch: &mut Watch<'_>| ytorch_backup::verify(&arguments.file, floor, watch);
    watched::answer(arguments.json, "verifying", verify, in_words)
}

pub(crate) fn drill(arguments: &Archive) -> Result<ExitCode, Problem> {
    let floor = disk_floor_bytes(arguments)?;
    let migrations = Pipelines::all().migrations;
    let drill =
        |watch: &mut Watch<'_>| ytorch_backup::drill(&arguments.file, &migrations, &Clock::system(), floor, watch);
    watched::answer(arguments.json, "restoring", drill, drill_in_words)
}

pub(crate) fn restore(arguments: &Restore) -> Result<ExitCode, Problem> {
    let floor = disk_floor_bytes(&arguments.archive)?;
    let restore =
        |watch: &mut Watch<'_>| ytorch_backup::restore(&arguments.archive.file, &arguments.instance_dir, floor, watch);
    watched::answer(arguments.archive.json, "restoring", restore, in_words)
}

/// The settings as flags and environment say them: there is no instance whose file could.
fn disk_floor_bytes(arguments: &Archive) -> Result<u64, Problem> {
    let nowhere = InstanceFolders::new("/nonexistent").server_settings();
    let loaded = settings::load(&nowhere, std::env::vars_os(), &arguments.flags.0)?;
    for warning in &loaded.warnings {
        output::tell(&format!("warning: {warning}"));
    }
    Ok(loaded.settings.disk_floor_bytes)
}

fn in_words(whole: &Whole) -> Vec<String> {
    let mut lines = vec![format!("a whole backup of `{}` from {}", whole.instance, whole.created_at)];
    lines.push(format!("{:<24}{:>12}", "files", whole.files));
    lines.push(format!("{:<24}{:>12}", "bytes unpacked", whole.unpacked_bytes));
    lines.extend(whole.counts.iter().map(|(table, rows)| format!("{table:<24}{rows:>12}")));
    lines
}

fn drill_in_words(drilled: &Drilled) -> Vec<String> {
    let mut lines =
        vec![format!("restored and opened: `{}` from {}", drilled.whole.instance, drilled.whole.created_at)];
    for count in &drilled.tables {
        let restored = count.restored.map_or_else(|| "-".to_owned(), |rows| rows.to_string());
        lines.push(format!("{:<24}{:>12}{restored:>12}", count.table, count.expected));
    }
    lines
}
