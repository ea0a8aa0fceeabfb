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

use super::{Context, chosen, engine};
use crate::{command_line::Choice, output::Answer, root::Place, spec::Spec, state::Status};

/// A server that is asked for its status may think this long.
const STATUS_PATIENCE: Duration = Duration::from_secs(2);
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
    let lines: Vec<String> = status.lines().iter().map(|(name, text)| format!("{name:<10}{text}")).collect();
    Ok(Answer::shown(lines.join("\n"), status.to_json()))
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

fn look(context: &Context, spec: &Spec, patience: Duration) -> Status {
    let folders = context.root.folders(&spec.name);
    let observed = engine(spec.engine).observe(&folders);
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
