//! The engine `podman` where there is no systemd: a detached container that publishes its port. It does not come back
//! after a restart of the machine until somebody reconciles, nothing holds its port meanwhile, and because the port is
//! published its container always has a network.

use std::path::{Path, PathBuf};

use serde_json::Value;
use ytorch_core::{ExitCode, InstanceFolders, Problem, Zone};

use crate::{
    engine::{
        Activity, Engine, Observed, Report, Step, busy_alone,
        derived::{DerivedFile, Found},
        missing_folders,
        systemd::{manager::Scope, names, text},
    },
    plan::{self, Action},
    podman::{Podman, PodmanError},
    spec::{Desired, Spec},
};

/// How many lines of the container's output are shown after a failure.
const LAST_LINES: &str = "20";

/// The label that says which generation of the spec a container was started for.
pub(super) const GENERATION: &str = "dev.ytorch.generation";

/// Runs servers in containers of this user, without systemd.
pub(crate) struct Detached {
    podman: Result<Podman, Problem>,
    prefix: String,
}

impl Detached {
    /// The engine for the instances of a root folder.
    pub(crate) fn new(root: &Path) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let podman = Podman::of_this_machine().map_err(Problem::from);
        Self { podman, prefix: names::prefix(root, home.as_deref()) }
    }

    /// The container of an instance.
    pub(crate) fn container(&self, spec: &Spec) -> String {
        format!("{}-{}", self.prefix, spec.name)
    }

    fn podman(&self) -> Result<&Podman, Problem> {
        self.podman.as_ref().map_err(Clone::clone)
    }

    fn inspect(&self, spec: &Spec) -> Option<Value> {
        let podman = self.podman.as_ref().ok()?;
        podman.json(["container", "inspect", &self.container(spec)]).ok().map(|mut told| told[0].take())
    }

    fn start(&self, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
        let Some(release) = &spec.release else {
            return Err(Problem::new(ExitCode::Unfit, format!("the spec of `{}` names no release", spec.name))
                .hint("name an image: ytorch upgrade NAME --release IMAGE; `ytorch image list` shows what there is"));
        };
        let mut words: Vec<String> =
            ["run", "--detach", "--replace", "--restart", "on-failure", "--pull", "never", "--stop-timeout", "20"]
                .map(str::to_owned)
                .into();
        let mut add = |name: &str, value: String| words.extend([name.to_owned(), value]);
        add("--name", self.container(spec));
        add("--security-opt", "no-new-privileges".to_owned());
        add("--cap-drop", "all".to_owned());
        // Podman's own belongs to root.
        add("--tmpfs", "/run:mode=1777".to_owned());
        if Scope::of_this_user() == Scope::User {
            add("--userns", "keep-id".to_owned());
        } else {
            add("--user", "0:0".to_owned());
        }
        for (from, to) in text::VOLUMES {
            add("--volume", format!("{}:{to}", folders.root().join(from).display()));
        }
        add("--env-file", environment(folders, spec).path.display().to_string());
        add("--publish", format!("{}:{1}:{1}", published_on(spec), spec.port));
        add("--label", format!("dev.ytorch.instance={}", spec.name));
        add("--label", format!("{GENERATION}={}", spec.generation));
        let limits = &spec.limits;
        if let Some(bytes) = limits.memory_bytes {
            add("--memory", bytes.to_string());
        }
        if let Some(tasks) = limits.tasks {
            add("--pids-limit", tasks.to_string());
        }
        if let Some(percent) = limits.cpu_percent {
            add("--cpus", format!("{}.{:02}", percent / 100, percent % 100));
        }
        words.extend(["--read-only", "--no-healthcheck"].map(str::to_owned));
        words.push(release.digits().to_owned());
        self.podman()?.run(&words).map(drop).map_err(Problem::from)
    }
}

fn published_on(spec: &Spec) -> String {
    if spec.bind.is_ipv6() { format!("[{}]", spec.bind) } else { spec.bind.to_string() }
}

