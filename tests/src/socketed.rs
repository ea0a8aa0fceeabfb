//! A server behind sockets that somebody else holds, as systemd does; `supervisor.py` is that somebody. It knows nothing
//! of units or containers.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Client, instance::clean, programs};

/// How long something may take, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A holder of sockets and the server behind them, which a first request starts. Dropping it kills both.
#[derive(Debug)]
pub struct Socketed {
    home: TempDir,
    holder: Child,
    orders: Option<ChildStdin>,
    events: Receiver<Value>,
    port: u64,
}

impl Socketed {
    /// Holds sockets for an instance whose server gets these arguments and variables.
    pub fn hold(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
        fs::create_dir(home.path().join("one")).expect("the instance's folder can be made");
        let mut command = clean(Command::new("python3"));
        command.args(["-c", include_str!("supervisor.py")]).arg(home.path()).arg(programs::server());
        command.args(["serve", "--time-zone", "UTC", "--instance-dir"]).arg(home.path().join("one")).args(arguments);
        command.envs(variables.iter().copied());
        let said = fs::File::create(home.path().join("said")).expect("a file can be made");
        let mut holder =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(said).spawn().expect("python3 runs");
        let lines = BufReader::new(holder.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in lines {
                // A test that has ended listens no more.
                let _ = sender.send(serde_json::from_str::<Value>(&line).unwrap_or_default());
            }
        });
        let orders = holder.stdin.take();
        let mut held = Self { home, holder, orders, events, port: 0 };
        held.port = held.wait_for(|event| event["port"].as_u64());
        held
    }

    /// The instance's folder.
    pub fn folder(&self) -> PathBuf {
        self.home.path().join("one")
    }

    /// What the server and the holder said on standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(self.home.path().join("said")).unwrap_or_default()
    }

    /// A client over the network, with the token; the server must have started once.
    pub fn client(&self) -> Client {
        let token = fs::read_to_string(self.folder().join("config/secrets/token")).expect("the server made a token");
        Client::new(&format!("http://127.0.0.1:{}", self.port), Some(token.trim().to_owned()))
    }

    /// A connection over the network.
    pub fn network(&self) -> TcpStream {
        let port = u16::try_from(self.port).expect("ports are small");
        TcpStream::connect(("127.0.0.1", port)).expect("the socket is held")
    }

    /// A connection to the unix socket.
    pub fn local(&self) -> UnixStream {
        UnixStream::connect(self.local_path()).expect("the socket is held")
    }

    /// The path of the unix socket.
    pub fn local_path(&self) -> PathBuf {
        self.home.path().join("local.sock")
    }

    /// Asks over the unix socket, with further lines of the header, and gives all of the answer.
    pub fn ask_local(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut stream = self.local();
        let mut head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n");
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").expect("a text grows");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("a request can be sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer can be read");
        answer
    }

    /// Gives the holder an order: `stop`, `freeze THREAD`, `thaw`.
    pub fn order(&mut self, words: &str) {
        writeln!(self.orders.as_mut().expect("it listens"), "{words}").expect("it listens");
    }

    /// The next event of which `read` makes something; those before it are forgotten.
    pub fn wait_for<T>(&self, read: impl Fn(&Value) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("it did not happen:\n{}", self.said());
            };
            if let Some(value) = read(&event) {
                return value;
            }
        }
    }

    /// The next message of the server to its manager that has these words.
    pub fn wait_for_message(&self, words: &str) -> String {
        self.wait_for(|event| event["message"].as_str().filter(|text| text.contains(words)).map(str::to_owned))
    }

    /// Whether an event with these words comes within a time.
    pub fn comes_within(&self, words: &str, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(event) if event.to_string().contains(words) => return true,
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Waits until the server has ended, and gives its exit status.
    pub fn wait_for_end(&self) -> i64 {
        self.wait_for(|event| event["ended"].as_i64())
    }
}

impl Drop for Socketed {
    fn drop(&mut self) {
        // It ends when nobody gives it orders any more, and kills the server first.
        self.orders = None;
        let _ = self.holder.wait();
    }
}
