//! A server that starts, answers and stops.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Stdio,
};

use rustix::process::Signal;

use crate::program::{Instance, Server, mode};

#[test]
fn it_says_every_setting_and_where_it_answers_and_then_answers() {
    let instance = Instance::new();
    instance.put("config/server.toml", b"# mine\nlog_level = \"debug\"\n");
    let server = instance.serve(&["--time-zone", "Europe/Berlin"]);
    let token = fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap();
    for expected in [
        "instance                   friend",
        "token                      [secret]",
        "port                       0  (flag --port)",
        "time_zone                  Europe/Berlin  (flag --time-zone)",
        "log_level                  debug  (file config/server.toml:2)",
        "disk_floor_bytes           268435456 bytes  (default)",
    ] {
        assert!(server.said.contains(expected), "`{expected}` is missing in:\n{}", server.said);
    }
    assert!(!server.said.contains(token.trim()), "the token was shown");
    let health = server.get("/healthz");
    assert_eq!(health.status, 200);
    let expected = serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "instance": "friend" });
    assert_eq!(health.json(), expected);
    let ready = server.get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (200, &true.into()), "{}", ready.body);
    let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
    assert!(!log.contains(token.trim()), "the token was logged");
}

#[test]
fn what_it_makes_is_for_its_owner_only() {
    let instance = Instance::new();
    let _server = instance.serve(&[]);
    for folder in ["config/secrets", "data/raw", "data/db", "logs", "run"] {
        assert_eq!(mode(&instance.folder().join(folder)), 0o700, "{folder}");
    }
    for file in ["config/secrets/token", "logs/ytorch-server.log", "data/db/server.lock"] {
        assert_eq!(mode(&instance.folder().join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_signal_stops_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT] {
        let instance = Instance::new();
        let mut server = instance.serve(&[]);
        server.get("/healthz");
        server.signal(signal);
        let (status, said) = server.wait();
        assert_eq!(status.code(), Some(0), "{said}");
        assert!(said.contains("stopped"), "{said}");
        let database = instance.folder().join("data/db");
        let mut left: Vec<_> = fs::read_dir(database).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["server.lock", "ytorch.sqlite3"], "the WAL was not emptied");
        let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
        assert!(log.trim_end().ends_with("stopped"), "the end of the log is missing:\n{log}");
    }
}

/// Half a request, which keeps the server waiting for the other half; and a signal to stop that has arrived.
fn stopped_in_a_request(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    let head = format!("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n", server.port);
    stream.write_all(head.as_bytes()).unwrap();
    // Once a later connection is answered, the server has taken the earlier one.
    server.get("/healthz");
    server.signal(Signal::TERM);
    while TcpStream::connect(("127.0.0.1", server.port)).is_ok() {
        std::thread::yield_now();
    }
    stream
}

#[test]
fn a_request_under_way_is_answered_before_it_stops() {
    let instance = Instance::new();
    let mut server = instance.serve(&[]);
    let mut stream = stopped_in_a_request(&server);
    stream.write_all(b"\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(0), "{said}");
}

#[test]
fn a_second_signal_does_not_wait_for_requests() {
    let instance = Instance::new();
    let mut server = instance.serve(&[]);
    let _stream = stopped_in_a_request(&server);
    server.signal(Signal::TERM);
    let (status, said) = server.wait();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("ending at once"), "{said}");
}

#[test]
fn a_login_link_is_only_for_the_token_and_opens_once() {
    let instance = Instance::new();
    let server = instance.serve(&[]);
    let token = fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap();
    let bearer = format!("Authorization: Bearer {}\r\n", token.trim());
    let refused = server.ask("POST", "/api/v1/login-links", "");
    assert_eq!(refused.status, 401, "{}", refused.body);
    let wrong = server.ask("POST", "/api/v1/login-links", "Authorization: Bearer wrong\r\n");
    assert_eq!(wrong.status, 401, "{}", wrong.body);
    let link = server.ask("POST", "/api/v1/login-links", &bearer);
    assert_eq!(link.status, 201, "{}", link.body);
    let path = link.json()["path"].as_str().unwrap().to_owned();
    assert!(path.starts_with("/login?code="), "{path}");
    let opened = server.get(&path);
    assert_eq!(opened.status, 303, "{}", opened.body);
    let cookie = opened.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    assert!(server.get(&path).head.lines().all(|line| !line.starts_with("set-cookie")), "the link worked twice");
    // Whoever holds a session must not be able to make more of them.
    let cookie = format!("Cookie: {cookie}\r\n");
    let page = server.ask("GET", "/patterns", &cookie).body;
    let csrf = page.split_once("name=\"csrf\" content=\"").unwrap().1.split('"').next().unwrap();
    let by_session = server.ask("POST", "/api/v1/login-links", &format!("{cookie}X-CSRF-Token: {csrf}\r\n"));
    assert_eq!(by_session.status, 403, "{}", by_session.body);
    assert!(by_session.json()["error"]["what"].as_str().unwrap().contains("for the token only"), "{}", by_session.body);
}

#[test]
fn nothing_but_health_and_log_in_answers_a_stranger() {
    let instance = Instance::new();
    let server = instance.serve(&[]);
    for path in ["/", "/api/v1/history/summary", "/api/v1/nothing", "/nothing"] {
        let answer = server.get(path);
        assert!([303, 401].contains(&answer.status), "{path}: {}", answer.status);
    }
}

#[test]
fn a_disk_below_the_floor_is_not_ready_but_alive() {
    let instance = Instance::new();
    let server = instance.serve(&["--disk-floor-bytes", &(1_u64 << 60).to_string()]);
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 503);
    let checks = ready.json()["checks"].as_array().unwrap().clone();
    let failed: Vec<_> = checks.iter().filter(|check| check["ok"] == false).map(|check| &check["name"]).collect();
    assert_eq!(failed, ["disk.free"], "{}", ready.body);
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_write_under_way_is_ready() {
    let instance = Instance::new();
    let server = instance.serve(&[]);
    let path = instance.folder().join("data/db/ytorch.sqlite3");
    let writer = ytorch_store::rusqlite::Connection::open(path).unwrap();
    writer.execute_batch("begin immediate").unwrap();
    let ready = server.get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.body);
    assert!(ready.body.contains("a write is under way"), "{}", ready.body);
}

