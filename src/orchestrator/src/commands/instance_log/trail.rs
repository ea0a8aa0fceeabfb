//! `ytorch logs --audit`: which commands changed an instance. It reads no log of the server.

use serde_json::json;
use ytorch_core::{ExitCode, InstanceName, Problem};

use crate::{
    audit::{self, Entry},
    commands::Context,
    output::Answer,
    state::local,
};

/// The newest entries, also of an instance that was torn down.
pub(super) fn shown(context: &Context, name: &InstanceName, most: usize) -> Result<Answer, Problem> {
    let folders = context.root.folders(name);
    let file = audit::file(&folders);
    if !file.is_file() {
        context.root.present(name)?;
        context.output.note(&format!("no command has changed `{name}` yet"));
    }
    let entries = audit::newest(&folders, most).map_err(|error| {
        Problem::new(ExitCode::Failure, format!("could not read `{}`", file.display())).because(&error)
    })?;
    let lines: Vec<String> = entries.iter().map(in_words).collect();
    Ok(Answer::shown(lines.join("\n"), json!({ "instance": name, "file": file, "entries": entries })))
}

/// An entry as a person reads it: one line, and one more for each step.
pub(in crate::commands) fn in_words(entry: &Entry) -> String {
    let Entry { time, user, verb: _, arguments, plan, result, problem, duration_ms } = entry;
    let end = match (result, problem) {
        (0, _) => "done".to_owned(),
        (code, Some(problem)) => format!("exit status {code}: {problem}"),
        (code, None) => format!("exit status {code}"),
    };
    let command = arguments.join(" ");
    let mut lines = vec![format!("{}  {user}  ytorch {command}  {end}  ({duration_ms} ms)", local(time))];
    lines.extend(plan.iter().map(|step| format!("    {step}")));
    lines.join("\n")
}
