//! `ytorch set`: values of the spec change, and what runs with them. What is run is `upgrade`'s, not its.

mod changes;

use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use super::{Context, carry_out, chosen, engine, note_stale, running, upgrade::settle};
use crate::{
    command_line::{Limit, Set},
    output::Answer,
    plan::{self, Action},
    ports,
    spec::{Desired, EngineName, Spec},
};

use changes::{Change, changes, in_words};

/// Changes what was named, or says what would change.
pub(super) fn set(context: &Context, options: &Set) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    if options.release.is_some() {
        return Err(Problem::new(ExitCode::Usage, "what is run is not changed by `set`")
            .detail("another release may have to change the database, which is kept beside it first")
            .hint(format!("ytorch upgrade {name}")));
    }
    let folders = context.root.folders(&name);
    if options.dry_run.dry_run {
        let old = context.root.instance(&name)?;
        let new = wanted(context, options, &old)?;
        let actions = actions(context, &old, &new)?;
        return Ok(told(&old, &new, &actions, true));
    }
    context.root.instance(&name)?;
    // Under this lock nobody else chooses a port.
    let root_lock = context.root.lock("set")?;
    let _lock = context.root.lock_instance(&name, "set")?;
    let old = settle(context, context.root.instance(&name)?)?;
    let new = wanted(context, options, &old)?;
    let actions = actions(context, &old, &new)?;
    note_what_an_engine_cannot(context, options, &new);
    note_stale(context, &actions);
    let carried_out = carry_out(&folders, &new, &actions);
    drop(root_lock);
    carried_out.map_err(|problem| how_to_go_back(problem, &old, &new))?;
    if new.desired == Desired::Running && !actions.is_empty() {
        running::wait_until_ready(&folders, &new).map_err(|problem| how_to_go_back(problem, &old, &new))?;
    }
    Ok(told(&old, &new, &actions, false))
}

/// The spec with what was named; the same one, generation and all, if nothing differs.
fn wanted(context: &Context, options: &Set, old: &Spec) -> Result<Spec, Problem> {
    checked(context, old, changed(options, old))
}

/// A changed spec as the next generation, if it differs and can be had.
pub(super) fn checked(context: &Context, old: &Spec, mut new: Spec) -> Result<Spec, Problem> {
    if new == *old {
        return Ok(new);
    }
    new.generation += 1;
    if new.desired == Desired::OnDemand && new.engine == EngineName::Process {
        return Err(Problem::new(ExitCode::Usage, "the engine `process` cannot start a server on demand")
            .detail("that needs systemd, which holds the port meanwhile")
            .hint(format!("ytorch set {} --desired running", new.name)));
    }
    check_address(context, old, &new)?;
    Ok(new)
}

fn changed(options: &Set, old: &Spec) -> Spec {
    let mut new = old.clone();
    new.port = options.port.unwrap_or(old.port);
    new.bind = options.bind.unwrap_or(old.bind);
    new.network = options.network.map_or(old.network, Into::into);
    new.desired = options.desired.map_or(old.desired, Into::into);
    new.idle_exit_seconds = options.idle.map_or(old.idle_exit_seconds, Limit::amount);
    new.limits.memory_bytes = options.memory.map_or(old.limits.memory_bytes, Limit::amount);
    new.limits.tasks = options.tasks.map_or(old.limits.tasks, Limit::amount);
    new.limits.cpu_percent = options.cpus.map_or(old.limits.cpu_percent, Limit::amount);
    if options.no_host_names || !options.host_names.is_empty() {
        new.host_names.clone_from(&options.host_names);
        let mut seen = std::collections::BTreeSet::new();
        new.host_names.retain(|name| seen.insert(name.clone()));
    }
    new
}

/// A new port must be nobody's, and a new address one of this machine.
fn check_address(context: &Context, old: &Spec, new: &Spec) -> Result<(), Problem> {
    let hint = "name another one: --port N";
    if new.bind != old.bind && !ports::can_bind(new.bind, 0) {
        return Err(Problem::new(ExitCode::Unfit, format!("`{}` is no address of this machine", new.bind))
            .hint("`ip address` shows those there are; 127.0.0.1 is always one"));
    }
    if new.port != old.port {
        let specs = context.root.specs()?;
        ports::is_nobody_elses(&specs, new).map_err(|problem| problem.hint(hint))?;
        if !ports::can_bind(new.bind, new.port) {
            return Err(ports::taken(new.port, hint));
        }
    }
    Ok(())
}

/// What is to be done: nothing at all if nothing changes, so that a repeated `set` restarts no server.
fn actions(context: &Context, old: &Spec, new: &Spec) -> Result<Vec<Action>, Problem> {
    if old == new {
        return Ok(Vec::new());
    }
    let folders = context.root.folders(&old.name);
    let observed = running::observe(&folders, old)?;
    let mut actions = plan::edit(&folders, old, new);
    actions.extend(engine(&folders, new.engine).reconcile(&folders, new, &observed)?);
    Ok(actions)
}

fn note_what_an_engine_cannot(context: &Context, options: &Set, spec: &Spec) {
    let note = |text: &str| context.output.note(&format!("note: {text}"));
    let limits = options.memory.is_some() || options.tasks.is_some() || options.cpus.is_some();
    if limits && spec.engine == EngineName::Process {
        note("the engine `process` does not enforce limits; they are kept for another engine");
    }
    if options.network.is_some() && !spec.engine.is_container() {
        note(&format!("the engine `{}` runs no container, so the network is as it was", spec.engine));
    }
    if options.idle.is_some() && spec.desired != Desired::OnDemand {
        note("the idle time counts for an instance that runs on demand");
    }
    if options.bind.is_some() && !spec.bind.is_loopback() {
        note(&format!("other machines can reach this instance on {}", spec.bind));
    }
}

fn how_to_go_back(problem: Problem, old: &Spec, new: &Spec) -> Problem {
    let moved = old.port != new.port || old.bind != new.bind;
    if !moved {
        return problem;
    }
    problem.hint(format!("to go back: ytorch set {} --port {} --bind {}", old.name, old.port, old.bind))
}

fn told(old: &Spec, new: &Spec, actions: &[Action], is_dry: bool) -> Answer {
    let changes: Vec<Change> = changes(old, new);
    let name = &new.name;
    let mut lines = vec![in_words(name, &changes)];
    if is_dry {
        lines.extend(actions.iter().map(|action| format!("would {action}")));
    } else if !changes.is_empty() {
        lines.push(match new.desired {
            Desired::Running | Desired::OnDemand => format!("`{name}` is running at {}", new.url()),
            Desired::Stopped | Desired::Removed => format!("`{name}` is stopped"),
        });
    }
    let json = json!({
        "instance": name, "dry_run": is_dry, "changed": !changes.is_empty(), "changes": changes, "port": new.port,
        "url": new.url(), "actions": actions,
    });
    if is_dry { Answer::shown(lines.join("\n"), json) } else { Answer::done(lines.join("\n"), json) }
}
