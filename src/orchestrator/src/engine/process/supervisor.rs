//! The hidden `ytorch supervise`: keeps one server running until it is told to stop. It never opens the data.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, setsid};
use signal_hook::{
    consts::{SIGCHLD, SIGINT, SIGTERM},
    iterator::Signals,
};
use ytorch_core::{
    Clock, ExitCode, InstanceFolders, Problem,
    files::{Access, write_atomically},
};

use super::{STOP_PATIENCE, server_output, supervisor_lock, supervisor_log, supervisor_report};
use crate::{
    command_line::Supervise,
    engine::Report,
    lock::{Lock, LockFailure},
};

/// The first wait before another start; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A server that lived this long gets the first wait again.
const LONG_LIFE: Duration = Duration::from_mins(1);
/// How often the size of the server's output is looked at.
const TIDY_EVERY: Duration = Duration::from_mins(1);
/// What shells call the exit status of a program that could not be started.
const NOT_STARTED: i32 = 127;
/// Logs that nobody else rotates end here.
const LOG_LIMIT_BYTES: u64 = 1024 * 1024;

/// Runs until a signal says stop, or the server says that another start would end the same way.
pub(crate) fn supervise(options: &Supervise, clock: &Clock) -> Result<(), Problem> {
    // Out of the terminal's session, so that closing the terminal does not stop the server. It fails only where the
    // process leads a group already, and then it is in no terminal's foreground either.
    let _ = setsid();
    let folders = InstanceFolders::new(&options.instance_dir);
    let failed = |what: &str, error: &io::Error| Problem::new(ExitCode::Failure, what).because(error);
    let holder = format!("{} ytorch supervise\n", std::process::id());
    let lock = Lock::take(&supervisor_lock(&folders), &holder, Duration::from_secs(2));
    let _lock = lock.map_err(|failure| match failure {
        LockFailure::Busy(holder) => {
            Problem::new(ExitCode::Busy, "another supervisor keeps this instance").detail(holder.trim())
        }
        LockFailure::Io(error) => failed("could not take the supervisor's lock", &error),
    })?;
    let signals = listen().map_err(|error| failed("could not listen for signals", &error))?;
    let report = Report {
        pid: std::process::id(),
        started: clock.now().to_string(),
        generation: options.generation,
        port: options.port,
        bind: options.bind,
        server_pid: None,
        restarts: 0,
        last_exit: None,
        given_up: false,
    };
    Supervisor { folders, options, clock, signals, report }
        .run()
        .map_err(|error| failed("could not keep the server running", &error))
}

struct Supervisor<'a> {
    folders: InstanceFolders,
    options: &'a Supervise,
    clock: &'a Clock,
    signals: Receiver<i32>,
    report: Report,
}

/// What ended a wait.
enum Event {
    Stop,
    Exited(ExitStatus),
}

