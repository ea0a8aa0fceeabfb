//! What has to be done to get from what is to what should be. Pure: it reads no file and asks no process.

pub(crate) mod upgrade;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;
use ytorch_core::InstanceFolders;

use crate::{
    engine::{Activity, Observed, Step, derived::DerivedFile},
    programs,
    spec::{Desired, ReleaseId, Spec, removed_spec},
};

/// One step that changes something. Each can be repeated, and a kill between any two loses nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(crate) enum Action {
    /// Delete what an interrupted command left.
    Sweep {
        /// The folder.
        path: PathBuf,
    },
    /// Create a folder of mode 0700.
    CreateFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Write the first settings of the server.
    WriteSettings {
        /// The file.
        path: PathBuf,
        /// The time zone, if the person named one.
        time_zone: Option<String>,
    },
    /// Replace the settings of the server.
    ReplaceSettings {
        /// The file.
        path: PathBuf,
        /// Its content.
        #[serde(skip)]
        text: String,
    },
    /// Write a fresh token of mode 0600.
    WriteToken {
        /// The file.
        path: PathBuf,
    },
    /// Keep a copy of a server program under its hash.
    KeepProgram {
        /// The folder of all instances.
        root: PathBuf,
        /// Its hash.
        release: ReleaseId,
        /// Where it is now.
        program: PathBuf,
    },
    /// Write what the instance should be.
    WriteSpec {
        /// The file.
        path: PathBuf,
        /// Its content.
        spec: Box<Spec>,
    },
    /// Make a finished staging folder the instance, by one rename that never replaces anything.
    Publish {
        /// The staging folder.
        from: PathBuf,
        /// The instance.
        to: PathBuf,
    },
    /// Copy the database as it is now, by the program that runs.
    Snapshot {
        /// The file, which is replaced when the copy is whole.
        to: PathBuf,
    },
    /// Put a copy of the database in place, or none if there was none, and keep what was there under another name.
    PutDatabaseBack {
        /// The copy.
        snapshot: Option<PathBuf>,
        /// The database.
        database: PathBuf,
        /// The other name.
        aside: PathBuf,
    },
    /// Keep what a failing server wrote.
    KeepWords {
        /// The file.
        path: PathBuf,
        /// What it wrote.
        #[serde(skip)]
        words: String,
    },
    /// Run a step of the instance's engine.
    Engine(Step),
    /// Write a file that follows from the spec.
    WriteDerived {
        /// The file.
        #[serde(flatten)]
        file: DerivedFile,
    },
    /// Make a symbolic link, in place of another one.
    Link {
        /// The link.
        path: PathBuf,
        /// What it points to.
        to: PathBuf,
    },
    /// Delete a file.
    RemoveFile {
        /// The file.
        path: PathBuf,
    },
    /// Delete a folder that holds nothing of worth.
    RemoveFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Let two folders change names, in one step.
    Exchange {
        /// One.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// Give the files of a folder a second name in another folder, if there is such a folder.
    LinkFiles {
        /// Where they are.
        from: PathBuf,
        /// Where they will be as well.
        to: PathBuf,
    },
    /// Rename a file or folder.
    Move {
        /// What it is called now.
        from: PathBuf,
        /// What it will be called.
        to: PathBuf,
    },
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sweep { path } => write!(formatter, "delete the left-over {}", path.display()),
            Self::CreateFolder { path } => write!(formatter, "create {}", path.display()),
            Self::WriteSettings { path, time_zone: None } | Self::ReplaceSettings { path, .. } => {
                write!(formatter, "write {}", path.display())
            }
            Self::WriteSettings { path, time_zone: Some(zone) } => {
                write!(formatter, "write {} (time zone {zone})", path.display())
            }
            Self::WriteToken { path } => write!(formatter, "write a new token to {}", path.display()),
            Self::KeepProgram { root, release, program } => {
                write!(formatter, "copy {} to {}", program.display(), programs::place(root, release).display())
            }
            Self::WriteSpec { path, spec } => write!(
                formatter,
                "write {} (generation {}, {}, port {})",
                path.display(),
                spec.generation,
                spec.desired,
                spec.port
            ),
            Self::Publish { from, to } | Self::Move { from, to } => {
                write!(formatter, "rename {} to {}", from.display(), to.display())
            }
            Self::Exchange { one, other } => {
                write!(formatter, "exchange {} and {}", one.display(), other.display())
            }
            Self::LinkFiles { from, to } => {
                write!(formatter, "keep the files of {} in {}", from.display(), to.display())
            }
            Self::Snapshot { to } => write!(formatter, "copy the database to {} and check the copy", to.display()),
            Self::PutDatabaseBack { snapshot: Some(snapshot), aside, .. } => {
                write!(formatter, "put {} back and keep the newer database as {}", snapshot.display(), aside.display())
            }
            Self::PutDatabaseBack { snapshot: None, aside, .. } => {
                write!(formatter, "keep the database as {}, because there was none before", aside.display())
            }
            Self::KeepWords { path, .. } => {
                write!(formatter, "keep the log of the failing server in {}", path.display())
            }
            Self::Engine(step) => step.fmt(formatter),
            Self::WriteDerived { file } => write!(formatter, "write {}", file.path.display()),
            Self::Link { path, to } => write!(formatter, "link {} to {}", path.display(), to.display()),
            Self::RemoveFile { path } | Self::RemoveFolder { path } => write!(formatter, "delete {}", path.display()),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => formatter.write_str("start the server"),
            Self::Stop => formatter.write_str("stop the server"),
            Self::StopOrphan { pid } => write!(formatter, "stop the server that lost its supervisor (pid {pid})"),
            Self::ClearStale { pid } => write!(formatter, "forget the process {pid}, which is no longer ours"),
            Self::Reload => formatter.write_str("let systemd read its units"),
            Self::ReloadIfStale { .. } => formatter.write_str("let systemd read its units, if it has not"),
            Self::StartUnit { unit } => write!(formatter, "start {unit}"),
            Self::RestartUnit { unit } => write!(formatter, "restart {unit}"),
            Self::StopUnits { units } => write!(formatter, "stop {}", units.join(" and ")),
        }
    }
}

