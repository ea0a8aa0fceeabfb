//! Every address of the server against every way to come without right. What the right ones do, other tests see.
//!
//! A new address fails the test until it stands in one of the tables here.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use ytorch_tests::{Client, Instance, Recipe, Service, Session};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Who may come without log-in.
const OPEN: [&str; 4] = ["/healthz", "/readyz", "/login", "/assets/{file}"];

/// Names that are not this machine's.
const FOREIGN_HOSTS: [&str; 3] = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80"];

/// Pages that are not this server's; the last is another server on the same machine.
const FOREIGN_ORIGINS: [&str; 4] = ["http://evil.example", "null", "", "http://127.0.0.1:1"];

/// What changes something: method, address, an example (`WAITING` and `CANCELLED` are jobs), body, its type, and the
/// status when it is done with right.
const CHANGES: &[(&str, &str, &str, &str, &str, u16)] = &[
    ("POST", "/admin/schedules/{name}/run", "/admin/schedules/maintain/run", "", FORM, 303),
    ("POST", "/api/v1/schedules/{name}/run", "/api/v1/schedules/backup/run", "", "", 202),
    ("POST", "/jobs/{id}/cancel", "/jobs/WAITING/cancel", "", FORM, 303),
    ("POST", "/jobs/{id}/retry", "/jobs/CANCELLED/retry", "", FORM, 303),
    ("POST", "/api/v1/jobs/{id}/cancel", "/api/v1/jobs/CANCELLED/cancel", "", "", 200),
    ("POST", "/api/v1/jobs/{id}/retry", "/api/v1/jobs/WAITING/retry", "", "", 200),
    ("POST", "/admin/breakers/{service}/reset", "/admin/breakers/notify/reset", "", FORM, 303),
    ("POST", "/api/v1/breakers/{service}/reset", "/api/v1/breakers/notify/reset", "", "", 200),
    ("POST", "/history/imports", "/history/imports", UPLOAD, MULTIPART, 303),
    ("POST", "/api/v1/history/imports", "/api/v1/history/imports", UPLOAD, MULTIPART, 201),
    ("POST", "/history/reingest", "/history/reingest", "", FORM, 303),
    ("POST", "/api/v1/history/reingest", "/api/v1/history/reingest", "", "", 201),
    ("PUT", "/api/v1/secrets/{name}", "/api/v1/secrets/notify_token", "{\"value\":\"new\"}", JSON, 204),
    ("POST", "/api/v1/secrets/rotate-key", "/api/v1/secrets/rotate-key", "", "", 200),
    ("DELETE", "/api/v1/secrets/{name}", "/api/v1/secrets/notify_token", "", "", 204),
    // A stolen session must not make itself further ones.
    ("POST", "/api/v1/login-links", "/api/v1/login-links", "", "", 403),
    ("POST", "/login", "/login", "token=wrong", FORM, 403),
    ("POST", "/logout", "/logout", "", FORM, 303),
];

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MULTIPART: &str = "multipart/form-data; boundary=b";
const UPLOAD: &str = "--b\r\nContent-Disposition: form-data; name=\"export\"; filename=\"watch-history.json\"\r\n\r\n\
    [{\"header\":\"YouTube\",\"title\":\"Watched A\",\"titleUrl\":\"https://www.youtube.com/watch?v=AAAAAAAAAAA\",\
    \"subtitles\":[{\"name\":\"C\",\"url\":\"https://www.youtube.com/channel/UCaaaaaaaaaaaaaaaaaaaaaa\"}],\
    \"time\":\"2024-02-03T04:05:06.007Z\",\"products\":[\"YouTube\"]}]\r\n--b--\r\n";

