//! The command `ytorch` with a root folder of its own. It knows no verb; tests say them.

use std::{
    ffi::OsStr,
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, instance::clean, programs};

/// `ytorch`, whose instances lie in a temporary folder. Dropping it stops every instance.
#[derive(Debug)]
pub struct Ytorch {
    home: TempDir,
    variables: Vec<(String, String)>,
}

/// What a command said and how it ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ytorch {
    /// A root without instances.
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A root without instances, whose commands get these variables.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let home = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
        let variables = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Self { home, variables: variables.collect() }
    }

    /// The folder that holds the instances. `ytorch` makes it.
    pub fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    /// The command with these words, not yet run.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = clean(Command::new(programs::ytorch()));
        command.args(words).current_dir(self.home.path()).stdin(Stdio::null());
        // What else works on this machine must not matter to tests of the command.
        command.env("YTORCH_ENGINE", "process");
        command.env("YTORCH_ROOT", self.root()).env("YTORCH_SERVER", programs::server()).env("HOME", self.home.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command with these words.
    pub fn run(&self, words: &[&str]) -> Answer {
        self.command(words).output().expect("ytorch runs").into()
    }

    /// Runs the command with these words, which must succeed.
    pub fn must(&self, words: &[&str]) -> Answer {
        let answer = self.run(words);
        assert_eq!(answer.code, Some(0), "ytorch {words:?}: {answer:?}");
        answer
    }

    /// Creates an instance on a port of its own, with further words.
    ///
    /// Each test has its own root, so nobody but the operating system keeps two of them from choosing one port.
    pub fn create(&self, name: &str, words: &[&str]) -> Answer {
        let port = free_port().to_string();
        self.must(&[&["create", name, "--port", &port], words].concat())
    }

    /// A one-time log-in link to an instance.
    pub fn link(&self, name: &str) -> String {
        let answer = self.must(&["open", name, "--print-only"]);
        let mut words = answer.stdout.split_whitespace();
        words.find(|word| word.starts_with("http://")).unwrap_or_else(|| panic!("no link in {answer:?}")).to_owned()
    }

    /// A client of an instance with its token.
    pub fn client(&self, name: &str) -> Client {
        let token = self.must(&["token", name]).stdout.trim().to_owned();
        let link = self.link(name);
        let end = link["http://".len()..].find('/').map_or(link.len(), |slash| slash + "http://".len());
        Client::new(&link[..end], Some(token))
    }

    /// Every folder and file below the root, with its size: to see whether a command changed anything.
    pub fn listing(&self) -> Vec<String> {
        let output = Command::new("find").arg(self.home.path()).args(["-printf", "%P %s %y\n"]).output();
        let text = String::from_utf8_lossy(&output.expect("find runs").stdout).into_owned();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// A port that is free now and that no other test process will choose: below those that the system hands out, counted
/// from a place that depends on the process.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = std::process::id() * 8 + GIVEN.fetch_add(1, Ordering::Relaxed);
        let port = u16::try_from(16_000 + step % 16_000).expect("it is below 32,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Default for Ytorch {
    fn default() -> Self {
        Self::new()
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Answer {
    /// Standard output without its last line feed, of a command that must have succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout.trim_end().to_owned()
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in the answer {self:?}"))
    }
}

impl Drop for Ytorch {
    fn drop(&mut self) {
        let Ok(entries) = std::fs::read_dir(self.root()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_hidden = name.to_str().is_none_or(|name| name.starts_with('.'));
            if !is_hidden {
                // A test that failed half-way leaves anything; what cannot be stopped has no server.
                let _ = self.command(&[]).args([OsStr::new("stop"), &name]).output();
            }
        }
    }
}