#[test]
fn an_open_address_is_said_aloud_and_the_link_still_works_here() {
    let instance = Instance::new();
    let server = instance.serve(&["--bind", "0.0.0.0"]);
    assert!(server.said.contains("other machines can reach this instance"), "{}", server.said);
    assert_eq!(server.get("/healthz").status, 200);
    let closed = instance_on_loopback();
    assert!(!closed.contains("other machines"), "{closed}");
}

fn instance_on_loopback() -> String {
    let instance = Instance::new();
    instance.serve(&[]).said.clone()
}

#[test]
fn a_request_by_a_foreign_name_is_refused_unless_the_name_is_a_setting() {
    let instance = Instance::new();
    for (arguments, status) in [(&[][..], 421), (&["--host-names", "nas.lan"], 200)] {
        let mut server = instance.serve(arguments);
        assert_eq!(server.get_by_name("nas.lan", "/healthz").status, status);
        server.signal(Signal::TERM);
        server.wait();
    }
}

#[test]
fn a_database_that_was_taken_away_is_not_ready() {
    let instance = Instance::new();
    let server = instance.serve(&[]);
    fs::remove_file(instance.folder().join("data/db/ytorch.sqlite3")).unwrap();
    assert_eq!(server.get("/readyz").status, 503);
}

#[test]
fn json_logs_can_be_read_line_by_line() {
    let instance = Instance::new();
    let mut server = instance.serve(&["--log-format", "json"]);
    server.signal(Signal::TERM);
    server.wait();
    let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
    let records: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.iter().all(|record| record["instance"] == "friend" && record["time"].is_string()));
    assert!(records.iter().any(|record| record["message"] == "READY"), "{log}");
}

#[test]
fn the_log_is_rotated_before_it_passes_a_mebibyte() {
    let instance = Instance::new();
    let nearly_full = vec![b'.'; 1024 * 1024 - 20];
    instance.put("logs/ytorch-server.log", &nearly_full);
    let _server = instance.serve(&[]);
    let older = fs::metadata(instance.folder().join("logs/ytorch-server.log.1")).unwrap();
    assert_eq!(older.len(), nearly_full.len() as u64);
}

#[test]
fn a_reader_of_its_words_that_goes_away_does_not_stop_it() {
    let instance = Instance::new();
    let mut command = instance.command("serve");
    let mut child = command.args(["--port", "0"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0_u8; 1];
    let mut stderr = child.stderr.take().unwrap();
    stderr.read_exact(&mut first).unwrap();
    drop(stderr);
    // It tells nobody its port now; what it writes to the log shows that it went on.
    let log = instance.folder().join("logs/ytorch-server.log");
    while !fs::read_to_string(&log).unwrap_or_default().contains("READY") {
        assert_eq!(child.try_wait().unwrap(), None, "it ended");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
