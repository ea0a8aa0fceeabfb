//! `ytorch restore`: a backup becomes an instance, or takes the place of one. It deletes nothing that was there.
//!
//! The backup is unpacked and verified first, beside the instances and while the old one still runs. One rename makes
//! it an instance; in place of another, one exchange of two names does. So a kill leaves the old or the new, whole.

mod unpacked;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{Context, backup, carry_out, engine, note_stale, parse_name, running};
use crate::{
    command_line::Restore,
    engine::Step,
    output::{Answer, can_ask},
    plan::{self, Action},
    ports,
    root::Place,
    spec::{Desired, EngineName, Spec},
};

use unpacked::Unpacked;

/// Restores a backup and, unless told otherwise, starts what it became.
pub(super) fn restore(context: &Context, options: &Restore) -> Result<Answer, Problem> {
    let header = backup::ask(context, "backup-show", &options.file)?;
    let origin = parse_name(header["instance"].as_str().unwrap_or_default())?;
    let name = options.instance.as_deref().map_or_else(|| Ok(origin.clone()), parse_name)?;
    let old = present(context, &name)?;
    let created_at = header["created_at"].as_str().unwrap_or_default().to_owned();
    let what = match &old {
        None => format!("make `{name}` from the backup of `{origin}` from {created_at}"),
        Some(_) => format!(
            "put the backup of `{origin}` from {created_at} in the place of `{name}`, whose folder is kept under another name"
        ),
    };
    if options.dry_run.dry_run {
        let json = json!({ "instance": name, "dry_run": true, "replaces": old.is_some(), "backup": header });
        return Ok(Answer::shown(format!("would {what}"), json));
    }
    if old.is_some() && !options.yes {
        confirm(context, &what)?;
    }
    let unpacked = Unpacked::make(context, &name, &origin, &options.file)?;
    let made = match old {
        None => publish(context, &unpacked, options),
        Some(_) => replace(context, &unpacked, options),
    }?;
    drop(unpacked);
    let Made { spec, away } = made;
    if !spec.bind.is_loopback() {
        context.output.note(&format!("note: other machines can reach this instance on {}", spec.bind));
    }
    let started = spec.desired == Desired::Running;
    if started {
        running::bring_up(context, &name, &spec).map_err(|problem| not_started(&name, problem))?;
    }
    Ok(answer(context, &spec, away.as_deref(), &header, started))
}

/// The instance in whose place the backup would come, running, stopped or torn down.
fn present(context: &Context, name: &InstanceName) -> Result<Option<Spec>, Problem> {
    match context.root.place(name)? {
        Place::Absent => Ok(None),
        Place::Removed(spec) => Ok(Some(spec)),
        Place::Instance(_) => context.root.instance(name).map(Some),
        Place::Foreign => Err(context.root.foreign(name)),
    }
}

fn confirm(context: &Context, what: &str) -> Result<(), Problem> {
    let refused = Problem::new(ExitCode::Refused, format!("this needs a yes: {what}")).detail("nothing was changed");
    if context.output.json || !can_ask() {
        return Err(refused.hint("add --yes, or name another instance: --instance=NAME"));
    }
    match inquire::Confirm::new(&format!("This will {what}. Go on?")).with_default(false).prompt() {
        Ok(true) => Ok(()),
        _ => Err(refused),
    }
}

/// What the backup has become.
struct Made {
    spec: Spec,
    /// Where the instance is in whose place it came.
    away: Option<PathBuf>,
}

/// Makes a new instance of it.
fn publish(context: &Context, unpacked: &Unpacked, options: &Restore) -> Result<Made, Problem> {
    let name = &unpacked.name;
    let _root = context.root.lock("restore")?;
    if present(context, name)?.is_some() {
        return Err(changed_meanwhile(name));
    }
    let desired = if options.no_start { Desired::Stopped } else { Desired::Running };
    let spec = fresh_spec(context, unpacked, desired)?;
    let target = context.root.folders(name);
    let mut actions = plan::complete(&unpacked.folders, &spec);
    actions.push(Action::Publish { from: unpacked.folders.root().to_owned(), to: target.root().to_owned() });
    carry_out(&target, &spec, &actions)?;
    Ok(Made { spec, away: None })
}