/// Inside, the server listens on all addresses; Podman publishes the port on the one of the spec.
fn environment(folders: &InstanceFolders, spec: &Spec) -> DerivedFile {
    let zone = Zone::system();
    let body = text::server_environment(zone.name(), &Spec { bind: [0, 0, 0, 0].into(), ..spec.clone() });
    DerivedFile::new(folders.config().join("app.env"), &body)
}

impl Engine for Detached {
    fn reachable(&self) -> Result<(), Problem> {
        self.podman().map(drop)
    }

    fn observe(&self, folders: &InstanceFolders, spec: &Spec) -> Observed {
        let Some(container) = self.inspect(spec) else {
            return Observed::of(busy_alone(folders).unwrap_or(Activity::Nothing), None);
        };
        let state = &container["State"];
        let is_up = matches!(state["Status"].as_str(), Some("running" | "restarting" | "initialized" | "stopping"));
        let number = |value: &Value| value.as_i64().and_then(|number| u32::try_from(number).ok());
        let generation = container["Config"]["Labels"][GENERATION].as_str().and_then(|text| text.parse().ok());
        let pid = number(&state["Pid"]).filter(|pid| *pid > 0);
        let report = Report {
            pid: number(&state["ConmonPid"]).unwrap_or(0),
            started: state["StartedAt"].as_str().and_then(utc).unwrap_or_default(),
            generation: generation.unwrap_or(0),
            port: spec.port,
            bind: spec.bind,
            server_pid: pid.filter(|_| is_up),
            restarts: number(&container["RestartCount"]).unwrap_or(0),
            last_exit: state["ExitCode"].as_i64().and_then(|code| i32::try_from(code).ok()),
            given_up: !is_up,
        };
        let activity = if is_up { Activity::Kept } else { busy_alone(folders).unwrap_or(Activity::Nothing) };
        Observed::of(activity, Some(report))
    }

    fn reconcile(&self, folders: &InstanceFolders, spec: &Spec, observed: &Observed) -> Result<Vec<Action>, Problem> {
        let mut actions = Vec::new();
        let file = environment(folders, spec);
        if spec.desired.serves() {
            actions.extend(missing_folders(folders));
            if matches!(file.find(), Found::Absent | Found::Older) {
                actions.push(Action::WriteDerived { file });
            }
        }
        actions.extend(plan::reconcile(spec, observed));
        // A container that ended is still there until it is removed.
        if !spec.desired.serves() && observed.activity == Activity::Nothing && observed.report.is_some() {
            actions.push(Action::Engine(Step::Stop));
        }
        if spec.desired == Desired::Removed {
            actions.push(Action::RemoveFile { path: folders.config().join("app.env") });
        }
        Ok(actions)
    }

    fn files(&self, folders: &InstanceFolders, spec: &Spec) -> Result<Vec<DerivedFile>, Problem> {
        Ok(vec![environment(folders, spec)])
    }

    fn apply(&self, step: &Step, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
        match step {
            Step::Start => self.start(folders, spec),
            Step::Stop => {
                let container = self.container(spec);
                let removed = self.podman()?.run(["rm", "--force", "--ignore", "--time", "20", &container]);
                removed.map(drop).map_err(|error: PodmanError| error.into())
            }
            // It has neither units nor processes of ours.
            Step::StopOrphan { .. }
            | Step::ClearStale { .. }
            | Step::Reload
            | Step::ReloadIfStale { .. }
            | Step::StartUnit { .. }
            | Step::RestartUnit { .. }
            | Step::StopUnits { .. } => Ok(()),
        }
    }

    fn last_words(&self, _: &InstanceFolders, spec: &Spec) -> Vec<String> {
        let Ok(podman) = self.podman() else { return Vec::new() };
        let mut command = podman.command(["logs", "--tail", LAST_LINES, &self.container(spec)]);
        let Ok(told) = command.output() else { return Vec::new() };
        let texts = [told.stdout, told.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
    }
}

/// An instant in UTC; Podman tells it in its machine's zone.
fn utc(text: &str) -> Option<String> {
    text.parse::<jiff::Timestamp>().ok().map(|at| at.to_string())
}
