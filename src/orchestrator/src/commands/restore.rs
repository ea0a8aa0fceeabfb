//! `ytorch restore`: a backup becomes an instance, or takes the place of one. It deletes nothing that was there.
//!
//! The backup is unpacked and verified first, beside the instances and while the old one still runs. One rename makes
//! it an instance; in place of another, one exchange of two names does. So a kill leaves the old or the new, whole.

use std::{
    fs::{self, File},
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, files::create_private_folder};

use super::{Context, backup, carry_out, note_stale, parse_name, running, server_program};
use crate::{
    command_line::Restore,
    engine::Step,
    output::{Answer, can_ask},
    plan::{self, Action},
    ports,
    progress::Progress,
    root::Place,
    server_work,
    spec::{Desired, EngineName, Spec},
};

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

/// A backup that was unpacked beside the instances. Dropping it removes it, unless it has become one.
struct Unpacked {
    name: InstanceName,
    /// The spec in it, if there was one.
    spec: Option<Spec>,
    folders: InstanceFolders,
    /// As long as it is locked nobody takes it for a left-over.
    lock: File,
}

impl Unpacked {
    fn make(context: &Context, name: &InstanceName, origin: &InstanceName, file: &Path) -> Result<Self, Problem> {
        let folders = context.root.restoring(name);
        let lock = {
            // Whoever sweeps left-overs holds the root's lock, too.
            let _root = context.root.lock("restore")?;
            sweep(&context.root.leftovers())?;
            create_private_folder(folders.root()).and_then(|()| File::open(folders.root())).and_then(|folder| {
                folder.lock_shared()?;
                Ok(folder)
            })
        };
        let failed = |error| {
            Problem::new(ExitCode::Unfit, format!("could not create `{}`", folders.root().display())).because(&error)
        };
        let mut unpacked = Self { name: name.clone(), spec: None, lock: lock.map_err(failed)?, folders };
        unpack(context, &unpacked.folders, file)?;
        // One of another version may not be understood; then the instance gets a fresh one.
        unpacked.spec = Spec::read(&unpacked.folders.spec(), origin).unwrap_or_else(|problem| {
            context.output.note(&format!("note: the spec in the backup is not used: {problem}"));
            None
        });
        Ok(unpacked)
    }

    /// Removes it where it had gone before it could take the place of an instance. What is there now may as well be
    /// that instance, if all that failed came after the exchange: it is only removed if it is the same folder.
    fn remove_at(&self, path: &Path) {
        let is_ours = self.lock.metadata().and_then(|ours| Ok(ours.ino() == fs::symlink_metadata(path)?.ino()));
        if is_ours.unwrap_or(false) {
            let _ = fs::remove_dir_all(path);
        }
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // What has become an instance is no longer there; what cannot be removed is swept by the next command.
        let _ = fs::remove_dir_all(self.folders.root());
    }
}

fn sweep(leftovers: &[PathBuf]) -> Result<(), Problem> {
    for path in leftovers {
        fs::remove_dir_all(path).map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not delete the left-over `{}`", path.display()))
                .because(&error)
        })?;
    }
    Ok(())
}

fn unpack(context: &Context, folders: &InstanceFolders, file: &Path) -> Result<(), Problem> {
    let program = server_program()?;
    let mut command = program.command("restore", folders);
    command.arg("--json").arg("--").arg(file);
    let mut progress = Progress::new(context.output);
    let done = server_work::follow(&program, "restore", command, &mut progress);
    progress.finish();
    done.map(drop)
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
    let generation = kept.map_or(1, |spec| spec.generation + 1);
    let engine = kept.map_or(EngineName::Process, |spec| spec.engine);
    Ok(Spec { name: unpacked.name.clone(), generation, desired, engine, port, bind })
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
    let observed = running::observe(&target, &old)?;
    let mut actions = plan::complete(&unpacked.folders, &spec);
    let stop = plan::reconcile(&old.wanting(Desired::Stopped), &observed);
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
