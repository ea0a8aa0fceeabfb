//! An instance folder and the program run on it. It asserts nothing by itself.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::JoinHandle,
};

use rustix::process::{Pid, Signal, kill_process};

/// The folder of an instance called `friend`.
pub(crate) struct Instance {
    root: tempfile::TempDir,
}

impl Instance {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("friend")).unwrap();
        Self { root }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("friend")
    }

    /// Writes a file of the instance, with the folders above it.
    pub(crate) fn put(&self, name: &str, content: &[u8]) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().write_all(content).unwrap();
    }

    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = program();
        command.arg(verb).arg("--instance-dir").arg(self.folder());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let (verb, others) = arguments.split_first().unwrap();
        self.command(verb).args(others).output().unwrap()
    }

    /// Starts the server on a free port and waits until it says that it is ready.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        let mut command = self.command("serve");
        command.args(["--port", "0"]).args(arguments);
        Server::start(command)
    }

    /// The names of all files and folders below the instance, sorted.
    pub(crate) fn listing(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push(path.strip_prefix(self.folder()).unwrap().to_owned());
            }
        }
        found.sort();
        found
    }
}

/// The program, without any variable that could tell it something.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ytorch-server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("YTORCH_")) {
        command.env_remove(name);
    }
    command
}

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    /// What it said until it was ready.
    pub(crate) said: String,
    pub(crate) port: u16,
    rest: Option<JoinHandle<String>>,
}

/// An answer: its status and its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

impl Server {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let port = loop {
            let start = said.len();
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended before it was ready:\n{said}");
            if let Some(address) = said[start..].strip_prefix("ready: http://127.0.0.1:") {
                break address.trim_end().trim_end_matches('/').parse().unwrap();
            }
        };
        // Somebody must go on reading, or the server would wait for the pipe one day.
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            lines.read_to_string(&mut rest).unwrap();
            rest
        });
        Self { child, said, port, rest: Some(rest) }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// One request with the given further header lines, each ended by CRLF.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{headers}", self.port))
    }

    /// A request of one who calls the server by another name.
    pub(crate) fn get_by_name(&self, name: &str, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: {name}:{}\r\n", self.port))
    }

    fn send(&self, start: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!("{start}Connection: close\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end, and gives what it said after it was ready.
    pub(crate) fn wait(&mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.rest.take().unwrap().join().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
