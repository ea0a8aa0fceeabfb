//! The only place that prints. It does not decide what is said, and a closed pipe is never an error here.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use ytorch_core::{ExitCode, Problem};

/// How a command's words reach the person or the script.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Whether the answer is one JSON document on standard output.
    pub json: bool,
    /// Whether everything but answers and problems is left out.
    pub quiet: bool,
}

/// What a command answers, in words and as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    json: Value,
    asked_for: bool,
    /// The exit status of a command that ends with it.
    pub code: ExitCode,
}

impl Answer {
    /// What was done. `--quiet` leaves the words out.
    pub(crate) fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, asked_for: false, code: ExitCode::Success }
    }

    /// The same answer, ending with another exit status: what was asked for is told, and it is bad news.
    pub(crate) fn ending_with(self, code: ExitCode) -> Self {
        Self { code, ..self }
    }

    /// The instance that it is about, if it names one.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.json.get("instance")?.as_str()
    }

    /// What was asked for: shown even with `--quiet`.
    pub(crate) fn shown(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, asked_for: true, code: ExitCode::Success }
    }
}

impl Output {
    /// Prints an answer.
    pub(crate) fn answer(self, answer: &Answer) {
        if self.json {
            line_to_stdout(&answer.json.to_string());
        } else if !answer.text.is_empty() && (answer.asked_for || !self.quiet) {
            line_to_stdout(&answer.text);
        }
    }

    /// Says something on the way, on standard error, so that answers stay clean.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet && !self.json {
            line_to_stderr(text);
        }
    }

    /// Prints a problem: words on standard error, or with `--json` an object on standard output.
    pub(crate) fn problem(self, problem: &Problem) {
        if self.json {
            line_to_stdout(&problem_json(problem).to_string());
        } else {
            line_to_stderr(&format!("error: {problem}"));
        }
    }
}

/// Rows under their headings, without lines round them.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings).add_rows(rows);
    table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Whether a person sits in front of standard error.
pub(crate) fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether a question would reach a person.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Writes a line to standard output and says whether anybody still reads.
pub(crate) fn line_reaches_stdout(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).is_ok()
}

fn line_to_stdout(text: &str) {
    // A reader that has gone away has seen enough; the exit status still tells how the work went.
    let _ = line_reaches_stdout(text);
}

fn line_to_stderr(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// A problem as JSON tells it.
pub(crate) fn problem_json(problem: &Problem) -> Value {
    let Problem { what, detail, hint, code } = problem;
    json!({ "error": { "what": what, "detail": detail, "hint": hint, "code": *code as u8 } })
}
