//! Work that `ytorch-server` does without serving: its progress is shown, its last event is the end. It starts none.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{ChildStderr, Command, Stdio},
    thread,
};

use serde_json::Value;
use ytorch_core::{ExitCode, Problem};

use crate::{
    progress::Progress,
    server_client::problem_of,
    server_program::{ServerProgram, exit_code},
};

/// Runs a command that answers in lines of JSON, and returns its event `done`.
pub(crate) fn follow(
    program: &ServerProgram,
    verb: &str,
    mut command: Command,
    progress: &mut Progress,
) -> Result<Value, Problem> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| program.cannot_run(&error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let words = thread::spawn(move || stderr.map(last_part).unwrap_or_default());
    let mut end = None;
    for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok) {
        let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
        match event.get("event").and_then(Value::as_str) {
            Some("progress") => progress.show_import(&event),
            Some("done" | "failed") => end = Some(event),
            _ => {}
        }
    }
    let status = child.wait().map_err(|error| program.cannot_run(&error))?;
    let words = words.join().unwrap_or_default();
    let code = exit_code(status.code());
    let code = if code == ExitCode::Success { ExitCode::Failure } else { code };
    match end {
        Some(event) if event.get("problem").is_some_and(|problem| !problem.is_null()) => {
            Err(problem_of(&event["problem"], code))
        }
        // Bad news that was asked for, such as a damaged database, is an answer whatever the exit status.
        Some(event) => Ok(event),
        None => Err(Problem::new(code, format!("`ytorch-server {verb}` ended with {status}"))
            .detail(words.trim())
            .hint("nothing was left half done: run the same command again")),
    }
}

/// The end of what the server wrote to standard error; all of it is in its log.
fn last_part(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What was read before a failure is still the best explanation there is.
    let _ = stderr.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n    ")
}