/// What reads: the address and an example. All methods that read are tried on each.
const READS: &[(&str, &str)] = &[
    ("/", "/"),
    ("/admin", "/admin"),
    ("/api", "/api"),
    ("/api/v1/breakers", "/api/v1/breakers"),
    ("/api/v1/history/channels", "/api/v1/history/channels"),
    ("/api/v1/history/imports", "/api/v1/history/imports"),
    ("/api/v1/history/imports/{id}", "/api/v1/history/imports/1"),
    ("/api/v1/history/imports/{id}/rejections", "/api/v1/history/imports/1/rejections"),
    ("/api/v1/history/months", "/api/v1/history/months"),
    ("/api/v1/history/summary", "/api/v1/history/summary"),
    ("/api/v1/history/views", "/api/v1/history/views"),
    ("/api/v1/history/years", "/api/v1/history/years"),
    ("/api/v1/jobs", "/api/v1/jobs"),
    ("/api/v1/jobs/{id}", "/api/v1/jobs/WAITING"),
    ("/api/v1/openapi.json", "/api/v1/openapi.json"),
    ("/api/v1/routes", "/api/v1/routes"),
    ("/api/v1/runs", "/api/v1/runs"),
    ("/api/v1/schedules", "/api/v1/schedules"),
    ("/api/v1/secrets", "/api/v1/secrets"),
    ("/assets/{file}", "/assets/STYLE"),
    ("/healthz", "/healthz"),
    ("/history", "/history"),
    ("/history/channels", "/history/channels"),
    ("/history/imports", "/history/imports"),
    ("/history/imports/{id}", "/history/imports/1"),
    ("/history/months", "/history/months"),
    ("/history/views", "/history/views"),
    ("/history/years", "/history/years"),
    ("/history/years/{year}/channels", "/history/years/2024/channels"),
    ("/jobs", "/jobs"),
    ("/jobs/events", "/jobs/events"),
    ("/jobs/{id}", "/jobs/WAITING"),
    ("/login", "/login"),
    ("/metrics", "/metrics"),
    ("/metrics.json", "/metrics.json"),
    ("/patterns", "/patterns"),
    ("/readyz", "/readyz"),
    ("/status", "/status"),
];

#[test]
fn the_tables_name_every_address_and_no_other() {
    let instance = Instance::start();
    let list = instance.client().json("/api/v1/routes");
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let there: BTreeSet<_> =
        list["items"].as_array().unwrap().iter().map(|item| (text(item, "method"), text(item, "path"))).collect();
    let reads = READS.iter().map(|(path, _)| ("GET".to_owned(), (*path).to_owned()));
    let changes = CHANGES.iter().map(|row| (row.0.to_owned(), row.1.to_owned()));
    assert_eq!(there, reads.chain(changes).collect());
}

#[test]
fn nothing_is_changed_without_right_and_everything_with_it() {
    let site = Site::new();
    let before = site.state();
    for &(method, _, path, body, kind, _) in CHANGES {
        let ask = Ask { method, path, body, kind };
        site.tries_without_right(&ask);
    }
    assert_eq!(site.state(), before, "a request without right changed something");
    for &(method, _, path, body, kind, status) in CHANGES {
        let ask = Ask { method, path, body, kind };
        site.wait_for_rest();
        assert_eq!(site.send(&ask, site.host(), &site.rightful()), status, "{method} {path} with right");
    }
    let after = site.state();
    for part in ["key", "jobs", "runs", "breakers", "secrets", "imports", "backups"] {
        assert_ne!(after[part], before[part], "the test would not have seen a change of `{part}`");
    }
}

#[test]
fn nothing_is_read_without_log_in_or_by_a_foreign_name() {
    let site = Site::new();
    for &(route, path) in READS {
        let ask = Ask { method: "GET", path, body: "", kind: "" };
        let rightful = site.send(&ask, site.host(), &site.rightful());
        let leads_on = ["/", "/login", "/history/years/2024/channels"].contains(&path);
        let expected = if leads_on { 303 } else { 200 };
        assert_eq!(rightful, expected, "{path}: the example is none");
        for method in ["GET", "HEAD"] {
            let ask = Ask { method, ..ask };
            for wrong in ["", "Authorization: Bearer 0000\r\n", "Cookie: ytorch_session_one=1.2.3\r\n"] {
                let status = site.send(&ask, site.host(), wrong);
                match () {
                    () if OPEN.contains(&route) => assert_eq!(status, 200, "{method} {path} with `{wrong}`"),
                    () if is_for_programs(path) => assert_eq!(status, 401, "{method} {path} with `{wrong}`"),
                    () => assert_eq!(status, 303, "{method} {path} with `{wrong}`"),
                }
            }
            for host in FOREIGN_HOSTS {
                for headers in ["", &site.rightful(), &site.token()] {
                    assert_eq!(site.send(&ask, host, headers), 421, "{method} {path} by `{host}`");
                }
            }
        }
    }
}

