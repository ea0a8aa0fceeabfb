//! How a server is run: the words that every engine shares. It does not decide what should run; `plan` does.

pub(crate) mod choice;
pub(crate) mod derived;
pub(crate) mod detached;
pub(crate) mod process;
pub(crate) mod systemd;

use std::{fs, net::IpAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use ytorch_core::{InstanceFolders, Problem};

use crate::{lock::live_holder, plan::Action, spec::Spec};

/// A way of running servers.
pub(crate) trait Engine {
    /// Whether what runs servers can be asked at all.
    fn reachable(&self) -> Result<(), Problem>;

    /// What runs at this moment. It asks the system, never its own memory, and changes nothing.
    fn observe(&self, folders: &InstanceFolders, spec: &Spec) -> Observed;

    /// What runs for many instances of this engine, if one question answers for all of them. Else each is observed by itself.
    fn observe_together(&self, _instances: &[(InstanceFolders, &Spec)]) -> Option<Vec<Observed>> {
        None
    }

    /// What has to be done so that what runs is what the spec says. It changes nothing.
    fn reconcile(&self, folders: &InstanceFolders, spec: &Spec, observed: &Observed) -> Result<Vec<Action>, Problem>;

    /// Does one step. A step that is already done is no error.
    fn apply(&self, step: &Step, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem>;

    /// What ends a server for a moment. Whoever holds its port goes on to hold it.
    fn pause(&self, _spec: &Spec) -> Vec<Action> {
        vec![Action::Engine(Step::Stop)]
    }

    /// The last lines that the server or its keeper wrote where no log file has them.
    fn last_words(&self, folders: &InstanceFolders, spec: &Spec) -> Vec<String>;

    /// The files that follow from a spec, but for those of the instance's own folder that every engine has.
    ///
    /// # Errors
    /// If they cannot be written for this root folder.
    fn files(&self, _folders: &InstanceFolders, _spec: &Spec) -> Result<Vec<derived::DerivedFile>, Problem> {
        Ok(Vec::new())
    }

    /// Files that follow from the spec and that somebody changed by hand, so that they are left alone.
    fn kept_by_hand(&self, _folders: &InstanceFolders, _spec: &Spec) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// A step of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub(crate) enum Step {
    /// Start the server and what keeps it running.
    Start,
    /// Stop the server and what keeps it running, gracefully.
    Stop,
    /// Stop a server that nobody keeps any more.
    StopOrphan {
        /// The server's process.
        pid: u32,
    },
    /// Forget what a process that has died left in `run/`.
    ClearStale {
        /// The process that is no more.
        pid: u32,
    },
    /// Let systemd read its files anew.
    Reload,
    /// Let systemd read its files anew, if it says that it has not read those of these units.
    ReloadIfStale {
        /// The units.
        units: Vec<String>,
    },
    /// Start a unit and wait until it is up.
    StartUnit {
        /// The unit.
        unit: String,
    },
    /// Stop a service and start it again, while its socket keeps the port.
    RestartUnit {
        /// The unit.
        unit: String,
    },
    /// Stop units and forget that they failed.
    StopUnits {
        /// The units.
        units: Vec<String>,
    },
}

impl Step {
    /// Whether a server begins or ends by it.
    pub(crate) fn is_of_a_server(&self) -> bool {
        !matches!(self, Self::ClearStale { .. } | Self::Reload | Self::ReloadIfStale { .. })
    }
}

/// What runs for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// What kind of process works on the instance.
    pub activity: Activity,
    /// What the keeper reported last, dead or alive.
    pub report: Option<Report>,
    /// The units of systemd, where it keeps the server.
    pub units: Option<systemd::Units>,
}

/// What kind of process works on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// None.
    Nothing,
    /// None, but its port is held: the first request starts a server.
    Listening,
    /// A server that is kept running.
    Kept,
    /// A server whose keeper was killed.
    Orphan {
        /// The server's process.
        pid: u32,
    },
    /// An import, or maintenance, without a server.
    Importing {
        /// Its process.
        pid: u32,
        /// What it does, in words.
        work: &'static str,
    },
}

/// What a keeper says of itself and its server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The keeper's process.
    pub pid: u32,
    /// When the keeper started, RFC 3339.
    pub started: String,
    /// The generation of the spec that it serves.
    pub generation: u64,
    /// The port that it serves.
    pub port: u16,
    /// The address that it serves.
    pub bind: IpAddr,
    /// The server's process; none while it waits to start it again.
    pub server_pid: Option<u32>,
    /// How often the server had to be started again.
    pub restarts: u32,
    /// How the server ended last: its exit status.
    pub last_exit: Option<i32>,
    /// Whether the keeper gave up, because another start would end the same way.
    pub given_up: bool,
}

impl Activity {
    /// Whether a request would be answered, be it by a server that it starts.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Self::Kept | Self::Listening | Self::Orphan { .. })
    }
}

impl Observed {
    /// What an engine without units sees.
    pub(crate) fn of(activity: Activity, report: Option<Report>) -> Self {
        Self { activity, report, units: None }
    }

    /// Whether what runs is what the spec says.
    pub(crate) fn serves(&self, spec: &Spec) -> bool {
        let Some(report) = &self.report else { return false };
        self.activity == Activity::Kept
            && (report.generation, report.port, report.bind) == (spec.generation, spec.port, spec.bind)
    }

    /// The process of a keeper that died without a word.
    pub(crate) fn stale_pid(&self) -> Option<u32> {
        let report = self.report.as_ref()?;
        (self.activity != Activity::Kept && !report.given_up).then_some(report.pid)
    }
}

/// What works on an instance that has no server: an import, or maintenance. Unknown counts as nothing.
pub(crate) fn busy_alone(folders: &InstanceFolders) -> Option<Activity> {
    let pid = live_holder(&folders.server_lock())?;
    work(pid).map(|work| Activity::Importing { pid, work })
}

/// What a process that holds the server's lock does if it is no server. Unknown counts as a server.
pub(crate) fn work(pid: u32) -> Option<&'static str> {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    match arguments.split(|byte| *byte == 0).nth(1).unwrap_or_default() {
        b"import" => Some("an import"),
        b"reingest" => Some("a reingest"),
        b"maintain" => Some("maintenance"),
        _ => None,
    }
}

/// What creates the folders that a server behind mounts needs and that are missing: it makes none itself where it may not.
pub(crate) fn missing_folders(folders: &InstanceFolders) -> Vec<Action> {
    let needed = [folders.logs(), folders.run(), folders.backups(), folders.secrets(), folders.database_folder()];
    needed.into_iter().filter(|path| !path.is_dir()).map(|path| Action::CreateFolder { path }).collect()
}
