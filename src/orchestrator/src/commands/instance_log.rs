//! `ytorch logs`: the newest lines of the server's log. It does not search and does not merge older files.

use std::{io, path::Path};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceFolders, Problem};

use super::{Context, chosen};
use crate::{
    command_line::Logs,
    engine::process::server_output,
    lock::live_holder,
    output::{Answer, line_reaches_stdout},
    tail::{Follower, last_lines},
};

/// Shows the log, and with `--follow` what is added to it until nobody reads any more.
pub(super) fn logs(context: &Context, options: &Logs) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    context.root.present(&name)?;
    let path = context.root.folders(&name).server_log();
    let unreadable = |error: io::Error| {
        Problem::new(ExitCode::Failure, format!("could not read `{}`", path.display())).because(&error)
    };
    let follower = options.follow.then(|| Follower::at_end(path.clone())).transpose().map_err(unreadable)?;
    let lines = match last_lines(&path, options.lines) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            context.output.note(&format!("`{name}` has no log yet: its server never ran"));
            Vec::new()
        }
        other => other.map_err(unreadable)?,
    };
    if !options.follow {
        last_words_of_a_failed_start(context, &context.root.folders(&name));
    }
    let Some(mut follower) = follower else {
        return Ok(Answer::shown(lines.join("\n"), json!({ "instance": name, "file": path, "lines": lines })));
    };
    let mut lines = lines;
    loop {
        if !lines.iter().all(|line| line_reaches_stdout(line)) {
            return Ok(Answer::done("", Value::Null));
        }
        lines = follower.next_lines().map_err(unreadable)?;
    }
}

/// What a server said that ended at its start: it may not have come as far as its log.
fn last_words_of_a_failed_start(context: &Context, folders: &InstanceFolders) {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let output = server_output(folders);
    let is_newer = modified(&output) > modified(&folders.server_log());
    if is_newer && live_holder(&folders.server_lock()).is_none() {
        context.output.note("the last start ended with these words:");
        for line in last_lines(&output, 12).unwrap_or_default() {
            context.output.note(&format!("    {line}"));
        }
    }
}
