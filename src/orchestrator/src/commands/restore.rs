//! `ytorch restore`: a backup becomes an instance, or takes the place of one. It deletes nothing that was there.
//!
//! The backup is unpacked and verified first, beside the instances and while the old one still runs. One rename makes
//! it an instance; in place of another, one exchange of two names does. So a kill leaves the old or the new, whole.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{
    Context, absolute, any_server_program,
    arrival::{self, Staging, Wishes},
    backup, carry_out, engine, note_stale, parse_name, running,
};
use crate::{
    command_line::Restore,
    engine::Step,
    output::{Answer, can_ask},
    plan::{self, Action},
    progress::Progress,
    root::Place,
    server_program::Shared,
    server_work,
    spec::{Desired, Spec},
};

/// Restores a backup and, unless told otherwise, starts what it became.
pub(super) fn restore(context: &Context, options: &Restore) -> Result<Answer, Problem> {
    let (origin, header) = origin(context, &options.file)?;
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
        None => {
            let desired = if options.no_start { Desired::Stopped } else { Desired::Running };
            let kept = unpacked.spec.as_ref();
            let spec = arrival::publish(context, &unpacked.staging, kept, Wishes::only(desired), "restore")?;
            Made { spec, away: None }
        }
        Some(_) => replace(context, &unpacked, options)?,
    };
    drop(unpacked);
    let Made { spec, away } = made;
    let started = arrival::start(context, &spec, "restored")?;
    Ok(answer(context, &spec, away.as_deref(), &header, started))
}

/// A backup that was unpacked and verified beside the instances.
pub(super) struct Unpacked {
    /// Where it is.
    pub staging: Staging,
    /// The spec in it, if there was one.
    pub spec: Option<Spec>,
}

impl Unpacked {
    /// Unpacks a backup of `origin` that is to become `name`.
    pub(super) fn make(
        context: &Context,
        name: &InstanceName,
        origin: &InstanceName,
        file: &Path,
    ) -> Result<Self, Problem> {
        let staging = Staging::make(context, name, "restore")?;
        let program = any_server_program()?;
        let file = absolute(file)?;
        let mut command = program.command_with("restore", &staging.folders, &[Shared::Read(file.clone())]);
        command.arg("--json").arg("--").arg(file);
        let mut progress = Progress::new(context.output);
        let done = server_work::follow(&program, "restore", command, &mut progress);
        progress.finish();
        done?;
        // One of another version may not be understood; then the instance gets a fresh one.
        let spec = Spec::read(&staging.folders.spec(), origin).unwrap_or_else(|problem| {
            context.output.note(&format!("note: the spec in the backup is not used: {problem}"));
            None
        });
        Ok(Self { staging, spec })
    }
}

/// Of which instance a backup is, and what else its header says.
pub(super) fn origin(context: &Context, file: &Path) -> Result<(InstanceName, Value), Problem> {
    let header = backup::ask(context, "backup-show", file)?;
    Ok((parse_name(header["instance"].as_str().unwrap_or_default())?, header))
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

/// Puts it in the place of an instance. How that one is run stays: its port, its address, whether it should run.
fn replace(context: &Context, unpacked: &Unpacked, options: &Restore) -> Result<Made, Problem> {
    let name = &unpacked.staging.name;
    let target = context.root.folders(name);
    let _root = context.root.lock("restore")?;
    let old = present(context, name)?.ok_or_else(|| arrival::came_meanwhile(name))?;
    let _instance = context.root.lock_instance(name, "restore")?;
    let is_stopped = options.no_start || old.desired == Desired::Stopped;
    let spec = old.wanting(if is_stopped { Desired::Stopped } else { Desired::Running });
    // The database is another one, so that no copy of before belongs to it; an interrupted upgrade just ends.
    let spec = Spec { previous_snapshot: None, ..spec.going_back(false).settled() };
    let observed = running::observe(&target, &old)?;
    let mut actions = plan::complete(&unpacked.staging.folders, &spec);
    let stop = engine(&target, old.engine).reconcile(&target, &old.wanting(Desired::Stopped), &observed)?;
    actions.extend(stop.into_iter().filter(|action| !matches!(action, Action::Engine(Step::Start))));
    let away = context.root.replaced(name, context.clock.now());
    actions.extend(plan::replace(&unpacked.staging.folders, &target, &away));
    note_stale(context, &actions);
    if let Err(problem) = carry_out(&target, &old, &actions) {
        unpacked.staging.remove_at(&away);
        return Err(problem);
    }
    Ok(Made { spec, away: Some(away) })
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
    lines.push(arrival::next_step(spec, started));
    let json = json!({
        "instance": name, "restored": true, "replaced": away, "started": started, "port": spec.port,
        "url": spec.url(), "folder": folder.root(), "backup": header,
    });
    Answer::done(lines.join("\n"), json)
}
