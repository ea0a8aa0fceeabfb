//! The engine `process`: a supervisor in the background that keeps the server running. It needs neither systemd nor
//! containers, and it does not come back after a restart of the machine.

mod keeper;
mod signal;
pub(crate) mod supervisor;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use ytorch_core::{ExitCode, InstanceFolders, Problem, files::create_private_folder};

use crate::{
    engine::{Activity, Engine, Observed, Report, Step, work},
    lock::{is_locked, live_holder},
    plan::{self, Action},
    ports,
    server_program::ServerProgram,
    spec::Spec,
    tail::last_lines,
};

use signal::{send_while, send_while_locked};

/// How long a supervisor may take to take its lock.
const SUPERVISOR_PATIENCE: Duration = Duration::from_secs(10);
/// How long a server may take to stop by itself before it is killed.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Runs servers as processes of this user.
pub(crate) struct Process {
    program: Result<ServerProgram, Problem>,
    root: PathBuf,
}

impl Process {
    /// The engine for an instance in this folder. That the program beside `ytorch` is missing matters only to a start.
    pub(crate) fn new(folders: &InstanceFolders, program: Result<ServerProgram, Problem>) -> Self {
        Self { program, root: folders.root().parent().unwrap_or(folders.root()).to_owned() }
    }

    /// The program of a spec: the one kept for its release, or the one beside `ytorch`.
    fn program(&self, spec: &Spec) -> Result<ServerProgram, Problem> {
        match &spec.release {
            Some(release) => ServerProgram::kept(&self.root, release),
            None => self.program.clone(),
        }
    }
}

/// The lock that a supervisor holds as long as it lives.
pub(crate) fn supervisor_lock(folders: &InstanceFolders) -> PathBuf {
    folders.run().join("supervisor.lock")
}

/// What the supervisor reports.
pub(crate) fn supervisor_report(folders: &InstanceFolders) -> PathBuf {
    folders.run().join("supervisor.json")
}

/// What the supervisor did.
pub(crate) fn supervisor_log(folders: &InstanceFolders) -> PathBuf {
    folders.logs().join("supervisor.log")
}

/// What the server wrote to its standard output and error since its last start.
pub(crate) fn server_output(folders: &InstanceFolders) -> PathBuf {
    folders.logs().join("server-output.log")
}

impl Engine for Process {
    fn reachable(&self) -> Result<(), Problem> {
        Ok(())
    }

    fn observe(&self, folders: &InstanceFolders, _: &Spec) -> Observed {
        let report = read_report(&supervisor_report(folders));
        let activity = if live_holder(&supervisor_lock(folders)).is_some() {
            Activity::Kept
        } else {
            match live_holder(&folders.server_lock()) {
                Some(pid) => work(pid).map_or(Activity::Orphan { pid }, |work| Activity::Importing { pid, work }),
                None => Activity::Nothing,
            }
        };
        Observed::of(activity, report)
    }

    fn reconcile(&self, _: &InstanceFolders, spec: &Spec, observed: &Observed) -> Result<Vec<Action>, Problem> {
        Ok(plan::reconcile(spec, observed))
    }

    fn apply(&self, step: &Step, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
        match step {
            Step::Start => start(&self.program(spec)?, folders, spec),
            Step::Stop => stop(folders),
            Step::StopOrphan { pid } => stop_orphan(&folders.server_lock(), *pid),
            Step::ClearStale { .. } => {
                // Absent is as good as removed; any other failure shows when the next supervisor writes its own.
                let _ = fs::remove_file(supervisor_report(folders));
                Ok(())
            }
            // It has no units.
            Step::Reload
            | Step::ReloadIfStale { .. }
            | Step::StartUnit { .. }
            | Step::RestartUnit { .. }
            | Step::StopUnits { .. } => Ok(()),
        }
    }

    fn last_words(&self, folders: &InstanceFolders, _: &Spec) -> Vec<String> {
        let lines = last_lines(&server_output(folders), 12).unwrap_or_default();
        if lines.is_empty() { last_lines(&supervisor_log(folders), 4).unwrap_or_default() } else { lines }
    }
}

