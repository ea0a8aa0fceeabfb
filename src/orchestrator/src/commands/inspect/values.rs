//! Every value of an instance with where it comes from: its spec, a default, or other values. It reads no setting of
//! the server; `ytorch config` shows those.

use serde::Serialize;
use ytorch_core::InstanceFolders;

use crate::{
    size,
    spec::{Limits, Network, ReleaseId, Spec},
};

/// A value and who said it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Stated {
    /// What it is called.
    pub name: &'static str,
    /// What it is, in words.
    pub value: String,
    /// `spec`, `default` or `derived`.
    pub origin: &'static str,
}

fn stated(name: &'static str, value: &dyn ToString, origin: &'static str) -> Stated {
    Stated { name, value: value.to_string(), origin }
}

/// A value of the spec, or the default where the spec is silent.
fn or(name: &'static str, said: Option<String>, default: &str) -> Stated {
    match said {
        Some(value) => stated(name, &value, "spec"),
        None => stated(name, &default, "default"),
    }
}

/// All values of a spec and what follows from them.
pub(super) fn values(spec: &Spec, folders: &InstanceFolders) -> Vec<Stated> {
    let Spec { name, generation, desired, engine, port, bind, .. } = spec;
    let Spec { release, previous_release, idle_exit_seconds, host_names, network, limits, trial, .. } = spec;
    let Limits { memory_bytes, tasks, cpu_percent } = limits;
    let said_network = (*network != Network::default()).then(|| network.to_string());
    vec![
        stated("name", name, "spec"),
        stated("generation", generation, "spec"),
        stated("desired", desired, "spec"),
        stated("engine", engine, "spec"),
        stated("port", port, "spec"),
        stated("bind", bind, "spec"),
        or("release", release.as_ref().map(ReleaseId::to_string), "the program beside ytorch"),
        or("previous release", previous_release.as_ref().map(ReleaseId::to_string), "none"),
        or("idle", idle_exit_seconds.map(|seconds| format!("{seconds} seconds")), "never"),
        or("host names", (!host_names.is_empty()).then(|| host_names.join(", ")), "none"),
        or("network", said_network, "auto"),
        or("memory", memory_bytes.map(size::in_words), "unlimited"),
        or("tasks", tasks.map(|tasks| tasks.to_string()), "unlimited"),
        or("cpus", cpu_percent.map(|percent| format!("{percent} percent of one")), "unlimited"),
        or("upgrade", trial.as_ref().map(|trial| format!("not finished, since {}", trial.started)), "none"),
        stated("url", &spec.url(), "derived"),
        stated("folder", &folders.root().display(), "derived"),
    ]
}
