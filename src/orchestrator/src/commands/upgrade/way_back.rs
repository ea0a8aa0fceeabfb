//! The way back from an upgrade, and the end of one that was interrupted. Every verb that changes what runs comes by
//! here first. It starts no server; whoever called it reconciles after it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    thread,
    time::{Duration, Instant},
};

use ytorch_core::{ExitCode, InstanceFolders, Problem, files::create_private_folder};

use super::trial::proved;
use crate::{
    commands::{
        Context, carry_out, engine, note_stale,
        running::{self, Patience},
        server_program_of,
    },
    plan::{self, Action},
    spec::{Spec, Trial},
};

/// How long a server that runs on trial may take to show that it is good, if nobody waits for it any more.
const SETTLING: Patience = Patience { time: Duration::from_secs(10), ends: 1 };
/// How often a server is stopped that its socket starts again before the database is ours.
const STOPS: u32 = 20;
/// How long the end of a server is waited for each time.
const RELEASED: Duration = Duration::from_millis(500);
const POLL: Duration = Duration::from_millis(5);

/// Says that an interrupted upgrade would be settled first.
pub(in crate::commands) fn note_unfinished(context: &Context, spec: &Spec) {
    if let Some(trial) = &spec.trial {
        let since = &trial.started;
        context.output.note(&format!("note: the upgrade of `{}` from {since} would be settled first", spec.name));
    }
}

/// Ends an upgrade that was interrupted: it stays if what runs is good, else everything goes back. The instance must be
/// locked.
pub(in crate::commands) fn settle(context: &Context, spec: Spec) -> Result<Spec, Problem> {
    let Some(trial) = &spec.trial else { return Ok(spec) };
    let folders = context.root.folders(&spec.name);
    let name = &spec.name;
    if !trial.goes_back(&spec) && is_good(&folders, &spec) {
        let settled = spec.settled();
        carry_out(&folders, &settled, &plan::edit(&folders, &spec, &settled))?;
        context.output.note(&format!("note: the upgrade of `{name}` was interrupted, but is good: it stays"));
        return Ok(settled);
    }
    let from = trial.from.short().to_owned();
    context.output.note(&format!("note: the upgrade of `{name}` was interrupted: it goes back to {from}"));
    go_back(context, &spec, false)
}

fn is_good(folders: &InstanceFolders, spec: &Spec) -> bool {
    let observed = engine(folders, spec.engine).observe(folders, spec);
    observed.serves(spec) && proved(folders, spec, SETTLING).is_ok()
}

/// Goes back to the release from before. `put_back`: and to its database, whatever became of it since.
///
/// Else the database is put back only if the old release cannot work with it: nobody knows how long ago the upgrade was
/// interrupted, and what was written since is worth more than a database that was never changed.
pub(in crate::commands) fn go_back(context: &Context, spec: &Spec, put_back: bool) -> Result<Spec, Problem> {
    let folders = context.root.folders(&spec.name);
    let back = spec.going_back(put_back);
    let engine = engine(&folders, back.engine);
    engine.reachable()?;
    let observed = engine.observe(&folders, &back);
    let mut actions = plan::edit(&folders, spec, &back);
    // From here on, whoever starts a server starts the old one.
    let files = engine.reconcile(&folders, &back, &observed)?.into_iter();
    actions.extend(files.filter(|action| !matches!(action, Action::Engine(step) if step.is_of_a_server())));
    carry_out(&folders, &back, &actions)?;
    let database = hold_database(&folders, &back)?;
    let back = decided(&folders, back)?;
    carry_out(&folders, &back, &plan::upgrade::put_back(&folders, &back))?;
    drop(database);
    Ok(back.settled())
}

/// Starts what a spec wants and waits for it.
pub(in crate::commands) fn bring_up(context: &Context, spec: &Spec) -> Result<(), Problem> {
    let folders = context.root.folders(&spec.name);
    let observed = running::observe(&folders, spec)?;
    let actions = engine(&folders, spec.engine).reconcile(&folders, spec, &observed)?;
    note_stale(context, &actions);
    carry_out(&folders, spec, &actions)?;
    if spec.desired.serves() { running::wait_until_ready(&folders, spec) } else { Ok(()) }
}

/// The spec with the decision whether the database is put back, written down before anything is done about it.
fn decided(folders: &InstanceFolders, back: Spec) -> Result<Spec, Problem> {
    let Some(trial) = back.trial.as_ref().filter(|trial| !trial.put_back && folders.database().is_file()) else {
        return Ok(back);
    };
    if server_program_of(folders, &back)?.accepts_database(folders)?.is_ok() {
        return Ok(back);
    }
    let decided = Spec { trial: Some(Trial { put_back: true, ..trial.clone() }), ..back.clone() };
    carry_out(folders, &decided, &plan::edit(folders, &back, &decided))?;
    Ok(decided)
}

/// Stops the server and takes the lock by which only one may write the database. A request that waits in a socket
/// starts a server again and again; it finds the lock held, ends, and is started once more when everything is done.
fn hold_database(folders: &InstanceFolders, spec: &Spec) -> Result<File, Problem> {
    let path = folders.server_lock();
    let unfit = |error: io::Error| {
        Problem::new(ExitCode::Unfit, format!("could not lock `{}`", path.display())).because(&error)
    };
    create_private_folder(&folders.database_folder()).map_err(unfit)?;
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = options.map_err(unfit)?;
    for _ in 0..STOPS {
        carry_out(folders, spec, &engine(folders, spec.engine).pause(spec))?;
        let until = Instant::now() + RELEASED;
        while Instant::now() < until {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::sleep(POLL),
                Err(TryLockError::Error(error)) => return Err(unfit(error)),
            }
        }
    }
    Err(Problem::new(ExitCode::Busy, format!("the database of `{}` is in use", spec.name))
        .detail(format!("somebody holds `{}`", path.display()))
        .hint(format!("wait until it is free, then: ytorch reconcile {}", spec.name)))
}
