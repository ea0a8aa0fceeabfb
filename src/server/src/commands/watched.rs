//! A long work on files, with its progress told as `import` tells it. It does none of the work.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use ytorch_backup::Watch;
use ytorch_core::{ExitCode, Problem};

use crate::output;

/// Progress is told no more often than this.
const BETWEEN_REPORTS: Duration = Duration::from_millis(100);

/// The same for people, who read lines rather than a bar here; `ytorch` draws the bar.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

/// Does the work and answers in the way that was asked for. In JSON even a failure is an answer.
pub(super) fn answer<T: Serialize>(
    json: bool,
    phase: &'static str,
    work: impl FnOnce(&mut Watch<'_>) -> Result<T, Problem>,
    in_words: impl FnOnce(&T) -> Vec<String>,
) -> Result<ExitCode, Problem> {
    let mut last = Instant::now();
    let mut report = |done, total| {
        let now = Instant::now();
        if now.duration_since(last) >= if json { BETWEEN_REPORTS } else { BETWEEN_LINES } {
            last = now;
            tell_progress(json, phase, done, total);
        }
    };
    // A kill leaves nothing that the next run would not sweep, so a signal needs no ear here.
    let result = work(&mut Watch::new(&mut report, &|| false));
    match result {
        Ok(value) if json => output::answer_json(&json!({ "event": "done", "result": value })),
        Ok(value) => in_words(&value).iter().for_each(|line| output::answer(line)),
        Err(Problem { what, detail, hint, code }) if json => {
            let problem = json!({ "what": what, "detail": detail, "hint": hint });
            output::answer_json(&json!({ "event": "failed", "problem": problem }));
            return Ok(code);
        }
        Err(problem) => return Err(problem),
    }
    Ok(ExitCode::Success)
}

fn tell_progress(json: bool, phase: &str, done: u64, total: u64) {
    if json {
        let event = json!({ "event": "progress", "phase": phase, "bytes_done": done, "bytes_total": total });
        output::answer_json(&event);
        return;
    }
    let percent = (done.min(total) * 100).checked_div(total).unwrap_or(100);
    output::tell(&format!("{phase}: {percent} %"));
}