/// The spec in the backup, with a port and an address that can be had here.
fn fresh_spec(context: &Context, unpacked: &Unpacked, desired: Desired) -> Result<Spec, Problem> {
    let kept = unpacked.spec.as_ref();
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    // An address of another machine is none of this one.
    let bind = kept.map_or(loopback, |spec| spec.bind);
    let bind = if ports::can_bind(bind, 0) { bind } else { loopback };
    let others = context.root.specs()?;
    let port = ports::allocate(&others, None, kept.map(|spec| spec.port), |port| ports::can_bind(bind, port))?;
    let fresh = Spec::new(unpacked.name.clone(), EngineName::Process, bind, port);
    let spec = kept.cloned().unwrap_or(fresh);
    let generation = kept.map_or(1, |spec| spec.generation + 1);
    Ok(Spec {
        name: unpacked.name.clone(),
        generation,
        desired,
        port,
        bind,
        previous_snapshot: None,
        trial: None,
        ..spec
    })
}

/// Puts it in the place of an instance. How that one is run stays: its port, its address, whether it should run.
fn replace(context: &Context, unpacked: &Unpacked, options: &Restore) -> Result<Made, Problem> {
    let name = &unpacked.name;
    let target = context.root.folders(name);
    let _root = context.root.lock("restore")?;
    let old = present(context, name)?.ok_or_else(|| changed_meanwhile(name))?;
    let _instance = context.root.lock_instance(name, "restore")?;
    let is_stopped = options.no_start || old.desired == Desired::Stopped;
    let spec = old.wanting(if is_stopped { Desired::Stopped } else { Desired::Running });
    // The database is another one, so that no copy of before belongs to it; an interrupted upgrade just ends.
    let spec = Spec { previous_snapshot: None, ..spec.going_back(false).settled() };
    let observed = running::observe(&target, &old)?;
    let mut actions = plan::complete(&unpacked.folders, &spec);
    let stop = engine(&target, old.engine).reconcile(&target, &old.wanting(Desired::Stopped), &observed)?;
    actions.extend(stop.into_iter().filter(|action| !matches!(action, Action::Engine(Step::Start))));
    let away = context.root.replaced(name, context.clock.now());
    actions.extend(plan::replace(&unpacked.folders, &target, &away));
    note_stale(context, &actions);
    if let Err(problem) = carry_out(&target, &old, &actions) {
        unpacked.remove_at(&away);
        return Err(problem);
    }
    Ok(Made { spec, away: Some(away) })
}

fn changed_meanwhile(name: &InstanceName) -> Problem {
    Problem::new(ExitCode::Busy, format!("`{name}` came or went while the backup was unpacked"))
        .detail("another command made, removed or replaced it; nothing was changed")
        .hint("look with `ytorch list` and run the same command again")
}

/// The restore is done all the same, which is what the person must know first.
fn not_started(name: &InstanceName, problem: Problem) -> Problem {
    let Problem { what, detail, hint, code } = problem;
    let detail = detail.map_or_else(|| what.clone(), |detail| format!("{what}: {detail}"));
    let problem = Problem::new(code, format!("`{name}` is restored but does not run")).detail(detail);
    problem.hint(hint.unwrap_or_else(|| format!("start it with: ytorch start {name}")))
}

fn answer(context: &Context, spec: &Spec, away: Option<&Path>, header: &Value, started: bool) -> Answer {
    let name = &spec.name;
    let folder = context.root.folders(name);
    let origin = header["instance"].as_str().unwrap_or_default();
    let at = header["created_at"].as_str().unwrap_or_default();
    let mut lines = vec![format!("restored `{name}` from the backup of `{origin}` from {at}")];
    if let Some(away) = away {
        lines.push(format!("what was there before is kept in {}", away.display()));
        lines.push("delete that folder when you no longer need it".to_owned());
    }
    lines.push(if started {
        format!("running at {}\nopen it with: ytorch open {name}", spec.url())
    } else {
        format!("start it with: ytorch start {name}")
    });
    let json = json!({
        "instance": name, "restored": true, "replaced": away, "started": started, "port": spec.port,
        "url": spec.url(), "folder": folder.root(), "backup": header,
    });
    Answer::done(lines.join("\n"), json)
}
