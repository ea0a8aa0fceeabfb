//! `import` and `reingest`: the pipeline's work without a server. They hold the instance's lock meanwhile.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use ytorch_core::{ExitCode, Problem};
use ytorch_history::ingest::{Phase, Progress};
use ytorch_pipeline::Resources;

use crate::{
    command_line::{Import, Work},
    instance::Instance,
    lock::ServerLock,
    output,
};

/// Progress is told no more often than this; a new phase is told at once.
const BETWEEN_REPORTS: Duration = Duration::from_millis(100);

/// The same for people, who read lines rather than a bar here; `ytorch ingest` draws the bar.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

pub(crate) fn import(arguments: &Import) -> Result<ExitCode, Problem> {
    answer(&arguments.work, |resources, report| ytorch_history::ingest::import(resources, &arguments.files, report))
}

pub(crate) fn reingest(arguments: &Work) -> Result<ExitCode, Problem> {
    answer(arguments, ytorch_history::ingest::reingest)
}

/// Does the work and answers in the way that was asked for. In JSON even a failure is an answer.
fn answer<T: Serialize>(
    arguments: &Work,
    work: impl FnOnce(&Resources, &mut (dyn FnMut(Progress) + Send)) -> Result<T, Problem>,
) -> Result<ExitCode, Problem> {
    let mut reporter = Reporter { json: arguments.json, last: None };
    let result = run(arguments, work, &mut reporter);
    match result {
        Ok(import) if arguments.json => output::answer_json(&json!({ "event": "done", "import": import })),
        Ok(import) => tell_summary(&json!(import)),
        Err(Problem { what, detail, hint, code }) if arguments.json => {
            let problem = json!({ "what": what, "detail": detail, "hint": hint });
            output::answer_json(&json!({ "event": "failed", "problem": problem }));
            return Ok(code);
        }
        Err(problem) => return Err(problem),
    }
    Ok(ExitCode::Success)
}

fn run<T>(
    arguments: &Work,
    work: impl FnOnce(&Resources, &mut (dyn FnMut(Progress) + Send)) -> Result<T, Problem>,
    reporter: &mut Reporter,
) -> Result<T, Problem> {
    let instance = Instance::find(&arguments.target)?;
    instance.make_folders()?;
    let _lock = ServerLock::take(&instance.folders)?;
    let _logging = instance.start_logs();
    let resources = instance.open()?;
    work(&resources, &mut |progress| reporter.report(progress))
}

struct Reporter {
    json: bool,
    last: Option<(Phase, Instant)>,
}

impl Reporter {
    fn report(&mut self, progress: Progress) {
        let now = Instant::now();
        let pause = if self.json { BETWEEN_REPORTS } else { BETWEEN_LINES };
        if self.last.is_some_and(|(phase, at)| phase == progress.phase && now.duration_since(at) < pause) {
            return;
        }
        self.last = Some((progress.phase, now));
        let Progress { phase, bytes_done, bytes_total, records } = progress;
        if self.json {
            let event = json!({
                "event": "progress", "phase": phase, "bytes_done": bytes_done, "bytes_total": bytes_total,
                "records": records,
            });
            output::answer_json(&event);
            return;
        }
        let percent = (bytes_done.min(bytes_total) * 100).checked_div(bytes_total).unwrap_or(100);
        let doing = match phase {
            Phase::Reading => "reading",
            Phase::Writing => "writing",
            Phase::Summing => "adding up",
        };
        output::tell(&format!("{doing}: {percent} %, {records} records"));
    }
}

/// All counts of an import, one a line, named as in the API.
fn tell_summary(import: &Value) {
    let skipped = &import["skipped"];
    let lines = [
        ("records", &import["records_total"]),
        ("views added", &import["views_added"]),
        ("views known already", &import["views_known"]),
        ("advertisements skipped", &skipped["ads"]),
        ("posts skipped", &skipped["posts"]),
        ("removed without an id", &skipped["removed_without_id"]),
        ("other things skipped", &skipped["other"]),
        ("rejected", &import["rejected"]),
        ("milliseconds", &import["duration_ms"]),
    ];
    for (name, count) in lines {
        output::answer(&format!("{name:<24}{count:>12}"));
    }
}
