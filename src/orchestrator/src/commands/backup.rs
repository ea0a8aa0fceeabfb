//! `ytorch backup`: the server's program makes, verifies and drills backups; the list is made from their names.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use ytorch_core::{
    ExitCode, InstanceFolders, InstanceName, Problem,
    backups::{self, BackupFile},
};

use super::{Context, absolute, any_server_program, chosen, parse_name, server_program_of};
use crate::{
    command_line::{Backup, BackupDrill, BackupVerb, Choice},
    import::grouped,
    output::Answer,
    progress::Progress,
    server_program::Shared,
    server_work, size,
};

/// Makes a backup, or does something with those there are.
pub(super) fn backup(context: &Context, options: &Backup) -> Result<Answer, Problem> {
    match &options.verb {
        None => make(context, options),
        Some(BackupVerb::Verify(options)) => verify(context, &options.file),
        Some(BackupVerb::List(choice)) => list(context, choice),
        Some(BackupVerb::Drill(options)) => drill(context, options),
    }
}

fn make(context: &Context, options: &Backup) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    if options.dry_run.dry_run {
        let to = options.to.clone().unwrap_or_else(|| folders.backups());
        let mut bytes = size::folder_bytes(&folders.config()) + size::folder_bytes(&folders.data());
        if !options.media {
            bytes -= size::folder_bytes(&folders.media()).min(bytes);
        }
        let text = format!("would back `{name}` up to {}: {} before packing", to.display(), size::in_words(bytes));
        let json = json!({ "instance": name, "dry_run": true, "to": to, "media": options.media, "size_bytes": bytes });
        return Ok(Answer::shown(text, json));
    }
    let program = server_program_of(&folders, &spec)?;
    let to = options.to.as_deref().map(absolute).transpose()?;
    let shared: Vec<Shared> = to.iter().cloned().map(Shared::Write).collect();
    // No lock: it changes nothing of the instance, and nobody has to wait for it.
    let mut command = program.command_with("backup", &folders, &shared);
    command.arg("--json").args(options.media.then_some("--media"));
    if let Some(to) = &to {
        command.arg("--to").arg(to);
    }
    let mut progress = Progress::new(context.output);
    let made = server_work::follow(&program, "backup", command, &mut progress);
    progress.finish();
    let made = made?["result"].take();
    let text = format!(
        "backed `{name}` up to {}\n  {} files, {} rows, {} packed to {}\ncheck it with: ytorch backup drill {}",
        text(&made, "path"),
        grouped(number(&made, "files")),
        grouped(rows(&made)),
        size::in_words(number(&made, "unpacked_bytes")),
        size::in_words(number(&made, "size_bytes")),
        text(&made, "path"),
    );
    Ok(Answer::done(text, made))
}

fn verify(context: &Context, file: &Path) -> Result<Answer, Problem> {
    let whole = ask(context, "backup-verify", file)?;
    Ok(Answer::done(format!("{}: whole, {}", file.display(), in_words(&whole)), whole))
}

fn drill(context: &Context, options: &BackupDrill) -> Result<Answer, Problem> {
    let file = match &options.file {
        Some(file) => file.clone(),
        None => newest(context, &options.choice.instance)?,
    };
    let drilled = ask(context, "backup-drill", &file)?;
    let mut lines = vec![format!("{}: restored, opened and counted, {}", file.display(), in_words(&drilled))];
    for table in drilled["tables"].as_array().into_iter().flatten() {
        lines.push(format!("  {:<30}{:>13}", text(table, "table"), grouped(number(table, "restored"))));
    }
    Ok(Answer::done(lines.join("\n"), drilled))
}

fn newest(context: &Context, instance: &str) -> Result<PathBuf, Problem> {
    let name = parse_name(instance)?;
    context.root.present(&name)?;
    let folders = context.root.folders(&name);
    let newest = of_instance(&folders, &name)?.into_iter().next();
    newest.map(|listed| listed.path).ok_or_else(|| {
        Problem::new(ExitCode::NotFound, format!("`{name}` has no backup in {}", folders.backups().display()))
            .hint(format!("make one: ytorch backup {name}"))
    })
}

fn list(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    context.root.present(&name)?;
    let folders = context.root.folders(&name);
    let backups = of_instance(&folders, &name)?;
    let line = |listed: &BackupFile| {
        let at = listed.name.created_at.to_jiff().strftime("%Y-%m-%d %H:%M:%S UTC");
        format!("{at}  {:>10}  {}", size::in_words(listed.size_bytes), listed.path.display())
    };
    let lines: Vec<String> = backups.iter().map(line).collect();
    let text = if lines.is_empty() {
        format!("no backups in {}\nmake one: ytorch backup {name}", folders.backups().display())
    } else {
        lines.join("\n")
    };
    let object = |listed: &BackupFile| json!({ "path": listed.path, "created_at": listed.name.created_at, "size_bytes": listed.size_bytes });
    let backups: Vec<Value> = backups.iter().map(object).collect();
    Ok(Answer::shown(text, json!({ "instance": name, "folder": folders.backups(), "backups": backups })))
}

fn of_instance(folders: &InstanceFolders, name: &InstanceName) -> Result<Vec<BackupFile>, Problem> {
    let folder = folders.backups();
    backups::list(&folder, name).map_err(|error| {
        Problem::new(ExitCode::Unfit, format!("could not list `{}`", folder.display())).because(&error)
    })
}

/// Lets the server do something with a backup.
pub(super) fn ask(context: &Context, verb: &str, file: &Path) -> Result<Value, Problem> {
    let program = any_server_program()?;
    let file = absolute(file)?;
    let mut command = program.bare_command(verb, &[Shared::Read(file.clone())]);
    command.arg("--json").arg("--").arg(file);
    let mut progress = Progress::new(context.output);
    let done = server_work::follow(&program, verb, command, &mut progress);
    progress.finish();
    Ok(done?["result"].take())
}

/// What is in a backup, in a few words.
fn in_words(backup: &Value) -> String {
    format!(
        "a backup of `{}` from {} with {} files and {} rows",
        text(backup, "instance"),
        text(backup, "created_at"),
        grouped(number(backup, "files")),
        grouped(rows(backup))
    )
}

fn rows(backup: &Value) -> u64 {
    backup["counts"].as_object().into_iter().flatten().filter_map(|(_, rows)| rows.as_u64()).sum()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_default()
}
