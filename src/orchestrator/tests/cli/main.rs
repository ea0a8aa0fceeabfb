//! The command `ytorch`, entered by its door: arguments in; files, processes and words out. It never tests the server.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what every test of this program stands on is test code, too")]

mod adopt;
mod audit;
mod crash;
mod create;
mod declare;
mod exec;
mod fitness;
mod help;
mod idle;
mod image;
mod ingest;
mod inspect;
mod logs;
mod machine;
mod many;
mod operations;
mod refusals;
mod running;
mod set;
mod share;
mod shell;
mod teardown;
mod timers;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU16, Ordering},
};

use machine::Machine;
use serde_json::Value;
use tempfile::TempDir;
use ytorch_core::files::{Access, write_atomically};

/// A root folder of its own. Dropping it stops what was started in it.
struct Root {
    machine: Option<Machine>,
    folder: TempDir,
}

/// How a command ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The one JSON document on standard output.
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?} {}", self.stdout, self.stderr))
    }

    #[track_caller]
    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{} {}", self.stdout, self.stderr);
        self
    }

    /// Asserts the exit status and that the problem says these words.
    #[track_caller]
    fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{} {}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
        self
    }
}

impl Root {
    fn new() -> Self {
        Self { machine: None, folder: tempfile::tempdir().unwrap() }
    }

    /// A root folder on a machine with systemd and Podman, where `auto` is this engine.
    fn on_a_machine(engine: &'static str) -> Self {
        Self { machine: Some(Machine::boot(engine)), folder: quick_folder() }
    }

    fn machine(&self) -> &Machine {
        self.machine.as_ref().unwrap()
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ytorch"));
        command.args(arguments).env("YTORCH_ROOT", self.path()).env("YTORCH_SERVER", stand_in_server());
        command
            .env("YTORCH_ENGINE", "process")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(std::process::Stdio::null());
        if let Some(machine) = &self.machine {
            machine.surround(&mut command);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    fn file(&self, path: &str) -> PathBuf {
        self.path().join(path)
    }

    /// A made instance that does not run, on a port that no other test is given.
    fn created(name: &str) -> Self {
        let root = Self::new();
        let port = free_port().to_string();
        root.run(&["create", name, "--no-start", "--port", &port]).ok();
        root
    }

    /// An instance that runs.
    fn running(name: &str) -> Self {
        let root = Self::created(name);
        root.run(&["start", name]).ok();
        root
    }

    fn report(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.file(name).join("run/supervisor.json")).unwrap()).unwrap()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if self.machine.is_some() {
            // Everything on a stand-in machine ends with it.
            return;
        }
        let listed: Value = serde_json::from_str(&self.run(&["list", "--json"]).stdout).unwrap_or_default();
        for instance in listed["instances"].as_array().into_iter().flatten() {
            self.run(&["stop", instance["name"].as_str().unwrap_or_default()]);
        }
    }
}

/// A folder in memory where there is one: a process that dies loses nothing there either, and syncing costs nothing.
fn quick_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Writes a file as a person would.
fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> std::io::Result<()> {
    write_atomically(path.as_ref(), text.as_ref(), Access::Shared)
}

/// A port that no other test is given: below those that the kernel hands out by itself, and counted from a number that
/// differs between processes, since each test can be one.
fn free_port() -> u16 {
    const FIRST: u16 = 9_000;
    const TESTS: u32 = 700;
    const PORTS_OF_A_TEST: u16 = 10;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % TESTS).unwrap() * PORTS_OF_A_TEST;
    loop {
        let port = FIRST + own + GIVEN.fetch_add(1, Ordering::Relaxed);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The program beside this one that stands in for the server.
fn stand_in_server() -> PathBuf {
    stand_in("stand_in_server")
}

/// A program for tests beside this one: cargo builds all of them into one folder.
fn stand_in(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let is_program = |path: &PathBuf| {
        let file = path.file_name().unwrap().to_string_lossy();
        file.starts_with(&format!("{name}-")) && !file.contains('.')
    };
    let entries = fs::read_dir(own.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let newest = entries.filter(is_program).max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    newest.unwrap_or_else(|| panic!("`cargo test` builds it; with `--test cli` add `--test {name}`"))
}
