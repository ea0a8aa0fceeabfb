//! `ytorch maintain`: the server's program looks after the database of an instance. Whoever has it open does it.

use std::{thread, time::Duration};

use serde_json::Value;
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem};

use super::{
    Context, chosen,
    ingest::Way,
    live::{Live, text},
    read_token, server_program_of,
};
use crate::{command_line::Change, output::Answer, progress::Progress, server_work, size, spec::Spec};

const POLL: Duration = Duration::from_millis(200);

/// Maintains an instance, or says what there would be to do.
pub(super) fn maintain(context: &Context, options: &Change) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    if options.dry_run.dry_run {
        return alone(context, &spec, &folders, &["--dry-run"]);
    }
    match Way::of(&spec, &folders)? {
        Way::Server(client) => through_the_server(context, &Live::with(name, client, read_token(&folders))?),
        Way::Alone => {
            let _lock = context.root.lock_instance(&name, "maintain")?;
            alone(context, &spec, &folders, &[])
        }
    }
}

/// The running server has the database open, and must do it itself: as a job, which is waited for.
fn through_the_server(context: &Context, live: &Live) -> Result<Answer, Problem> {
    let mut job = live.post("/api/v1/schedules/maintain/run")?;
    let path = format!("/api/v1/jobs/{}", job["id"]);
    let mut progress = Progress::new(context.output);
    while matches!(text(&job, "state"), "queued" | "running") {
        let phase = if text(&job, "state") == "queued" { "waiting for its turn" } else { "maintaining" };
        progress.show(phase, 0, 0);
        thread::sleep(POLL);
        job = live.ask(&path).map_err(|problem| {
            Problem::new(problem.code, "the server stopped answering before the maintenance had ended")
                .detail(problem.what)
                .hint("nothing is lost: it goes on, or is done again, when the instance starts again")
        })?;
    }
    progress.finish();
    ended(&live.name, job)
}

fn ended(name: &InstanceName, mut job: Value) -> Result<Answer, Problem> {
    let said = |field: &str| job[field].as_str().unwrap_or("the server does not say more").to_owned();
    match text(&job, "state") {
        "done" | "skipped" => {
            let text = format!("`{name}`: {}", said("message"));
            job["instance"] = name.as_str().into();
            Ok(Answer::done(text, job))
        }
        "cancelled" => Err(Problem::new(ExitCode::Refused, format!("the maintenance of `{name}` was cancelled"))
            .hint(format!("start it again: ytorch maintain {name}"))),
        _ => Err(Problem::new(ExitCode::Unfit, format!("the maintenance of `{name}` failed"))
            .detail(said("error"))
            .hint(format!("`ytorch logs {name}` has more"))),
    }
}

fn alone(context: &Context, spec: &Spec, folders: &InstanceFolders, arguments: &[&str]) -> Result<Answer, Problem> {
    let name = &spec.name;
    let program = server_program_of(folders, spec)?;
    let mut command = program.command("maintain", folders);
    command.arg("--json").args(arguments);
    let mut progress = Progress::new(context.output);
    let done = server_work::follow(&program, "maintain", command, &mut progress);
    progress.finish();
    let mut result = done?["result"].take();
    let is_damaged = result["faults"].as_array().is_some_and(|faults| !faults.is_empty());
    let is_dry = !arguments.is_empty();
    let text = in_words(name, &result, is_dry);
    result["instance"] = name.as_str().into();
    result["dry_run"] = is_dry.into();
    let answer = if is_dry { Answer::shown(text, result) } else { Answer::done(text, result) };
    Ok(if is_damaged { answer.ending_with(ExitCode::Unfit) } else { answer })
}

fn in_words(name: &InstanceName, result: &Value, is_dry: bool) -> String {
    let bytes = |field: &str| size::in_words(result[field].as_u64().unwrap_or_default());
    let faults: Vec<&str> = result["faults"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !faults.is_empty() {
        let list = faults.join("\n  ");
        return format!(
            "the database of `{name}` is damaged; nothing was done\n  {list}\nrestore a backup: ytorch backup list {name}"
        );
    }
    let mut lines = vec![format!(
        "the database of `{name}` is whole: {}, of which {} hold nothing",
        bytes("database_bytes"),
        bytes("reclaimable_bytes")
    )];
    let count = |field: &str| result[field].as_array().map_or(0, Vec::len);
    if is_dry {
        let vacuum = if result["worth_a_vacuum"] == true { "would vacuum it" } else { "would not vacuum it" };
        lines.push(vacuum.to_owned());
        lines.push(format!("would sweep {} left-overs ({})", count("leftovers"), bytes("leftover_bytes")));
    } else {
        lines.push(format!("{} given back, {} left-overs swept", bytes("freed_bytes"), count("swept")));
        lines.extend(result["not_vacuumed"].as_str().map(|why| format!("not vacuumed: {why}")));
    }
    lines.join("\n")
}
