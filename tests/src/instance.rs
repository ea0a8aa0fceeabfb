//! An instance with its own folder, port and server process. It never goes through `ytorch`; `command` does that.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{Client, client, programs};

/// How long a server may take to become ready or to stop, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server and its folder. Dropping it stops the server; a stop that is not clean fails the test.
#[derive(Debug)]
pub struct Instance {
    home: Arc<TempDir>,
    arguments: Vec<String>,
    mounts: String,
    variables: Vec<(String, String)>,
    process: Option<Child>,
    said: Arc<Mutex<String>>,
    base: String,
}

impl Instance {
    /// An empty instance whose pages count in UTC, with a running server.
    pub fn start() -> Self {
        Self::start_with(&["--time-zone", "UTC"])
    }

    /// An empty instance with these arguments for `ytorch-server serve`, and a running server.
    pub fn start_with(arguments: &[&str]) -> Self {
        let mut instance = Self::prepare(arguments);
        instance.start_again();
        instance
    }

    /// An empty instance whose server does not run yet.
    pub fn prepare(arguments: &[&str]) -> Self {
        let home = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
        fs::create_dir(home.path().join("one")).expect("the instance's folder can be made");
        Self {
            home: Arc::new(home),
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            mounts: String::new(),
            variables: Vec::new(),
            process: None,
            said: Arc::default(),
            base: String::new(),
        }
    }

    /// The instance's folder.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("one")
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.folder().join("data/db/ytorch.sqlite3")
    }

    /// Runs this shell text in a mount namespace of the server's own before each start. `$1` is the instance's folder.
    pub fn mount(&mut self, shell: &str) {
        shell.clone_into(&mut self.mounts);
    }

    /// Gives the server this variable from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A client with the instance's token.
    pub fn client(&self) -> Client {
        let token = fs::read_to_string(self.folder().join("config/secrets/token")).expect("the server made a token");
        Client::new(&self.base, Some(token.trim().to_owned()))
    }

    /// Everything the server said on standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().map(|said| said.clone()).unwrap_or_default()
    }

    /// The number of the server's process.
    pub fn process_id(&self) -> u32 {
        self.process().id()
    }

    /// The peak memory of the server so far, in KiB.
    pub fn peak_memory_kib(&self) -> u64 {
        client::peak_memory_kib(self.process().id()).expect("the server runs")
    }

    /// Starts the server and waits until it is ready.
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "the server runs already");
        let mut process = self.spawn();
        let (sender, ready) = mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().expect("standard error is piped"));
        let said = Arc::clone(&self.said);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(address) = line.split_once("ready: http://").map(|(_, address)| address.trim()) {
                    // Nobody listens any more after the first ready line.
                    let _ = sender.send(format!("http://{}", address.trim_end_matches('/')));
                }
                if let Ok(mut said) = said.lock() {
                    said.push_str(&line);
                    said.push('\n');
                }
            }
        });
        self.process = Some(process);
        let Ok(base) = ready.recv_timeout(PATIENCE) else {
            panic!("the server did not become ready:\n{}", self.said());
        };
        self.base = base;
    }

    /// Starts the server, which must end by itself: gives its status and its words.
    pub fn start_in_vain(&mut self) -> (ExitStatus, String) {
        let process = self.spawn();
        let number = process.id();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(process.wait_with_output()));
        let Ok(output) = ended.recv_timeout(PATIENCE) else {
            signal(number, Signal::KILL);
            panic!("the server should have refused to start, but it runs");
        };
        let output = output.expect("the server's output can be read");
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Stops the server with SIGTERM, which must end it cleanly.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        signal(process.id(), Signal::TERM);
        let status = wait(&mut process);
        assert!(status.is_some_and(|status| status.success()), "the stop was not clean: {status:?}\n{}", self.said());
    }

    /// Kills the server with SIGKILL, as a power cut would.
    pub fn kill_9(&mut self) {
        let mut process = self.process.take().expect("the server runs");
        process.kill().expect("the server can be killed");
        process.wait().expect("a killed server ends");
    }

    /// A command of `ytorch-server` on this instance, such as `import`.
    pub fn command(&self, verb: &str) -> Command {
        let mut command = self.program();
        command.arg(verb).arg("--instance-dir").arg(self.folder());
        command
    }

    /// Runs a command of `ytorch-server` on this instance and checks on its memory meanwhile.
    pub fn run(&self, verb: &str, arguments: &[&Path]) -> (Output, u64) {
        let mut command = self.command(verb);
        let process = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let process = process.expect("the server's program runs");
        let number = process.id();
        let (sender, ended) = mpsc::channel();
        thread::spawn(move || sender.send(process.wait_with_output()));
        let mut peak_kib = 0;
        loop {
            peak_kib = client::peak_memory_kib(number).unwrap_or(0).max(peak_kib);
            if let Ok(output) = ended.recv_timeout(Duration::from_millis(5)) {
                return (output.expect("the output can be read"), peak_kib);
            }
        }
    }

    fn process(&self) -> &Child {
        self.process.as_ref().expect("the server runs")
    }

    fn program(&self) -> Command {
        let server = programs::server();
        if self.mounts.is_empty() {
            return clean(Command::new(server));
        }
        let mut command = clean(Command::new("unshare"));
        command.arg("--mount");
        if !rustix::process::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        let mut script = self.mounts.clone();
        // The shell and unshare replace themselves, so the process id is the server's.
        write!(script, " && shift && exec \"$@\"").expect("a text grows");
        command.args(["--", "sh", "-ec", &script, "sh"]).arg(self.folder()).arg(server);
        command
    }

    fn spawn(&self) -> Child {
        let mut command = self.command("serve");
        // Without a word of the test any free port will do; to give the flag twice would be an error.
        if !self.arguments.iter().any(|text| text == "--port") {
            command.args(["--port", "0"]);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the server's program runs")
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if thread::panicking() {
            eprint_tail(&self.said());
            if let Some(mut process) = self.process.take() {
                // The test has failed already; only the process must not stay.
                let _ = process.kill();
                let _ = process.wait();
            }
        } else {
            self.stop();
        }
    }
}

/// What a test's server keeps free: enough to show that it keeps something, and little enough for a nearly full machine,
/// which must fail no test but those of the floor itself.
const DISK_FLOOR_BYTES: &str = "1048576";

/// A command without the settings of whoever runs the tests.
pub fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("YTORCH_") {
            command.env_remove(name);
        }
    }
    command.env("YTORCH_DISK_FLOOR_BYTES", DISK_FLOOR_BYTES);
    command.env_remove("RUST_LOG").env("LANG", "C.UTF-8").env("NO_COLOR", "1");
    command
}

/// Sends a signal to a process of this test.
pub fn signal(process: u32, signal: Signal) {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw).expect("process ids are positive");
    kill_process(pid, signal).expect("a test may signal its own processes");
}

/// Waits for a process to end, for as long as a test may.
fn wait(process: &mut Child) -> Option<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = process.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    process.kill().expect("a child can be killed");
    None
}

#[expect(clippy::print_stderr, reason = "what the server said belongs to the words of a failed test")]
fn eprint_tail(said: &str) {
    let lines: Vec<&str> = said.lines().collect();
    eprintln!("the server's last words:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
}