/// Builds an instance in `staging` and makes it exist.
pub(crate) fn create(
    leftovers: Vec<PathBuf>,
    staging: &InstanceFolders,
    target: &InstanceFolders,
    spec: &Spec,
    time_zone: Option<&str>,
) -> Vec<Action> {
    let mut actions: Vec<Action> = leftovers.into_iter().map(|path| Action::Sweep { path }).collect();
    actions.push(Action::CreateFolder { path: staging.root().to_owned() });
    actions.extend(folders_inside(staging));
    actions.push(Action::WriteSettings { path: staging.server_settings(), time_zone: time_zone.map(str::to_owned) });
    actions.push(Action::WriteToken { path: staging.token() });
    actions.push(Action::WriteSpec { path: staging.spec(), spec: Box::new(spec.clone()) });
    actions.push(Action::Publish { from: staging.root().to_owned(), to: target.root().to_owned() });
    actions
}

/// Makes an instance of what a teardown kept. `token_kept`: whether its token is still there.
pub(crate) fn adopt(folders: &InstanceFolders, spec: &Spec, token_kept: bool) -> Vec<Action> {
    let mut actions: Vec<Action> = folders_inside(folders).collect();
    if !token_kept {
        actions.push(Action::WriteToken { path: folders.token() });
    }
    actions.push(Action::WriteSpec { path: folders.spec(), spec: Box::new(spec.clone()) });
    actions.push(Action::RemoveFile { path: removed_spec(folders) });
    actions
}

fn folders_inside(folders: &InstanceFolders) -> impl Iterator<Item = Action> {
    [
        folders.config(),
        folders.secrets(),
        folders.data(),
        folders.raw(),
        folders.database_folder(),
        folders.logs(),
        folders.run(),
    ]
    .into_iter()
    .map(|path| Action::CreateFolder { path })
}

/// Completes what a backup was unpacked to. The spec is the last; what lacks is what a server would make anyhow.
pub(crate) fn complete(staging: &InstanceFolders, spec: &Spec) -> Vec<Action> {
    let mut actions: Vec<Action> = folders_inside(staging).collect();
    if !staging.token().is_file() {
        actions.push(Action::WriteToken { path: staging.token() });
    }
    actions.push(Action::RemoveFile { path: removed_spec(staging) });
    actions.push(Action::WriteSpec { path: staging.spec(), spec: Box::new(spec.clone()) });
    actions
}

/// Puts a complete folder in the place of an instance, which goes to `away`; its backups stay with the name.
///
/// The new one takes the name `away` first, so that one exchange is all it takes: before it everything is as it was,
/// after it everything is as it will be. Backups have a name in both, which costs no space and can lose none.
pub(crate) fn replace(staging: &InstanceFolders, target: &InstanceFolders, away: &Path) -> Vec<Action> {
    vec![
        Action::LinkFiles { from: target.backups(), to: staging.backups() },
        Action::Publish { from: staging.root().to_owned(), to: away.to_owned() },
        Action::Exchange { one: away.to_owned(), other: target.root().to_owned() },
    ]
}

/// Writes the changed spec, if it changed.
pub(crate) fn edit(folders: &InstanceFolders, old: &Spec, new: &Spec) -> Vec<Action> {
    if old == new { Vec::new() } else { vec![Action::WriteSpec { path: folders.spec(), spec: Box::new(new.clone()) }] }
}

/// The spec of an instance that is on its way out.
pub(crate) fn removed(old: &Spec) -> Spec {
    if old.desired == Desired::Removed { old.clone() } else { old.wanting(Desired::Removed) }
}

