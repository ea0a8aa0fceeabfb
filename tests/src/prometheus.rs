//! A real Prometheus and its `promtool`, both of Debian's package. It judges no metric; `promtool` and the tests do.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::{instance, programs::of_debian};

/// How long Prometheus may take to start or to scrape, on however slow a machine.
const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// A running Prometheus with a folder and a port of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Prometheus {
    process: Child,
    address: String,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it with this configuration and waits until it listens.
    pub fn start(configuration: &str) -> Self {
        let folder = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
        let file = write(folder.path(), "prometheus.yml", configuration);
        let mut process = Command::new(of_debian("prometheus", "prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus runs");
        let lines = BufReader::new(process.stderr.take().expect("standard error is piped")).lines();
        let (sender, listening) = mpsc::channel();
        thread::spawn(move || {
            let mut said = String::new();
            for line in lines.map_while(Result::ok) {
                if line.contains("\"Listening on\"")
                    && let Some((_, address)) = line.split_once("address=")
                {
                    let _ = sender.send(Ok(address.trim().to_owned()));
                }
                said.push_str(&line);
                said.push('\n');
            }
            // It has ended. Nobody listens any more if it had started.
            let _ = sender.send(Err(said));
        });
        match listening.recv_timeout(PATIENCE) {
            Ok(Ok(address)) => Self { process, address, _folder: folder },
            other => {
                let _ = process.kill();
                panic!("prometheus did not start: {other:?}");
            }
        }
    }

    /// Asks its API; the answer must be a success.
    pub fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let answer = self.try_ask(path, parameters);
        assert_eq!(answer["status"], "success", "{path} {parameters:?}: {answer}");
        answer["data"].clone()
    }

    /// What an expression gives now: one object for each series.
    pub fn query(&self, expression: &str) -> Vec<Value> {
        let data = self.ask("/api/v1/query", &[("query", expression)]);
        data["result"].as_array().expect("a result is a list").clone()
    }

    /// Asks until an expression gives anything.
    pub fn wait_for(&self, expression: &str) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = self.query(expression);
            if !found.is_empty() {
                return found;
            }
            let targets = self.ask("/api/v1/targets", &[]);
            assert!(Instant::now() < until, "`{expression}` gave nothing; the targets are {targets}");
            thread::sleep(PAUSE);
        }
    }

    fn try_ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            let request = agent.get(format!("http://{}{path}", self.address));
            let request = parameters.iter().fold(request, |request, (name, value)| request.query(name, value));
            let mut response = request.call().expect("prometheus answers");
            // It listens before it is ready, and says so.
            if response.status() != 503 {
                let text = response.body_mut().read_to_string().expect("an answer can be read");
                return serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
            }
            assert!(Instant::now() < until, "prometheus does not become ready");
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        instance::signal(self.process.id(), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Runs `promtool` with these words and this input: whether it was content, and what it said.
pub fn promtool(folder: &Path, words: &[&str], input: &str) -> (bool, String) {
    let mut process = Command::new(of_debian("promtool", "prometheus"))
        .args(words)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    // It may be content, or not, before it has read everything.
    let _ = process.stdin.take().expect("standard input is piped").write_all(input.as_bytes());
    let output = process.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.success(), said)
}

/// Writes a file for one of the two.
pub fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    File::create(&path).and_then(|mut file| file.write_all(text.as_bytes())).expect("a temporary file can be written");
    path
}

/// The metrics that an expression names: words that are no function, label, number or keyword.
pub fn metrics_of(expression: &str) -> Vec<String> {
    const KEYWORDS: [&str; 13] = [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "offset",
        "bool",
        "inf",
        "nan",
    ];
    let bare = without_brackets(expression);
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == ':';
    let mut found = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(is_word) {
        let end = rest[start..].find(|character| !is_word(character)).map_or(rest.len(), |length| start + length);
        let (word, after) = (&rest[start..end], rest[end..].trim_start());
        let is_number = word.starts_with(|character: char| character.is_ascii_digit());
        // `rate(…)` and `sum by (…) (…)`: what a round bracket or `by` follows is a function.
        let is_function = after.starts_with('(') || after.starts_with("by") || after.starts_with("without");
        if !is_number && !is_function && !KEYWORDS.contains(&word.to_ascii_lowercase().as_str()) {
            found.push(word.to_owned());
        }
        rest = &rest[end..];
    }
    found
}

/// The expression without texts, label matchers, durations and the labels of `by (…)` and the like.
fn without_brackets(expression: &str) -> String {
    let mut bare = String::new();
    let (mut quote, mut depth, mut labels) = (false, 0_u32, false);
    let mut characters = expression.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if quote => drop(characters.next()),
            '"' => quote = !quote,
            _ if quote => {}
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            '(' if ["by", "without", "on", "ignoring"].iter().any(|word| ends_with_word(&bare, word)) => labels = true,
            ')' if labels => {
                labels = false;
                // So that the next bracket does not seem to follow `by` as well.
                bare.push(',');
            }
            _ if labels => {}
            _ => bare.push(character),
        }
    }
    bare
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.trim_end().strip_suffix(word).is_some_and(|before| before.ends_with([' ', ')', '\n']))
}