impl Supervisor<'_> {
    /// Nothing that fails after the first report ends it, such as a full disk or a program that is being replaced:
    /// that must not leave a server without its supervisor.
    fn run(mut self) -> io::Result<()> {
        self.write_report()?;
        let mut wait = FIRST_WAIT;
        loop {
            let born = Instant::now();
            let (words, code, is_final) = match self.start() {
                Ok(mut child) => match self.keep(&mut child)? {
                    Event::Stop => return self.stop(&mut child),
                    Event::Exited(status) => {
                        (format!("server ended ({status})"), exit_status(status), is_final(status))
                    }
                },
                // A program that never ran will not run a moment later; one that did is being replaced.
                Err(error) => {
                    (format!("server could not be started ({error})"), NOT_STARTED, self.report.restarts == 0)
                }
            };
            // Before the report: who reads that looks for the words at once.
            self.log(&words);
            self.ended(code, is_final);
            if is_final {
                self.log("another start would end the same way");
                return Ok(());
            }
            if born.elapsed() > LONG_LIFE {
                wait = FIRST_WAIT;
            }
            self.log(&format!("starting it again in {wait:?}"));
            if self.told_to_stop_within(wait) {
                return self.farewell();
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Reports a server that runs, and waits until it ends or a signal says stop.
    fn keep(&mut self, child: &mut Child) -> io::Result<Event> {
        self.report.server_pid = Some(child.id());
        self.report_if_possible();
        self.log(&format!("server started (pid {})", child.id()));
        self.wait_for(child)
    }

    fn ended(&mut self, code: i32, is_final: bool) {
        self.report.server_pid = None;
        self.report.last_exit = Some(code);
        self.report.given_up = is_final;
        self.report.restarts += 1;
        self.report_if_possible();
    }

    fn start(&self) -> io::Result<Child> {
        let path = server_output(&self.folders);
        // Appending, so that the file can be cut while the server writes to it.
        let output = OpenOptions::new().append(true).create(true).open(path)?;
        output.set_len(0)?;
        Command::new(&self.options.server)
            .arg("serve")
            .arg("--instance-dir")
            .arg(self.folders.root())
            .args(["--port", &self.options.port.to_string(), "--bind", &self.options.bind.to_string()])
            .current_dir(self.folders.root())
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
    }

    fn wait_for(&self, child: &mut Child) -> io::Result<Event> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Event::Exited(status));
            }
            match self.signals.recv_timeout(TIDY_EVERY) {
                Ok(SIGCHLD) => {}
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return Ok(Event::Stop),
                // What cannot be cut now is tried again in a minute.
                Err(RecvTimeoutError::Timeout) => drop(tidy(&server_output(&self.folders))),
            }
        }
    }

    /// Forwards the wish to stop and waits; a server that does not listen is killed.
    fn stop(&self, child: &mut Child) -> io::Result<()> {
        // The child was not waited for yet, so its id cannot belong to anybody else.
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        let until = Instant::now() + STOP_PATIENCE;
        while child.try_wait()?.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.log("server did not stop in time and is killed");
                child.kill()?;
                child.wait()?;
                break;
            }
            // SIGCHLD ends the wait; a second wish to stop changes nothing.
            let _ = self.signals.recv_timeout(left);
        }
        self.farewell()
    }

    /// Says that nothing runs any more by taking the report away.
    fn farewell(&self) -> io::Result<()> {
        self.log("stopped");
        fs::remove_file(supervisor_report(&self.folders))
    }

    fn told_to_stop_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            match self.signals.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(SIGCHLD) => {}
                Ok(_) | Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }

    fn write_report(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.report).map_err(io::Error::other)?;
        write_atomically(&supervisor_report(&self.folders), &bytes, Access::Shared)
    }

    fn report_if_possible(&self) {
        if let Err(error) = self.write_report() {
            self.log(&format!("could not report: {error}"));
        }
    }

    /// Logs, if the disk has room; keeping the server is worth more.
    fn log(&self, text: &str) {
        let _ =
            open_log(&supervisor_log(&self.folders)).and_then(|mut file| writeln!(file, "{} {text}", self.clock.now()));
    }
}

/// The exit status as shells tell it: 128 and the signal for a server that was killed.
fn exit_status(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

/// Whether the server said that it cannot run: settings (2), machine or database (3), port (7).
fn is_final(status: ExitStatus) -> bool {
    let finals = [ExitCode::Usage, ExitCode::Unfit, ExitCode::PortTaken].map(|code| i32::from(code as u8));
    status.code().is_some_and(|code| finals.contains(&code))
}

fn listen() -> io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGCHLD])?;
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in &mut signals {
            if sender.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// Opens the supervisor's log for appending; a full one becomes `supervisor.log.1` first.
pub(crate) fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT_BYTES) {
        let mut old = path.as_os_str().to_owned();
        old.push(".1");
        fs::rename(path, PathBuf::from(old))?;
    }
    OpenOptions::new().append(true).create(true).open(path)
}

/// Cuts the server's output: the same lines are in the server's own log, which is rotated.
fn tidy(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().append(true).open(path)?;
    if file.metadata()?.len() > LOG_LIMIT_BYTES { file.set_len(0) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exits_that_another_start_would_repeat_are_final() {
        let code = |code: i32| ExitStatus::from_raw(code << 8);
        let finals: Vec<i32> = (0..=9).filter(|number| is_final(code(*number))).collect();
        assert_eq!(finals, [2, 3, 7]);
        assert!(!is_final(ExitStatus::from_raw(9)), "a killed server was given up");
        assert_eq!((exit_status(ExitStatus::from_raw(9)), exit_status(ExitStatus::from_raw(3 << 8))), (137, 3));
    }

    #[test]
    fn a_full_log_is_put_aside_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("supervisor.log");
        File::create(&path).unwrap().set_len(LOG_LIMIT_BYTES + 1).unwrap();
        open_log(&path).unwrap().write_all(b"new\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new\n");
        assert_eq!(fs::metadata(folder.path().join("supervisor.log.1")).unwrap().len(), LOG_LIMIT_BYTES + 1);
    }
}