/// Whether the caller is told an error, and not led to a form.
fn is_for_programs(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/metrics") || path == "/status"
}

#[derive(Clone, Copy)]
struct Ask<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a str,
    kind: &'a str,
}

/// A server with something of everything that could be changed.
struct Site {
    instance: Instance,
    client: Client,
    session: Session,
    waiting: u64,
    cancelled: u64,
    style: String,
}

impl Site {
    fn new() -> Self {
        let url = Service::answering("500 No").url;
        let breaker = ["--breaker-failures", "1", "--breaker-cool-down-seconds", "36000"];
        let instance =
            Instance::start_with(&[&["--notify-url", &url, "--rate-limit-per-second", "0"], &breaker[..]].concat());
        let client = instance.client();
        client.import(&Recipe::new(500, 9).json().files);
        let secret = client.ask("PUT", "/api/v1/secrets/notify_token", &[("Content-Type", JSON)], r#"{"value":"old"}"#);
        assert_eq!(secret.status, 204, "{}", secret.body);
        // Each file that is no export fails a job, whose message cannot be sent and waits.
        for _ in 0..2 {
            assert_eq!(client.upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
        }
        let messages = waiting_messages(&client);
        let (waiting, cancelled) = (messages[0], messages[1]);
        assert_eq!(client.post(&format!("/api/v1/jobs/{cancelled}/cancel"), &[], "").status, 200);
        let session = Session::open(&client);
        let style = style(&client);
        Self { instance, client, session, waiting, cancelled, style }
    }

    /// The name by which the server may be called.
    fn host(&self) -> &str {
        self.client.base().trim_start_matches("http://")
    }

    /// What a page of ours sends along.
    fn rightful(&self) -> String {
        let Session { cookie, csrf } = &self.session;
        format!("Cookie: {cookie}\r\nX-CSRF-Token: {csrf}\r\nOrigin: {}\r\n", self.client.base())
    }

    fn token(&self) -> String {
        let token = fs::read_to_string(self.instance.folder().join("config/secrets/token")).unwrap();
        format!("Authorization: Bearer {}\r\n", token.trim())
    }

    fn tries_without_right(&self, ask: &Ask<'_>) {
        let Session { cookie, csrf } = &self.session;
        let Ask { method, path, .. } = *ask;
        let is_open = path == "/login";
        let nobody = if path.starts_with("/api/") { 401 } else { 303 };
        for wrong in ["", "Authorization: Bearer 0000\r\n", "Cookie: ytorch_session_one=1.2.3\r\n"] {
            let expected = if is_open { 403 } else { nobody };
            assert_eq!(self.send(ask, self.host(), wrong), expected, "{method} {path} with `{wrong}`");
        }
        for origin in FOREIGN_ORIGINS {
            let foreign = format!("Cookie: {cookie}\r\nX-CSRF-Token: {csrf}\r\nOrigin: {origin}\r\n");
            assert_eq!(self.send(ask, self.host(), &foreign), 403, "{method} {path} from `{origin}`");
            let with_token = format!("{}Origin: {origin}\r\n", self.token());
            assert_eq!(self.send(ask, self.host(), &with_token), 403, "{method} {path} from `{origin}`");
        }
        let cross = format!("Cookie: {cookie}\r\nX-CSRF-Token: {csrf}\r\nSec-Fetch-Site: cross-site\r\n");
        assert_eq!(self.send(ask, self.host(), &cross), 403, "{method} {path} from a foreign page");
        for host in FOREIGN_HOSTS {
            for headers in [&self.rightful(), &self.token()] {
                assert_eq!(self.send(ask, host, headers), 421, "{method} {path} by `{host}`");
            }
        }
        let origin = self.client.base();
        let session = format!("Cookie: {cookie}\r\nOrigin: {origin}\r\n");
        for wrong in [session.clone(), format!("{session}X-CSRF-Token: {}\r\n", csrf.chars().rev().collect::<String>())]
        {
            assert_eq!(self.send(ask, self.host(), &wrong), 403, "{method} {path} without a CSRF token");
        }
        // What changes something is never done by a link.
        for method in ["GET", "HEAD"] {
            let status = self.send(&Ask { method, body: "", ..*ask }, self.host(), &self.rightful());
            assert!([200, 303, 404, 405].contains(&status), "{method} {path}: {status}");
        }
    }

    /// Sends a request as it is and gives the status.
    fn send(&self, ask: &Ask<'_>, host: &str, headers: &str) -> u16 {
        let Ask { method, path, body, kind } = *ask;
        let path = path
            .replace("WAITING", &self.waiting.to_string())
            .replace("CANCELLED", &self.cancelled.to_string())
            .replace("/assets/STYLE", &self.style);
        let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        let mut stream = TcpStream::connect(self.host()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        // Only the first line: one of the answers has no end.
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap_or_else(|| panic!("{method} {path}: {line}")).parse().unwrap()
    }

    /// Everything that could have been changed.
    fn state(&self) -> Value {
        let folder = self.instance.folder();
        let names = |path: &str| {
            let mut names: Vec<_> = fs::read_dir(folder.join(path)).into_iter().flatten().flatten().collect();
            names.sort_by_key(fs::DirEntry::file_name);
            names.iter().map(|name| name.file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        self.wait_for_rest();
        json!({
            "key": fs::read_to_string(folder.join("config/secrets/encryption_key")).unwrap(),
            "jobs": self.client.json("/api/v1/jobs?limit=1000"),
            "runs": self.client.json("/api/v1/runs?limit=1000"),
            "breakers": self.client.json("/api/v1/breakers"),
            "secrets": self.client.json("/api/v1/secrets"),
            "imports": self.client.json("/api/v1/history/imports?limit=1000"),
            "summary": self.client.json("/api/v1/history/summary"),
            "raw": names("data/raw"),
            "backups": names("backups"),
        })
    }

    /// Until nothing runs that was asked for.
    fn wait_for_rest(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let jobs = self.client.json("/api/v1/jobs?limit=1000");
            let is_busy =
                |job: &Value| job["state"] == "running" || job["state"] == "queued" && job["not_before"].is_null();
            if !jobs["items"].as_array().unwrap().iter().any(is_busy) {
                break;
            }
            assert!(Instant::now() < until, "the jobs do not end: {jobs}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The address of the style sheet, which has a hash in its name.
fn style(client: &Client) -> String {
    let page = client.anonymous().get("/login").body;
    let path = page.split("href=\"/assets/").nth(1).and_then(|rest| rest.split('"').next());
    format!("/assets/{}", path.expect("a page has a style sheet"))
}

/// The two messages that could not be sent, once both wait for the service to recover.
fn waiting_messages(client: &Client) -> Vec<u64> {
    let until = Instant::now() + PATIENCE;
    loop {
        let jobs = client.json("/api/v1/jobs?kind=platform_notify&state=queued");
        let waits = |job: &&Value| job["error"].as_str().is_some_and(|error| error.contains("left alone"));
        let ids: Vec<_> = jobs["items"].as_array().unwrap().iter().filter(waits).collect();
        if ids.len() == 2 {
            return ids.iter().map(|job| job["id"].as_u64().unwrap()).collect();
        }
        assert!(Instant::now() < until, "no messages wait: {jobs}");
        thread::sleep(Duration::from_millis(10));
    }
}
