//! `ytorch start`, `stop` and `restart`: the wish is written, then what is made equal to it. They never make a folder.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem};

use super::{
    Context, carry_out, chosen, engine, note_stale,
    upgrade::{self, note_unfinished, settle},
    would_do,
};
use crate::{
    command_line::Change,
    engine::{Activity, Engine, Observed},
    output::Answer,
    plan::{self, Action},
    ports,
    server_client::ServerClient,
    spec::{Desired, Spec},
};

/// What is waited for at most until a server is ready.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// So long.
    pub time: Duration,
    /// So many ends of it, after each of which it is started again.
    pub ends: u32,
}

/// A person waits for it, and it is tried on after that.
const USUAL_PATIENCE: Patience = Patience { time: Duration::from_secs(20), ends: u32::MAX };
const POLL: Duration = Duration::from_millis(25);

/// Starts an instance and waits until it is ready.
pub(super) fn start(context: &Context, options: &Change) -> Result<Answer, Problem> {
    change(context, options, "start", Desired::Running, |spec| match spec.desired {
        Desired::Running | Desired::OnDemand => spec.clone(),
        Desired::Stopped | Desired::Removed => spec.wanting(Desired::Running),
    })
}

/// Stops an instance.
pub(super) fn stop(context: &Context, options: &Change) -> Result<Answer, Problem> {
    change(context, options, "stop", Desired::Stopped, |spec| match spec.desired {
        Desired::Stopped => spec.clone(),
        Desired::Running | Desired::OnDemand | Desired::Removed => spec.wanting(Desired::Stopped),
    })
}

/// Starts an instance anew: the next generation is wanted, so what runs for the old one is replaced.
pub(super) fn restart(context: &Context, options: &Change) -> Result<Answer, Problem> {
    change(context, options, "restart", Desired::Running, |spec| spec.wanting(Desired::Running))
}

/// After `create` and `restore`: starts what its spec says.
pub(super) fn bring_up(context: &Context, name: &InstanceName, spec: &Spec) -> Result<(), Problem> {
    let _lock = context.root.lock_instance(name, "create")?;
    upgrade::bring_up(context, spec)
}

fn change(
    context: &Context,
    options: &Change,
    verb: &str,
    wish: Desired,
    edit: impl Fn(&Spec) -> Spec,
) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let folders = context.root.folders(&name);
    let plan = |spec: &Spec| -> Result<(Spec, Vec<Action>), Problem> {
        let wanted = edit(spec);
        let observed = observe(&folders, spec)?;
        if wish == Desired::Running {
            let others = context.root.specs()?;
            ports::is_nobody_elses(&others, spec).map_err(|problem| {
                problem.hint(format!("change `port` in {} and try again", folders.spec().display()))
            })?;
        }
        let mut actions = plan::edit(&folders, spec, &wanted);
        actions.extend(engine(&folders, wanted.engine).reconcile(&folders, &wanted, &observed)?);
        Ok((wanted, actions))
    };
    let spec = context.root.instance(&name)?;
    if options.dry_run.dry_run {
        note_unfinished(context, &spec);
        return Ok(would_do(&name, &plan(&spec)?.1));
    }
    let _lock = context.root.lock_instance(&name, verb)?;
    let (wanted, actions) = plan(&settle(context, context.root.instance(&name)?)?)?;
    note_stale(context, &actions);
    carry_out(&folders, &wanted, &actions)?;
    if wish == Desired::Running {
        wait_until_ready(&folders, &wanted)?;
    }
    let changed = !actions.is_empty();
    let text = match (wish, changed) {
        (Desired::Running | Desired::OnDemand, true) => format!("`{name}` is running at {}", wanted.url()),
        (Desired::Running | Desired::OnDemand, false) => format!("`{name}` is already running at {}", wanted.url()),
        (Desired::Stopped | Desired::Removed, true) => format!("`{name}` is stopped"),
        (Desired::Stopped | Desired::Removed, false) => format!("`{name}` is stopped already"),
    };
    let json = json!({
        "instance": name, "desired": wanted.desired, "changed": changed, "port": wanted.port, "url": wanted.url(),
        "actions": actions,
    });
    Ok(Answer::done(text, json))
}

/// Looks at an instance that is to be changed.
///
/// # Errors
/// If something runs that nobody should interrupt.
pub(super) fn observe(folders: &InstanceFolders, spec: &Spec) -> Result<Observed, Problem> {
    let engine = engine(folders, spec.engine);
    engine.reachable()?;
    let observed = engine.observe(folders, spec);
    match observed.activity {
        Activity::Importing { pid, work } => Err(import_runs(&spec.name, pid, work)),
        Activity::Nothing | Activity::Kept | Activity::Listening | Activity::Orphan { .. } => Ok(observed),
    }
}

/// The problem of an import or maintenance without a server, which nobody should interrupt.
fn import_runs(name: &InstanceName, pid: u32, work: &str) -> Problem {
    Problem::new(ExitCode::Busy, format!("{work} is running on `{name}`"))
        .detail(format!("the process {pid} holds the database"))
        .hint("wait until it is done and try again")
}

/// Waits until the server says that it is ready, its supervisor gives up, or the patience ends.
pub(super) fn wait_until_ready(folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
    wait_within(folders, spec, USUAL_PATIENCE)
}

/// The same with another patience.
pub(super) fn wait_within(folders: &InstanceFolders, spec: &Spec, patience: Patience) -> Result<(), Problem> {
    let client = ServerClient::new(spec, Duration::from_secs(1));
    let engine = engine(folders, spec.engine);
    let until = Instant::now() + patience.time;
    loop {
        let ready = client.readiness();
        let report = engine.observe(folders, spec).report;
        let why = match ready {
            Ok(()) if report.as_ref().is_some_and(|report| report.server_pid.is_some()) => return Ok(()),
            // Two instances that start at once can both have found the port free.
            Ok(()) => "another program answers on its port".to_owned(),
            Err(why) => why,
        };
        let ended = report.filter(|report| report.given_up || report.restarts >= patience.ends);
        if let Some(code) = ended.and_then(|report| report.last_exit) {
            return Err(gave_up(folders, spec, &*engine, code));
        }
        if Instant::now() > until {
            return Err(not_ready(folders, spec, &*engine, patience, &why));
        }
        thread::sleep(POLL);
    }
}

fn not_ready(folders: &InstanceFolders, spec: &Spec, engine: &dyn Engine, patience: Patience, why: &str) -> Problem {
    let (name, seconds) = (&spec.name, patience.time.as_secs());
    Problem::new(ExitCode::Unhealthy, format!("`{name}` was not ready after {seconds} seconds"))
        .detail(format!("{why}{}", last_words(engine, folders, spec)))
        .hint(format!("it is still tried; `ytorch status {name}` says how it is, `ytorch stop {name}` ends it"))
}

fn gave_up(folders: &InstanceFolders, spec: &Spec, engine: &dyn Engine, code: i32) -> Problem {
    let hint = format!("mend that, then: ytorch start {}", spec.name);
    if code == i32::from(ExitCode::PortTaken as u8) {
        return ports::taken(spec.port, &hint);
    }
    Problem::new(ExitCode::Unhealthy, format!("the server of `{}` ended at its start (exit status {code})", spec.name))
        .detail(format!("its last lines:{}", last_words(engine, folders, spec)))
        .hint(hint)
}

pub(super) fn last_words(engine: &dyn Engine, folders: &InstanceFolders, spec: &Spec) -> String {
    engine.last_words(folders, spec).iter().flat_map(|line| ["\n    ", line.as_str()]).collect()
}
