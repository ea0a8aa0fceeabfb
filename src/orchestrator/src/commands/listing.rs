//! `ytorch status` and `ytorch list`: how instances are. They start nothing and write nothing.

use std::{
    collections::BTreeMap,
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
    engine::Observed,
    output::Answer,
    root::Place,
    server_client::ServerClient,
    spec::{EngineName, Spec},
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
    status_of(context, spec, &observed, patience)
}

fn status_of(context: &Context, spec: &Spec, observed: &Observed, patience: Duration) -> Status {
    Status::of(spec, &context.root.folders(&spec.name), observed, &context.clock, patience)
}

/// Looks at many instances at once, in their order.
fn look_at_all(context: &Context, names: &[InstanceName]) -> Vec<Result<Status, Problem>> {
    let specs: Vec<Result<Spec, Problem>> = names.iter().map(|name| spec_of(context, name)).collect();
    let seen = observed_together(context, &specs);
    let next = AtomicUsize::new(0);
    let statuses = Mutex::new(Vec::with_capacity(names.len()));
    thread::scope(|scope| {
        for _ in 0..ASKED_AT_A_TIME.min(names.len()) {
            scope.spawn(|| {
                while let Some((index, spec)) = take(&specs, &next) {
                    let status = spec.as_ref().map_err(Clone::clone).map(|spec| match seen.get(&spec.name) {
                        Some(observed) => status_of(context, spec, observed, LIST_PATIENCE),
                        None => look(context, spec, LIST_PATIENCE),
                    });
                    statuses.lock().expect("no thread panics while it holds the list").push((index, status));
                }
            });
        }
    });
    let mut statuses = statuses.into_inner().expect("no thread panics while it holds the list");
    statuses.sort_by_key(|(index, _)| *index);
    statuses.into_iter().map(|(_, status)| status).collect()
}

/// What runs, of the engines that can tell it of all their instances at once.
fn observed_together(context: &Context, specs: &[Result<Spec, Problem>]) -> BTreeMap<InstanceName, Observed> {
    let mut seen = BTreeMap::new();
    for name in [EngineName::Quadlet, EngineName::Podman, EngineName::Native] {
        let of_engine = specs.iter().flatten().filter(|spec| spec.engine == name);
        let instances: Vec<_> = of_engine.map(|spec| (context.root.folders(&spec.name), spec)).collect();
        let Some((folders, _)) = instances.first() else { continue };
        let observed = engine(folders, name).observe_together(&instances).unwrap_or_default();
        seen.extend(instances.iter().map(|(_, spec)| spec.name.clone()).zip(observed));
    }
    seen
}

fn take<'a, Item>(items: &'a [Item], next: &AtomicUsize) -> Option<(usize, &'a Item)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, items.get(index)?))
}

fn spec_of(context: &Context, name: &InstanceName) -> Result<Spec, Problem> {
    match context.root.place(name)? {
        Place::Instance(spec) => Ok(spec),
        _ => context.root.instance(name),
    }
}
