//! A small HTTP client that shows every answer as it is. It follows no redirect and keeps no cookie.

use std::{
    fs::File,
    io::{self, Read, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use ureq::{Agent, SendBody, http};

use crate::recount::second;

/// How long a test waits for an import, however slow the machine is.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long it waits between two questions to a server that works on something.
const PAUSE: Duration = Duration::from_millis(10);
const BOUNDARY: &str = "----ytorch-tests-boundary";

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    token: Option<String>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status, such as 200.
    pub status: u16,
    /// The header.
    pub headers: http::HeaderMap,
    /// The body, as far as it is text.
    pub body: String,
}

/// One view as the API shows it, cut to what every form of an export tells alike.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ViewLine {
    /// Whole seconds since 1970, because the pages in an export have no fractions.
    pub second: i64,
    /// The video's id.
    pub video: String,
    /// The video's title.
    pub title: Option<String>,
    /// The channel's id.
    pub channel: Option<String>,
    /// The channel's name.
    pub channel_name: Option<String>,
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in the answer {self:?}"))
    }

    /// A line of the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Client {
    /// A client of the server at `base`, such as `http://127.0.0.1:8100`.
    pub fn new(base: &str, token: Option<String>) -> Self {
        let agent =
            // A server that answers before it has read the whole request closes the connection after that, so none is
            // used twice.
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .max_idle_connections(0);
        Self { agent: agent.build().into(), base: base.trim_end_matches('/').to_owned(), token }
    }

    /// The same client without its token.
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// The address of the server.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Asks for an address.
    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    /// Asks for an address with further lines of the header.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("GET", path, headers, SendBody::none())
    }

    /// Sends a body to an address.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        self.send("POST", path, headers, SendBody::from_reader(&mut body.as_bytes()))
    }

    /// Puts JSON to an address.
    pub fn put(&self, path: &str, body: &Value) -> Reply {
        let body = body.to_string();
        self.send("PUT", path, &[("Content-Type", "application/json")], SendBody::from_reader(&mut body.as_bytes()))
    }

    /// Sends a request by any method; an empty body is none.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let reply = self.try_ask(method, path, headers, body);
        reply.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// The same to a server that may die meanwhile.
    pub fn try_ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, ureq::Error> {
        let mut bytes = body.as_bytes();
        if body.is_empty() && method != "POST" {
            return self.try_send(method, path, headers, SendBody::none());
        }
        self.try_send(method, path, headers, SendBody::from_reader(&mut bytes))
    }

    /// Asks for JSON that must be there.
    pub fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.json()
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: SendBody<'_>) -> Reply {
        self.try_send(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: SendBody<'_>,
    ) -> Result<Reply, ureq::Error> {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let mut response = self.agent.run(request.body(body)?)?;
        // No limit, because a page that is too long must fail a test with its length and not with a client's error.
        let body = response.body_mut().with_config().limit(u64::MAX).lossy_utf8(true).read_to_string()?;
        Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }

    /// Uploads files and waits for the finished import, which must have been done.
    pub fn import(&self, files: &[PathBuf]) -> Value {
        let reply = self.upload(files, &[]);
        assert_eq!(reply.status, 201, "import of {files:?}: {}", reply.body);
        let import = reply.json();
        assert_eq!(import["status"], "done", "import of {files:?}: {import}");
        assert_adds_up(&import);
        import
    }

    /// Uploads files with further lines of the header and shows whatever is answered.
    pub fn upload(&self, files: &[PathBuf], headers: &[(&str, &str)]) -> Reply {
        self.try_upload(files, headers).unwrap_or_else(|error| panic!("upload of {files:?}: {error}"))
    }

    /// Uploads files to a server that may die meanwhile.
    pub fn try_upload(&self, files: &[PathBuf], headers: &[(&str, &str)]) -> Result<Reply, ureq::Error> {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let mut headers = headers.to_vec();
        headers.push(("Content-Type", &kind));
        self.try_send("POST", "/api/v1/history/imports", &headers, SendBody::from_reader(&mut multipart(files)))
    }

    /// Uploads files, lets the server work on them, and gives the number of the import.
    pub fn import_in_background(&self, files: &[PathBuf]) -> u64 {
        let reply = self.upload(files, &[("Prefer", "respond-async")]);
        assert_eq!(reply.status, 202, "import of {files:?}: {}", reply.body);
        reply.json()["id"].as_u64().expect("an import has a number")
    }

    /// Asks for an import until something is true of it, and gives it. A server that dies meanwhile gives `None`.
    pub fn import_when(&self, id: u64, condition: impl Fn(&Value) -> bool) -> Option<Value> {
        let path = format!("/api/v1/history/imports/{id}");
        let until = Instant::now() + PATIENCE;
        loop {
            let import = self.try_send("GET", &path, &[], SendBody::none()).ok()?.json();
            if condition(&import) {
                return Some(import);
            }
            assert!(Instant::now() < until, "waited too long for {import}");
            thread::sleep(PAUSE);
        }
    }

    /// Every view, page by page, as a sorted list.
    pub fn all_views(&self, query: &str) -> Vec<ViewLine> {
        let mut views = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.json(&format!("/api/v1/history/views?limit=500{query}{cursor}"));
            let items = page["items"].as_array().expect("a page of views has items");
            views.extend(items.iter().map(view_line));
            let Some(next) = page["next_cursor"].as_str() else { break };
            assert!(!items.is_empty(), "a page without views names a next one");
            cursor = format!("&cursor={next}");
        }
        views.sort();
        views
    }
}

/// What must be true of every finished import: each record is counted in exactly one way.
pub fn assert_adds_up(import: &Value) {
    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("a count is missing in {import}"));
    let skipped = &import["skipped"];
    let reasons = ["ads", "posts", "removed_without_id", "other"].map(|reason| count(&skipped[reason]));
    let parts = ["views_added", "views_known", "rejected"].map(|part| count(&import[part]));
    let sum = reasons.iter().chain(&parts).sum::<u64>();
    assert_eq!(count(&import["records_total"]), sum, "the counts do not add up: {import}");
}

fn view_line(item: &Value) -> ViewLine {
    let text = |name: &str| item[name].as_str().map(str::to_owned);
    ViewLine {
        second: second(&text("watched_at").unwrap_or_else(|| panic!("a view without its instant: {item}"))),
        video: text("video_id").unwrap_or_else(|| panic!("a view without its video: {item}")),
        title: text("title"),
        channel: text("channel_id"),
        channel_name: text("channel_name"),
    }
}

/// The body of a form with these files, read while it is sent.
fn multipart(files: &[PathBuf]) -> impl Read + use<> {
    let mut body: Box<dyn Read> = Box::new(io::empty());
    for path in files {
        let name = path.file_name().and_then(|name| name.to_str()).expect("paths of tests are text");
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"export\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        body = Box::new(body.chain(io::Cursor::new(head)).chain(file).chain(io::Cursor::new("\r\n")));
    }
    body.chain(io::Cursor::new(format!("--{BOUNDARY}--\r\n")))
}

/// Sends bytes as they are and gives all that comes back: for requests that no well-behaved client makes.
pub fn raw(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).expect("the server listens");
    stream.write_all(request.as_bytes()).expect("a request can be sent");
    let mut answer = Vec::new();
    // A server that refuses may close before it has read everything; what it said until then counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The peak memory of a process so far, in KiB.
pub fn peak_memory_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
