//! `ytorch status` and `ytorch list`: how instances are. They start nothing and write nothing.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use ytorch_core::{InstanceName, Problem};

use super::{Context, chosen, engine, read_token};
use crate::{
    command_line::Choice,
    output::Answer,
    root::Place,
    server_client::ServerClient,
    spec::Spec,
    state::{Status, local},
};

/// A server that is asked for its status may think this long.
pub(super) const STATUS_PATIENCE: Duration = Duration::from_secs(2);
/// In a list, where many are asked, this long.
const LIST_PATIENCE: Duration = Duration::from_millis(500);
/// How many servers are asked at a time: they mostly wait.
const ASKED_AT_A_TIME: usize = 16;

/// How one instance is.
pub(super) fn status(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    let spec = match context.root.place(&name)? {
        // Its state says what to do; an instance that is half removed is still one that can be asked about.
        Place::Instance(spec) => spec,
        _ => context.root.instance(&name)?,
    };
    let status = look(context, &spec, STATUS_PATIENCE);
    let told = if status.answers() { ask(context, &spec) } else { None };
    let mut lines = status.lines();
    let mut json = status.to_json();
    if let Some(told) = told {
        lines.extend(told.lines(&name));
        json["jobs"] = json!({ "pending": told.pending, "failed": told.failed });
        json["newest_backup_at"] = json!(told.newest_backup_at);
    }
    let lines: Vec<String> = lines.iter().map(|(name, text)| format!("{name:<10}{text}")).collect();
    Ok(Answer::shown(lines.join("\n"), json))
}

/// What only the server itself knows.
struct Told {
    pending: u64,
    failed: u64,
    newest_backup_at: Option<String>,
}

/// Asks a server for its numbers. One that does not tell them is no problem here: how it is was said already.
fn ask(context: &Context, spec: &Spec) -> Option<Told> {
    let token = read_token(&context.root.folders(&spec.name)).ok()?;
    let told = ServerClient::new(spec, STATUS_PATIENCE).ask("/status", &token).ok()?;
    let sections = told["pipelines"].as_object()?;
    let sum = |field: &str| sections.values().filter_map(|section| section[field].as_u64()).sum();
    let newest_backup_at = told["backups"]["newest_at"].as_str().map(str::to_owned);
    Some(Told { pending: sum("pending"), failed: sum("failed"), newest_backup_at })
}

impl Told {
    fn lines(&self, name: &InstanceName) -> [(&'static str, String); 2] {
        let hint = if self.failed == 0 { String::new() } else { format!(": ytorch jobs {name} --state failed") };
        let jobs = format!("{} pending, {} failed{hint}", self.pending, self.failed);
        let none = || format!("none yet: ytorch backup {name}");
        [("jobs", jobs), ("backup", self.newest_backup_at.as_deref().map_or_else(none, local))]
    }
}

/// The names of all instances, a line each, for the completion of a shell: it asks no server.
pub(super) fn names(context: &Context) -> Result<Answer, Problem> {
    let names = context.root.names()?;
    let lines: Vec<&str> = names.iter().map(InstanceName::as_str).collect();
    Ok(Answer::shown(lines.join("\n"), json!({ "names": names })))
}

/// How all instances are.
pub(super) fn list(context: &Context) -> Result<Answer, Problem> {
    let names = context.root.names()?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(Status::HEADINGS);
    let mut items = Vec::new();
    for (name, seen) in names.iter().zip(look_at_all(context, &names)) {
        match seen {
            Ok(status) => {
                table.add_row(status.row());
                items.push(status.to_json());
            }
            Err(problem) => {
                table.add_row([name.as_str(), "broken", &problem.what]);
                items.push(json!({ "name": name, "state": "broken", "reason": problem.to_string() }));
            }
        }
    }
    let text = if items.is_empty() {
        format!("no instances in {}\nmake one: ytorch create", context.root.path().display())
    } else {
        table.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("\n")
    };
    Ok(Answer::shown(text, json!({ "root": context.root.path(), "instances": Value::Array(items) })))
}

pub(super) fn look(context: &Context, spec: &Spec, patience: Duration) -> Status {
    let folders = context.root.folders(&spec.name);
    let observed = engine(&folders, spec.engine).observe(&folders, spec);
    Status::of(spec, &folders, &observed, &context.clock, patience)
}

/// Looks at many instances at once, in their order.
fn look_at_all(context: &Context, names: &[InstanceName]) -> Vec<Result<Status, Problem>> {
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(Vec::with_capacity(names.len()));
    thread::scope(|scope| {
        for _ in 0..ASKED_AT_A_TIME.min(names.len()) {
            scope.spawn(|| {
                while let Some((index, name)) = take(names, &next) {
                    let status = spec_of(context, name).map(|spec| look(context, &spec, LIST_PATIENCE));
                    seen.lock().expect("no thread panics while it holds the list").push((index, status));
                }
            });
        }
    });
    let mut seen = seen.into_inner().expect("no thread panics while it holds the list");
    seen.sort_by_key(|(index, _)| *index);
    seen.into_iter().map(|(_, status)| status).collect()
}

fn take<'a>(names: &'a [InstanceName], next: &AtomicUsize) -> Option<(usize, &'a InstanceName)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, names.get(index)?))
}

fn spec_of(context: &Context, name: &InstanceName) -> Result<Spec, Problem> {
    match context.root.place(name)? {
        Place::Instance(spec) => Ok(spec),
        _ => context.root.instance(name),
    }
}
