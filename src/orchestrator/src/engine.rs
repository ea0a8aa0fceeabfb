//! How a server is run: the words that every engine shares. It does not decide what should run; `plan` does.

pub(crate) mod process;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use ytorch_core::{InstanceFolders, Problem};

use crate::spec::Spec;

/// A way of running servers.
pub(crate) trait Engine {
    /// What runs at this moment. It asks the system, never its own memory, and changes nothing.
    fn observe(&self, folders: &InstanceFolders) -> Observed;

    /// Does one step. A step that is already done is no error.
    fn apply(&self, step: Step, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem>;

    /// The last lines that the server or its keeper wrote where no log file has them.
    fn last_words(&self, folders: &InstanceFolders) -> Vec<String>;
}

/// A step of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
}

/// What runs for an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// What kind of process works on the instance.
    pub activity: Activity,
    /// What the keeper reported last, dead or alive.
    pub report: Option<Report>,
}

/// What kind of process works on an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// None.
    Nothing,
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

impl Observed {
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