/// What a supervisor wrote, if it can be read. A half-written file cannot be: it is renamed into place.
fn read_report(path: &Path) -> Option<Report> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn start(program: &ServerProgram, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
    if !ports::can_bind(spec.bind, spec.port) {
        let hint = format!(
            "stop that program, or give the instance another port in {} and run: ytorch start {}",
            folders.spec().display(),
            spec.name
        );
        return Err(ports::taken(spec.port, &hint));
    }
    let unfit = |error: &std::io::Error| {
        Problem::new(ExitCode::Unfit, "could not start the supervisor of the server").because(error)
    };
    // `run/` may be deleted whenever nothing runs.
    create_private_folder(&folders.run()).map_err(|error| unfit(&error))?;
    create_private_folder(&folders.logs()).map_err(|error| unfit(&error))?;
    let log = supervisor::open_log(&supervisor_log(folders)).map_err(|error| unfit(&error))?;
    let own = std::env::current_exe().map_err(|error| unfit(&error))?;
    let mut child = Command::new(own)
        .arg("supervise")
        // Only so that it never has to ask where the instances are.
        .arg("--root")
        .arg(folders.root().parent().unwrap_or(folders.root()))
        .arg("--instance-dir")
        .arg(folders.root())
        .arg("--server")
        .arg(program.path())
        .args(["--port", &spec.port.to_string(), "--bind", &spec.bind.to_string()])
        .args(["--generation", &spec.generation.to_string()])
        .current_dir(folders.root())
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(|error| unfit(&error))?)
        .stderr(log)
        .spawn()
        .map_err(|error| unfit(&error))?;
    let until = Instant::now() + SUPERVISOR_PATIENCE;
    loop {
        let reported = read_report(&supervisor_report(folders)).is_some_and(|report| report.pid == child.id());
        if reported {
            return Ok(());
        }
        let ended = child.try_wait().map_err(|error| unfit(&error))?;
        if ended.is_some() || Instant::now() > until {
            let words = last_lines(&supervisor_log(folders), 4).unwrap_or_default().join("\n    ");
            return Err(Problem::new(ExitCode::Failure, "the supervisor of the server did not come up").detail(words));
        }
        thread::sleep(POLL);
    }
}

/// Stops the supervisor, which stops its server; what is left after that is stopped by its own lock.
fn stop(folders: &InstanceFolders) -> Result<(), Problem> {
    let lock = supervisor_lock(folders);
    if let Some(pid) = live_holder(&lock) {
        stop_holder(&lock, pid, STOP_PATIENCE + Duration::from_secs(5))?;
    }
    match live_holder(&folders.server_lock()) {
        Some(pid) if work(pid).is_none() => stop_holder(&folders.server_lock(), pid, STOP_PATIENCE),
        _ => Ok(()),
    }
}

/// Stops a server that nobody is known to keep: its supervisor was killed, or has lost `run/` and with it its lock.
///
/// Such a supervisor must go first, or it would start the server again; its server goes with it.
fn stop_orphan(lock: &Path, pid: u32) -> Result<(), Problem> {
    if let Some(supervisor) = keeper::of_server(pid) {
        let is_still = || live_holder(lock) == Some(pid) && keeper::of_server(pid) == Some(supervisor);
        send_while(is_still, supervisor, Signal::TERM).map_err(|error| not_stopped(supervisor, &error))?;
        let until = Instant::now() + STOP_PATIENCE + Duration::from_secs(5);
        while keeper::is_supervisor(supervisor) && Instant::now() < until {
            thread::sleep(POLL);
        }
    }
    if live_holder(lock) == Some(pid) { stop_holder(lock, pid, STOP_PATIENCE) } else { Ok(()) }
}

fn not_stopped(pid: u32, error: &std::io::Error) -> Problem {
    Problem::new(ExitCode::Failure, format!("could not stop the process {pid}"))
        .because(error)
        .hint("it belongs to another user; stop it as that user")
}

/// Asks the holder of a lock to end, waits, and kills it if it does not.
fn stop_holder(lock: &Path, pid: u32, patience: Duration) -> Result<(), Problem> {
    for (signal, patience) in [(Signal::TERM, patience), (Signal::KILL, Duration::from_secs(5))] {
        send_while_locked(lock, pid, signal).map_err(|error| not_stopped(pid, &error))?;
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if !is_locked(lock) {
                return Ok(());
            }
            thread::sleep(POLL);
        }
    }
    Err(Problem::new(ExitCode::Failure, format!("the process {pid} does not end"))
        .detail(format!("it still holds {}", lock.display()))
        .hint("it may wait for a disk that does not answer"))
}
