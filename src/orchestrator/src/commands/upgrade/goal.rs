//! Which release an instance runs, and which one it shall run. It changes nothing.

use std::{fs, path::PathBuf};

use ytorch_core::{ExitCode, InstanceFolders, Problem, disk, files::size_bytes};

use super::Upgraded;
use crate::{
    command_line::Upgrade,
    commands::{Context, absolute, engine, running, running::Patience, server_program},
    engine::{
        Activity, Observed,
        choice::{self, Chosen},
    },
    plan, programs, size,
    spec::{ReleaseId, Spec},
};

/// A server that ends so often is not good.
const ENDS: u32 = 3;

/// A release, and where its program is at the moment.
pub(super) struct Runnable {
    pub release: ReleaseId,
    pub program: Option<PathBuf>,
}

/// What an upgrade is to come to.
pub(super) struct Goal {
    pub to: Runnable,
    /// What runs now; none if the spec names nothing that could run.
    pub from: Option<Runnable>,
    pub observed: Observed,
    pub patience: Patience,
}

impl Goal {
    pub(super) fn of(context: &Context, spec: &Spec, options: &Upgrade) -> Result<Self, Problem> {
        let folders = context.root.folders(&spec.name);
        let observed = running::observe(&folders, spec)?;
        let to = wanted(context, spec, options.release.as_deref())?;
        let from = present(spec, &observed)?;
        let patience = Patience { time: std::time::Duration::from_secs(options.patience.into()), ends: ENDS };
        Ok(Self { to, from, observed, patience })
    }

    /// Whether there is anything to do.
    pub(super) fn is_reached(&self) -> bool {
        self.from.as_ref().is_some_and(|from| from.release == self.to.release)
    }

    /// The programs that have to be kept.
    pub(super) fn programs(&self) -> Vec<(ReleaseId, PathBuf)> {
        let both = self.from.iter().chain([&self.to]);
        both.filter_map(|one| Some((one.release.clone(), one.program.clone()?))).collect()
    }

    /// The spec that is tried, and where the database is copied to before.
    pub(super) fn next(&self, context: &Context, spec: &Spec) -> (Spec, Option<PathBuf>) {
        let folders = context.root.folders(&spec.name);
        let Some(from) = &self.from else { return (spec.having(&self.to.release, None, None), None) };
        let snapshot = folders.database().is_file().then(|| plan::upgrade::next_snapshot(spec).to_owned());
        let to = snapshot.as_ref().map(|snapshot| folders.root().join(snapshot));
        let next = if spec.desired.serves() {
            spec.trying(&self.to.release, &from.release, snapshot, context.clock.now().to_string())
        } else {
            spec.having(&self.to.release, Some(&from.release), snapshot)
        };
        (next, to)
    }

    /// What would be done.
    pub(super) fn planned(&self, context: &Context, spec: &Spec) -> Result<Upgraded, Problem> {
        let mut actions = Vec::new();
        if !self.is_reached() {
            let folders = context.root.folders(&spec.name);
            let (next, snapshot) = self.next(context, spec);
            actions = plan::upgrade::prepare(context.root.path(), &self.programs(), snapshot);
            actions.extend(plan::upgrade::begin(&folders, spec, &next));
            actions.extend(engine(&folders, next.engine).reconcile(&folders, &next, &self.observed)?);
            actions.extend(plan::edit(&folders, &next, &next.settled()));
        }
        Ok(Upgraded { spec: spec.clone(), before: None, actions, is_dry: true })
    }

    /// Room for a copy of the database, for another one when it is put back, and for the program.
    pub(super) fn require_room(&self, folders: &InstanceFolders) -> Result<(), Problem> {
        let database = size_bytes(&folders.database()) + size_bytes(&folders.database_wal());
        let programs: u64 = self.programs().iter().map(|(_, program)| size_bytes(program)).sum();
        let needed = 2 * database + programs;
        let free = disk::free_bytes(folders.root()).map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not look at the disk of `{}`", folders.root().display()))
                .because(&error)
        })?;
        if free >= needed {
            return Ok(());
        }
        Err(Problem::new(ExitCode::Unfit, "there is no room for an upgrade")
            .detail(format!(
                "two copies of the database and the program need {}, and {} are free",
                size::in_words(needed),
                size::in_words(free)
            ))
            .hint("free some disk space; nothing was changed"))
    }
}

/// The release that was named, or the newest.
fn wanted(context: &Context, spec: &Spec, named: Option<&str>) -> Result<Runnable, Problem> {
    let program = match choice::release(spec.engine, named, context.root.path())? {
        Chosen::Image(release) => return Ok(Runnable { release, program: None }),
        Chosen::Program(program) => absolute(&program)?,
        Chosen::Beside => server_program()?.path().to_owned(),
    };
    Ok(Runnable { release: programs::release_of(&program)?, program: Some(program) })
}

/// The release that runs. Where the spec leaves it to the program beside `ytorch`, that program may have been replaced
/// since; the running one is still there.
fn present(spec: &Spec, observed: &Observed) -> Result<Option<Runnable>, Problem> {
    if let Some(release) = &spec.release {
        return Ok(Some(Runnable { release: release.clone(), program: None }));
    }
    if spec.engine.is_container() {
        return Ok(None);
    }
    let program = match running_program(observed) {
        Some(program) => program,
        None => server_program()?.path().to_owned(),
    };
    Ok(Some(Runnable { release: programs::release_of(&program)?, program: Some(program) }))
}

fn running_program(observed: &Observed) -> Option<PathBuf> {
    let pid = match observed.activity {
        Activity::Kept => observed.report.as_ref()?.server_pid?,
        Activity::Orphan { pid } => pid,
        Activity::Nothing | Activity::Listening | Activity::Importing { .. } => return None,
    };
    let link = PathBuf::from(format!("/proc/{pid}/exe"));
    // A server behind a script would be taken for the shell.
    let usual = server_program().ok()?.path().file_name()?.to_owned();
    let name = fs::read_link(&link).ok()?.file_name()?.to_string_lossy().replace(" (deleted)", "");
    (name == usual.to_string_lossy()).then_some(link)
}
