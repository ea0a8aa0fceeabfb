//! `ytorch logs`: the newest lines of the server's log. It does not search and does not merge older files.

use std::io;

use serde_json::{Value, json};
use ytorch_core::{ExitCode, Problem};

use super::{Context, chosen};
use crate::{
    command_line::Logs,
    output::{Answer, line_reaches_stdout},
    tail::{Follower, last_lines},
};

/// Shows the log, and with `--follow` what is added to it until nobody reads any more.
pub(super) fn logs(context: &Context, options: &Logs) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    context.root.instance(&name)?;
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
