//! What differs between two specs of an instance, value by value. It decides nothing.

use serde::Serialize;
use ytorch_core::InstanceName;

use crate::{
    size,
    spec::{Limits, Spec},
};

/// A value that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// Which.
    pub name: &'static str,
    /// What it was, in words.
    pub old: String,
    /// What it becomes.
    pub new: String,
}

/// All that differs but the generation, which always does.
pub(super) fn changes(old: &Spec, new: &Spec) -> Vec<Change> {
    let pairs = values(old).into_iter().zip(values(new));
    pairs.filter(|(old, new)| old != new).map(|((name, old), (_, new))| Change { name, old, new }).collect()
}

/// The changes as lines `old → new`.
pub(super) fn in_words(name: &InstanceName, changes: &[Change]) -> String {
    if changes.is_empty() {
        return format!("nothing changes for `{name}`");
    }
    changes.iter().map(|Change { name, old, new }| format!("{name}: {old} → {new}")).collect::<Vec<_>>().join("\n")
}

/// Every value of a spec that `set` may change, in words.
fn values(spec: &Spec) -> Vec<(&'static str, String)> {
    let Spec { name: _, generation: _, desired, engine: _, port, bind, .. } = spec;
    let Spec { release: _, previous_release: _, trial: _, idle_exit_seconds, host_names, network, limits, .. } = spec;
    let Limits { memory_bytes, tasks, cpu_percent } = limits;
    let none = || "none".to_owned();
    vec![
        ("desired", desired.to_string()),
        ("port", port.to_string()),
        ("bind", bind.to_string()),
        ("idle", idle_exit_seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds} seconds"))),
        ("host names", if host_names.is_empty() { none() } else { host_names.join(", ") }),
        ("network", network.to_string()),
        ("memory", memory_bytes.map_or_else(none, size::in_words)),
        ("tasks", tasks.map_or_else(none, |tasks| tasks.to_string())),
        ("cpus", cpu_percent.map_or_else(none, |percent| format!("{}.{:02}", percent / 100, percent % 100))),
    ]
}
