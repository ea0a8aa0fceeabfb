//! Checks of one instance: its folder, secrets, settings, port and processes. It mends nothing.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
};

use ytorch_core::{InstanceFolders, Secret};

use super::Check;
use crate::{
    commands::{Context, engine, server_program_of},
    engine::{Activity, Observed},
    ports,
    spec::{Desired, Spec},
};

pub(super) fn checks(context: &Context, spec: &Spec) -> Vec<Check> {
    let folders = context.root.folders(&spec.name);
    let observed = engine(&folders, spec.engine).observe(&folders, spec);
    let mut checks = vec![
        Check::ok("spec", format!("{}, generation {}", folders.spec().display(), spec.generation)),
        folder(&folders),
        token(&folders),
        secrets(&folders),
        processes(spec, &observed),
        port(context, spec, &observed),
    ];
    checks.extend(settings(&folders, spec, &observed));
    checks
}

fn folder(folders: &InstanceFolders) -> Check {
    let path = folders.root().display();
    let user = rustix::process::geteuid().as_raw();
    match fs::metadata(folders.root()) {
        Ok(metadata) if metadata.uid() == user => Check::ok("folder", format!("{path} is yours")),
        Ok(metadata) => Check::fail(
            "folder",
            format!("{path} belongs to the user {}", metadata.uid()),
            "run ytorch as that user, or give the folder to yourself with `chown -R`",
        ),
        Err(error) => Check::fail("folder", format!("{path}: {error}"), "look at its permissions"),
    }
}

fn token(folders: &InstanceFolders) -> Check {
    let path = folders.token();
    match Secret::read(&path) {
        Ok(_) => Check::ok("token", "is there and private"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Check::warn("token", "is not there", "the server makes a new one at its next start")
        }
        Err(error) => {
            let is_open = too_open(folders).contains(&path);
            let mend = if is_open { "chmod 600" } else { "the server makes a new one at its start: rm" };
            Check::fail("token", format!("{}: {error}", path.display()), format!("{mend} {}", path.display()))
        }
    }
}

fn secrets(folders: &InstanceFolders) -> Check {
    let open = too_open(folders);
    if open.is_empty() {
        return Check::ok("secrets", "nobody else can read them");
    }
    let names: Vec<String> = open.iter().map(|path| path.display().to_string()).collect();
    let hint = format!("chmod -R go= {}", folders.secrets().display());
    Check::fail("secrets", format!("others can read {}", names.join(", ")), hint)
}

/// The secrets folder and files that others may read.
fn too_open(folders: &InstanceFolders) -> Vec<PathBuf> {
    let inside = fs::read_dir(folders.secrets()).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_open = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0);
    std::iter::once(folders.secrets()).chain(inside).filter(is_open).collect()
}

fn processes(spec: &Spec, observed: &Observed) -> Check {
    let name = &spec.name;
    let mend = if spec.desired.serves() { "start" } else { "stop" };
    match observed.activity {
        Activity::Orphan { pid } => Check::warn(
            "processes",
            format!("nothing keeps the server any more, which lives (pid {pid})"),
            format!("ytorch {mend} {name}"),
        ),
        Activity::Importing { pid, work } => Check::ok("processes", format!("{work} is running (pid {pid})")),
        Activity::Listening if spec.desired == Desired::OnDemand => {
            Check::ok("processes", "none; the first request starts one")
        }
        Activity::Listening => Check::warn("processes", "only the port is held", format!("ytorch {mend} {name}")),
        Activity::Kept if !spec.desired.serves() => {
            Check::warn("processes", "a server runs that should not", format!("ytorch {mend} {name}"))
        }
        Activity::Kept if !observed.serves(spec) => {
            Check::warn("processes", "the server runs with an older spec", format!("ytorch start {name}"))
        }
        Activity::Kept => Check::ok("processes", "the server runs and is supervised"),
        Activity::Nothing => match observed.stale_pid() {
            Some(pid) => Check::warn(
                "processes",
                format!("a stale process id is left ({pid}); it is never signalled"),
                format!("ytorch {mend} {name}"),
            ),
            None if spec.desired.serves() => {
                Check::warn("processes", "the server should run and does not", format!("ytorch start {name}"))
            }
            None => Check::ok("processes", "none, as it should be"),
        },
    }
}

fn port(context: &Context, spec: &Spec, observed: &Observed) -> Check {
    let edit = format!("give it another port in {}", context.root.folders(&spec.name).spec().display());
    let others = context.root.specs().unwrap_or_default();
    if let Some(other) = others.iter().find(|other| other.name != spec.name && other.port == spec.port) {
        return Check::fail("port", format!("{} is also the port of `{}`", spec.port, other.name), edit);
    }
    if observed.activity.answers() || ports::can_bind(spec.bind, spec.port) {
        return Check::ok("port", format!("{} on {}", spec.port, spec.bind));
    }
    Check::failed("port", ports::taken(spec.port, &edit))
}

fn settings(folders: &InstanceFolders, spec: &Spec, observed: &Observed) -> Option<Check> {
    if matches!(observed.activity, Activity::Importing { .. }) {
        return None;
    }
    let program = match server_program_of(folders, spec) {
        Ok(program) => program,
        // That the usual one is missing is told by the machine's checks.
        Err(_) if spec.release.is_none() => return None,
        Err(problem) => return Some(Check::failed("settings", problem)),
    };
    Some(match program.check(folders) {
        Ok(()) => Check::ok("settings", "the server finds nothing wrong"),
        Err(problem) => Check::failed("settings", problem),
    })
}
