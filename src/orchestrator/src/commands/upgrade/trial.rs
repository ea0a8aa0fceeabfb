//! A release on trial: it is started, waited for and asked what a client asks. What it answers is not stored.

use std::time::Duration;

use ytorch_core::{BackupName, ExitCode, InstanceFolders, Problem};

use super::{
    Upgraded,
    goal::Goal,
    way_back::{bring_up, go_back},
};
use crate::{
    commands::{
        Context, carry_out, engine, note_stale, read_token,
        running::{self, Patience},
        server_program_of,
    },
    plan::{self, Action},
    server_client::ServerClient,
    spec::{ReleaseId, Spec},
};

/// A page of a million views takes milliseconds; the first one after a start some more.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);

/// Carries an upgrade out. The instance must be locked.
pub(super) fn upgrade(context: &Context, spec: &Spec, goal: &Goal) -> Result<Upgraded, Problem> {
    let folders = context.root.folders(&spec.name);
    goal.require_room(&folders)?;
    let (next, snapshot) = goal.next(context, spec);
    let mut actions = plan::upgrade::prepare(context.root.path(), &goal.programs(), snapshot);
    // The old program knows its own database best.
    let old = Spec { release: goal.from.as_ref().map(|from| from.release.clone()), ..spec.clone() };
    carry_out(&folders, &old, &actions)?;
    if next.trial.is_some() {
        actions.extend(try_out(context, &folders, spec, &next, goal)?);
    } else {
        actions.extend(change(&folders, spec, &next, goal)?);
    }
    let before = old.release.or_else(|| next.release.clone());
    Ok(Upgraded { spec: next.settled(), before, actions, is_dry: false })
}

/// Changes the release of an instance that does not serve. The new program only says whether it could run.
fn change(folders: &InstanceFolders, spec: &Spec, next: &Spec, goal: &Goal) -> Result<Vec<Action>, Problem> {
    if !spec.desired.serves() {
        server_program_of(folders, next)?.check(folders)?;
    }
    let actions = beginning(folders, spec, next, goal)?;
    carry_out(folders, next, &actions)?;
    if next.desired.serves() {
        running::wait_within(folders, next, goal.patience)?;
    }
    Ok(actions)
}

fn try_out(
    context: &Context,
    folders: &InstanceFolders,
    spec: &Spec,
    next: &Spec,
    goal: &Goal,
) -> Result<Vec<Action>, Problem> {
    let mut actions = beginning(folders, spec, next, goal)?;
    note_stale(context, &actions);
    let tried = carry_out(folders, next, &actions).and_then(|()| proved(folders, next, goal.patience));
    if let Err(problem) = tried {
        return Err(came_back(context, folders, next, problem));
    }
    let end = plan::edit(folders, next, &next.settled());
    carry_out(folders, next, &end)?;
    actions.extend(end);
    Ok(actions)
}

fn beginning(folders: &InstanceFolders, spec: &Spec, next: &Spec, goal: &Goal) -> Result<Vec<Action>, Problem> {
    let mut actions = plan::upgrade::begin(folders, spec, next);
    actions.extend(engine(folders, next.engine).reconcile(folders, next, &goal.observed)?);
    Ok(actions)
}

/// Whether what runs is good: it is ready, and does what people want of it.
pub(super) fn proved(folders: &InstanceFolders, spec: &Spec, patience: Patience) -> Result<(), Problem> {
    running::wait_within(folders, spec, patience)?;
    let token = read_token(folders)?;
    ServerClient::new(spec, PROBE_PATIENCE).probe(spec.name.as_str(), &token).map_err(|why| {
        let words = running::last_words(&*engine(folders, spec.engine), folders, spec);
        Problem::new(ExitCode::Unhealthy, "it does not do what it should").detail(format!("{why}{words}"))
    })
}

/// Goes back, and says why and how that went.
fn came_back(context: &Context, folders: &InstanceFolders, next: &Spec, problem: Problem) -> Problem {
    let name = &next.name;
    let short = |release: Option<&ReleaseId>| release.map_or("?", ReleaseId::short).to_owned();
    let to = short(next.release.as_ref());
    let log = folders.logs().join(format!("rollback-{}.log", BackupName::stamp(context.clock.now())));
    let why = problem.detail.map_or_else(|| problem.what.clone(), |detail| format!("{}: {detail}", problem.what));
    let words = Action::KeepWords { path: log.clone(), words: kept_words(folders, next, &why) };
    // Whatever else fails, these words must not hide it.
    let kept = carry_out(folders, next, &[words]).map_or_else(|failure| failure.what, |()| log.display().to_string());
    match go_back(context, next, true).and_then(|back| bring_up(context, &back).map(|()| back)) {
        Ok(back) => {
            let from = short(back.release.as_ref());
            Problem::new(ExitCode::Unhealthy, format!("`{name}` could not be upgraded to {to}; it runs {from} again"))
                .detail(why)
                .hint(format!("its database is the one from before; the log of the new server is kept: {kept}"))
        }
        Err(second) => {
            Problem::new(ExitCode::Unhealthy, format!("`{name}` could not be upgraded to {to}, nor brought back yet"))
                .detail(format!("{why}\n  then: {second}"))
                .hint(format!("mend that, then: ytorch reconcile {name}; the log of the new server: {kept}"))
        }
    }
}

/// All that is known of a failing server.
fn kept_words(folders: &InstanceFolders, spec: &Spec, why: &str) -> String {
    let release = spec.release.as_ref().map(ToString::to_string).unwrap_or_default();
    let said = engine(folders, spec.engine).last_words(folders, spec).join("\n");
    let log = crate::tail::last_lines(&folders.server_log(), 200).unwrap_or_default().join("\n");
    let at = folders.server_log();
    format!("release {release}\n{why}\n\n== its last words\n{said}\n\n== the end of {}\n{log}\n", at.display())
}
