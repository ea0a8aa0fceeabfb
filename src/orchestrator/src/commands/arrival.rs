//! What comes from elsewhere becomes an instance here: a backup, a clone, a folder. It knows none of these.

mod staging;

use std::net::{IpAddr, Ipv4Addr};

use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{Context, carry_out, running};
use crate::{
    engine::choice::{self, Facts},
    plan::{self, Action},
    podman::Podman,
    ports, programs,
    root::Place,
    spec::{Desired, EngineName, ReleaseId, Spec},
};

pub(super) use staging::Staging;

/// What a person wants of it; what they do not say stays as it was, if it can be had here.
#[derive(Debug)]
pub(super) struct Wishes {
    /// The port.
    pub port: Option<u16>,
    /// The address.
    pub bind: Option<IpAddr>,
    /// The engine and the release, with what has to be done to have them.
    pub engine: Option<(EngineName, Option<ReleaseId>, Vec<Action>)>,
    /// Whether it runs.
    pub desired: Desired,
}

impl Wishes {
    /// Nothing but whether it is started.
    pub(super) fn only(desired: Desired) -> Self {
        Self { port: None, bind: None, engine: None, desired }
    }
}

/// The problem of a name that cannot be taken; nothing if it is free.
pub(super) fn is_free(context: &Context, name: &InstanceName) -> Result<(), Problem> {
    let taken = |what: String, hint: String| Err(Problem::new(ExitCode::Refused, what).hint(hint));
    match context.root.place(name)? {
        Place::Absent => Ok(()),
        Place::Instance(_) => taken(format!("the instance `{name}` exists already"), "choose another name".to_owned()),
        Place::Removed(_) => taken(
            format!("`{name}` was torn down, and its data is kept"),
            format!("choose another name; `ytorch create {name}` takes it back, `ytorch purge {name}` deletes it"),
        ),
        Place::Foreign => Err(context.root.foreign(name)),
    }
}

/// A spec with a port, an address, an engine and a release that can be had here, and what has to be done to have them.
/// The root must be locked.
pub(super) fn spec_here(
    context: &Context,
    name: &InstanceName,
    kept: Option<&Spec>,
    wishes: Wishes,
) -> Result<(Spec, Vec<Action>), Problem> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    // An address of another machine is none of this one.
    let bind = wishes.bind.or(kept.map(|spec| spec.bind)).unwrap_or(loopback);
    let bind = if ports::can_bind(bind, 0) { bind } else { loopback };
    let mut others = context.root.specs()?;
    others.retain(|other| other.name != *name);
    let preferred = kept.map(|spec| spec.port);
    let port = ports::allocate(&others, wishes.port, preferred, |port| ports::can_bind(bind, port))?;
    let (engine, release, actions) = match (wishes.engine, kept) {
        (Some(chosen), _) => chosen,
        (None, Some(kept)) => engine_here(context, kept)?,
        (None, None) => (EngineName::Process, None, Vec::new()),
    };
    let spec = kept.cloned().unwrap_or_else(|| Spec::new(name.clone(), engine, bind, port));
    let previous_release = spec.previous_release.clone().filter(|_| release == spec.release);
    let generation = kept.map_or(1, |spec| spec.generation + 1);
    // Nobody starts a server on demand where no systemd holds the port.
    let wanted = if wishes.desired == Desired::OnDemand && engine == EngineName::Process {
        Desired::Running
    } else {
        wishes.desired
    };
    let spec = Spec { name: name.clone(), generation, desired: wanted, engine, port, bind, ..spec };
    Ok((Spec { release, previous_release, previous_snapshot: None, trial: None, ..spec }, actions))
}

/// The engine of a spec if it works here, else the best one that does; and its release if that is here, else the newest.
fn engine_here(context: &Context, kept: &Spec) -> Result<(EngineName, Option<ReleaseId>, Vec<Action>), Problem> {
    let root = context.root.path();
    let mut engine = kept.engine;
    if engine != EngineName::Process {
        let facts = Facts::of_this_machine(root);
        if let Err(why) = facts.fits(engine) {
            engine = facts.best().0;
            context
                .output
                .note(&format!("note: the engine `{}` does not work here ({why}): it is `{engine}` now", kept.engine));
        }
    }
    // Another engine is no other release: what ran as a quadlet runs as a plain unit, from the same image.
    if is_here(context, engine, kept.release.as_ref()) {
        return Ok((engine, kept.release.clone(), Vec::new()));
    }
    let (release, actions) = choice::release(engine, None, root)?.release(root)?;
    Ok((engine, release, actions))
}

fn is_here(context: &Context, engine: EngineName, release: Option<&ReleaseId>) -> bool {
    match release {
        None => engine == EngineName::Process,
        Some(release) if engine.is_container() => {
            Podman::of_this_machine().is_ok_and(|podman| podman.has("image", release.digits()).unwrap_or(false))
        }
        Some(release) => programs::place(context.root.path(), release).is_file(),
    }
}

/// Makes an instance of what is complete in a staging folder, by one rename.
pub(super) fn publish(
    context: &Context,
    staging: &Staging,
    kept: Option<&Spec>,
    wishes: Wishes,
    verb: &str,
) -> Result<Spec, Problem> {
    let name = &staging.name;
    let _root = context.root.lock(verb)?;
    is_free(context, name).map_err(|_| came_meanwhile(name))?;
    let (spec, mut actions) = spec_here(context, name, kept, wishes)?;
    let target = context.root.folders(name);
    actions.extend(plan::complete(&staging.folders, &spec));
    actions.push(Action::Publish { from: staging.folders.root().to_owned(), to: target.root().to_owned() });
    carry_out(&target, &spec, &actions)?;
    Ok(spec)
}

/// The problem of a name that somebody took or freed while this command worked.
pub(super) fn came_meanwhile(name: &InstanceName) -> Problem {
    Problem::new(ExitCode::Busy, format!("`{name}` came or went while it was put together"))
        .detail("another command made, removed or replaced it; nothing was changed")
        .hint("look with `ytorch list` and run the same command again")
}

/// Starts what its spec wants to serve, and says whether it did. `done` is what is true even if it does not start.
pub(super) fn start(context: &Context, spec: &Spec, done: &str) -> Result<bool, Problem> {
    let name = &spec.name;
    if !spec.bind.is_loopback() {
        context.output.note(&format!("note: other machines can reach this instance on {}", spec.bind));
    }
    if !spec.desired.serves() {
        return Ok(false);
    }
    running::bring_up(context, name, spec).map_err(|Problem { what, detail, hint, code }| {
        // The work is done all the same, which is what the person must know first.
        let detail = detail.map_or_else(|| what.clone(), |detail| format!("{what}: {detail}"));
        let problem = Problem::new(code, format!("`{name}` is {done} but does not run")).detail(detail);
        problem.hint(hint.unwrap_or_else(|| format!("start it with: ytorch start {name}")))
    })?;
    Ok(true)
}

/// The last lines of an answer: where it runs, or how it is started.
pub(super) fn next_step(spec: &Spec, started: bool) -> String {
    let name = &spec.name;
    if started {
        format!("running at {}\nopen it with: ytorch open {name}", spec.url())
    } else {
        format!("start it with: ytorch start {name}")
    }
}
