//! `ytorch adopt`: a folder of an instance becomes one here. It changes the spec at most, and never touches data.

mod source;

use std::path::Path;

use serde_json::json;
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem};

use super::{
    Context,
    arrival::{self, Staging, Wishes},
    carry_out,
};
use crate::{
    command_line::Adopt,
    folder_copy,
    output::Answer,
    plan::{self, Action},
    spec::{Desired, Spec},
};

use source::{Found, Source};

/// Adopts a folder and, if its spec wants that, starts it.
pub(super) fn adopt(context: &Context, options: &Adopt) -> Result<Answer, Problem> {
    let found = Found::at(context, options)?;
    let what = if options.copy { "copy" } else { "take" };
    if options.dry_run.dry_run {
        Source::hold(&found)?;
        let (from, to) = (found.folders.root(), context.root.folders(&found.name));
        let text = format!("would {what} {} to {} as `{}`", from.display(), to.root().display(), found.name);
        let json =
            json!({ "instance": found.name, "dry_run": true, "from": from, "copy": options.copy, "spec": found.spec });
        return Ok(Answer::shown(text, json));
    }
    let before = found.spec.clone();
    let source = Source::hold(&found)?;
    let wishes = Wishes::only(if options.no_start { Desired::Stopped } else { desired(&before) });
    let made = if options.copy { copied(context, &found, wishes)? } else { taken(context, &found, wishes)? };
    drop(source);
    let started = arrival::start(context, &made, "adopted")?;
    Ok(answer(context, &found, &made, started, options.copy))
}

/// What was torn down is wanted again by whoever adopts it.
fn desired(spec: &Spec) -> Desired {
    match spec.desired {
        Desired::Removed => Desired::Running,
        other => other,
    }
}

/// Moves the folder: first its spec says what it will be, then one rename makes it an instance.
fn taken(context: &Context, found: &Found, wishes: Wishes) -> Result<Spec, Problem> {
    let _root = context.root.lock("adopt")?;
    let target = context.root.folders(&found.name);
    let is_in_place = target.root() == found.folders.root();
    if !is_in_place {
        arrival::is_free(context, &found.name)?;
        on_one_disk(found.folders.root(), context.root.path())?;
    }
    let (spec, mut actions) = arrival::spec_here(context, &found.name, Some(&found.spec), wishes)?;
    // An unfinished upgrade goes back where the folder is, with the copy of the database that is in it.
    let previous_snapshot = found.spec.previous_snapshot.clone();
    let spec = Spec { trial: found.spec.trial.clone(), previous_snapshot, ..spec };
    actions.extend(plan::adopt(&found.folders, &spec, found.folders.token().is_file()));
    if !is_in_place {
        actions.push(Action::Publish { from: found.folders.root().to_owned(), to: target.root().to_owned() });
    }
    carry_out(&target, &spec, &actions)?;
    Ok(spec)
}

/// A rename does not cross file systems, and to find that out before anything is changed is kinder.
fn on_one_disk(from: &Path, to: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    if device(from) == device(to) {
        return Ok(());
    }
    Err(Problem::new(ExitCode::Refused, format!("`{}` is on another disk than `{}`", from.display(), to.display()))
        .detail("a folder cannot be moved there in one step")
        .hint("add --copy"))
}

/// Copies the folder, with its backups and logs, and makes the copy an instance.
fn copied(context: &Context, found: &Found, wishes: Wishes) -> Result<Spec, Problem> {
    let staging = Staging::make(context, &found.name, "adopt")?;
    let (run, lock) = (found.folders.run(), found.folders.server_lock());
    let wanted = |path: &Path| path != run && path != lock;
    folder_copy::copy(found.folders.root(), staging.folders.root(), &wanted).map_err(|error| {
        Problem::new(ExitCode::Unfit, format!("could not copy `{}`", found.folders.root().display()))
            .because(&error)
            .hint("nothing was left behind; mend that and try again")
    })?;
    arrival::publish(context, &staging, Some(&found.spec), wishes, "adopt")
}

fn answer(context: &Context, found: &Found, made: &Spec, started: bool, copy: bool) -> Answer {
    let name: &InstanceName = &made.name;
    let folders: InstanceFolders = context.root.folders(name);
    let mut lines = vec![format!("adopted `{name}` from {}", found.folders.root().display())];
    let mut changed = |what: &str, old: String, new: String| {
        if old != new {
            lines.push(format!("{what}: {old} → {new}"));
        }
    };
    changed("name", found.spec.name.to_string(), name.to_string());
    changed("port", found.spec.port.to_string(), made.port.to_string());
    changed("bind", found.spec.bind.to_string(), made.bind.to_string());
    changed("engine", found.spec.engine.to_string(), made.engine.to_string());
    lines.push(arrival::next_step(made, started));
    let json = json!({
        "instance": name, "from": found.folders.root(), "copy": copy, "started": started, "port": made.port,
        "url": made.url(), "engine": made.engine, "folder": folders.root(), "before": found.spec,
    });
    Answer::done(lines.join("\n"), json)
}