/// Makes the process that runs equal to what the spec says. An import without a server is left alone.
pub(crate) fn reconcile(spec: &Spec, observed: &Observed) -> Vec<Action> {
    let wanted = spec.desired.serves();
    let mut steps = Vec::new();
    match observed.activity {
        Activity::Kept if wanted && observed.serves(spec) => return Vec::new(),
        Activity::Kept => steps.push(Step::Stop),
        Activity::Orphan { pid } => steps.push(Step::StopOrphan { pid }),
        Activity::Importing { .. } => return Vec::new(),
        Activity::Nothing | Activity::Listening => {}
    }
    if let Some(pid) = observed.stale_pid() {
        steps.push(Step::ClearStale { pid });
    }
    if wanted {
        steps.push(Step::Start);
    }
    steps.into_iter().map(Action::Engine).collect()
}

/// Removes the deployment and keeps `data/`, the settings and the token. The spec goes last.
///
/// `ending` are the actions by which the engine ends a removed instance.
pub(crate) fn teardown(folders: &InstanceFolders, old: &Spec, removed: &Spec, ending: Vec<Action>) -> Vec<Action> {
    let mut actions = edit(folders, old, removed);
    actions.extend(ending);
    actions.push(Action::RemoveFolder { path: folders.run() });
    actions.push(Action::Move { from: folders.spec(), to: removed_spec(folders) });
    actions
}

/// Deletes an instance and its data: out of sight by one rename, then file by file.
pub(crate) fn purge(folders: &InstanceFolders, away: PathBuf) -> Vec<Action> {
    vec![Action::Move { from: folders.root().to_owned(), to: away.clone() }, Action::RemoveFolder { path: away }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Report, spec::tests::example};

    fn report(spec: &Spec) -> Report {
        Report {
            pid: 77,
            started: String::new(),
            generation: spec.generation,
            port: spec.port,
            bind: spec.bind,
            server_pid: Some(78),
            restarts: 0,
            last_exit: None,
            given_up: false,
        }
    }

    fn steps(spec: &Spec, activity: Activity, report: Option<Report>) -> Vec<Step> {
        let step = |action| if let Action::Engine(step) = action { step } else { panic!("{action}") };
        reconcile(spec, &Observed::of(activity, report)).into_iter().map(step).collect()
    }

    #[test]
    fn every_wish_meets_every_state() {
        let running = example(Desired::Running);
        let stopped = example(Desired::Stopped);
        let fresh = || Some(report(&running));
        let given_up = || Some(Report { given_up: true, ..report(&running) });
        let orphan = Activity::Orphan { pid: 78 };
        let importing = Activity::Importing { pid: 5, work: "an import" };
        let stale = Step::ClearStale { pid: 77 };
        assert_eq!(steps(&running, Activity::Nothing, None), [Step::Start]);
        assert_eq!(steps(&running, Activity::Nothing, fresh()), [stale.clone(), Step::Start]);
        assert_eq!(steps(&running, Activity::Nothing, given_up()), [Step::Start]);
        assert_eq!(steps(&running, Activity::Kept, fresh()), []);
        assert_eq!(steps(&running, orphan, fresh()), [Step::StopOrphan { pid: 78 }, stale, Step::Start]);
        assert_eq!(steps(&running, importing, None), []);
        assert_eq!(steps(&stopped, Activity::Nothing, None), []);
        assert_eq!(steps(&stopped, Activity::Kept, fresh()), [Step::Stop]);
        assert_eq!(steps(&stopped, orphan, None), [Step::StopOrphan { pid: 78 }]);
    }

    #[test]
    fn a_server_of_an_older_generation_or_another_port_is_started_anew() {
        let spec = example(Desired::Running);
        let again = [Step::Stop, Step::Start];
        assert_eq!(steps(&spec.wanting(Desired::Running), Activity::Kept, Some(report(&spec))), again);
        let moved = Spec { port: 8200, ..spec.clone() };
        assert_eq!(steps(&moved, Activity::Kept, Some(report(&spec))), again);
    }

    #[test]
    fn a_teardown_writes_the_wish_first_and_moves_the_spec_last() {
        let folders = InstanceFolders::new("/root/friend");
        let spec = example(Desired::Running);
        let observed = Observed::of(Activity::Kept, Some(report(&spec)));
        let removed = removed(&spec);
        let actions = teardown(&folders, &spec, &removed, reconcile(&removed, &observed));
        let words: Vec<String> = actions.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "write /root/friend/config/instance.toml (generation 4, removed, port 8100)",
                "stop the server",
                "delete /root/friend/run",
                "rename /root/friend/config/instance.toml to /root/friend/config/instance.removed.toml",
            ]
        );
        let data = folders.data();
        let touches_data = |action: &Action| format!("{action}").contains(&*data.to_string_lossy());
        assert!(!actions.iter().any(touches_data));
    }
}
