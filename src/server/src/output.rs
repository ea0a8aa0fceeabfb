//! Lines for people and programs. It does not log, and it minds no closed pipe: then nobody is listening.

use std::io::{self, Write as _};

use serde::Serialize;

/// A line of the answer, to standard output.
pub(crate) fn answer(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// The answer, or a part of it, as one line of JSON to standard output.
pub(crate) fn answer_json(value: &impl Serialize) {
    let line = serde_json::to_string(value).expect("what we answer has only text keys");
    answer(&line);
}

/// A line about the work, to standard error.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
