//! `ytorch config`: the spec and every setting, each with where it comes from. It changes nothing.

use comfy_table::{Table, presets};
use serde_json::{Value, json};
use ytorch_core::Problem;

use super::{Context, chosen, server_program_of};
use crate::{
    command_line::Choice,
    output::Answer,
    spec::{Limits, Spec},
};

/// Shows what an instance is made of.
pub(super) fn config(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    let told = server_program_of(&folders, &spec)?.settings(&folders, &spec)?;
    let settings = told.get("settings").cloned().unwrap_or(told);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["NAME", "VALUE", "ORIGIN"]);
    for (name, value) in spec_rows(&spec) {
        table.add_row([name, &value, "config/instance.toml"]);
    }
    // What the server is told by flags comes from the spec, which is shown above.
    let is_own = |setting: &&Value| setting.get("origin").and_then(Value::as_str) != Some("flag");
    for setting in settings.as_array().into_iter().flatten().filter(is_own) {
        table.add_row(setting_row(setting));
    }
    let text: Vec<String> = table.lines().map(|line| line.trim().to_owned()).collect();
    Ok(Answer::shown(text.join("\n"), json!({ "instance": name, "spec": spec, "settings": settings })))
}

fn spec_rows(spec: &Spec) -> Vec<(&'static str, String)> {
    let Spec { name, generation, desired, engine, port, bind, .. } = spec;
    let Spec { release, previous_release, idle_exit_seconds, host_names, network, limits, trial, .. } = spec;
    let Limits { memory_bytes, tasks, cpu_percent } = limits;
    let mut rows = vec![
        ("name", name.to_string()),
        ("generation", generation.to_string()),
        ("desired", desired.to_string()),
        ("engine", engine.to_string()),
        ("port", port.to_string()),
        ("bind", bind.to_string()),
    ];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    add("release", release.as_ref().map(ToString::to_string));
    add("previous_release", previous_release.as_ref().map(ToString::to_string));
    add("idle_exit_seconds", idle_exit_seconds.map(|seconds| format!("{seconds} seconds")));
    add("host_names", (!host_names.is_empty()).then(|| host_names.join(", ")));
    add("network", engine.is_container().then(|| network.to_string()));
    add("limits.memory_bytes", memory_bytes.map(|bytes| format!("{bytes} bytes")));
    add("limits.tasks", tasks.map(|tasks| tasks.to_string()));
    add("limits.cpu_percent", cpu_percent.map(|percent| format!("{percent} percent")));
    add("trial", trial.as_ref().map(|trial| format!("since {}", trial.started)));
    rows
}

/// A setting as the server lists it: `name`, `value`, `unit`, `origin`, and the `place` of the origin.
fn setting_row(setting: &Value) -> [String; 3] {
    let word = |key: &str| setting.get(key).filter(|value| !value.is_null()).map(in_words).unwrap_or_default();
    let joined = |first: &str, second: &str| format!("{} {}", word(first), word(second)).trim().to_owned();
    let origin = if word("origin") == "default" { word("origin") } else { joined("origin", "place") };
    [word("name"), joined("value", "unit"), origin]
}

fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
