//! The server by itself: start, stop, logs, log-in and guards. It imports nothing.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
};

use ytorch_tests::{API_READS, API_WRITES, Client, Instance, client::raw};

/// Pages that must exist, and that nobody may see without log-in.
const PAGES: &[&str] = &[
    "/api",
    "/history",
    "/history/channels",
    "/history/years",
    "/history/months",
    "/history/views",
    "/history/imports",
];

#[test]
fn every_setting_is_printed_at_start_and_no_secret() {
    let instance = Instance::start();
    let said = instance.said();
    for name in ["bind", "port", "time_zone", "log_level", "log_format", "upload_limit_bytes", "disk_floor_bytes"] {
        assert!(said.contains(name), "`{name}` was not printed:\n{said}");
    }
    assert!(said.contains("UTC") && said.contains("flag"), "values and origins were not printed:\n{said}");
    let token = fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap();
    let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
    assert_eq!(token.trim().len(), 64);
    assert!(!said.contains(token.trim()) && !log.contains(token.trim()), "the token was printed");
    let mode = |path: &str| fs::metadata(instance.folder().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("config/secrets/token"), mode("config/secrets")), (0o600, 0o700));
}

#[test]
fn an_unknown_setting_stops_the_start_and_names_the_nearest_one() {
    let mut instance = Instance::prepare(&[]);
    fs::create_dir_all(instance.folder().join("config")).unwrap();
    let file = instance.folder().join("config/server.toml");
    std::io::Write::write_all(&mut File::create(file).unwrap(), b"time_zon = \"UTC\"\n").unwrap();
    let (status, words) = instance.start_in_vain();
    assert_eq!(status.code(), Some(2), "{words}");
    assert!(words.contains("time_zon") && words.contains("time_zone"), "{words}");
}

#[test]
fn a_taken_port_stops_the_start() {
    let first = Instance::start();
    let port = first.client().base().rsplit(':').next().unwrap().to_owned();
    let (status, words) = Instance::prepare(&["--port", &port]).start_in_vain();
    assert_eq!(status.code(), Some(7), "{words}");
    assert!(words.contains(&port), "{words}");
}

#[test]
fn a_second_server_on_one_instance_is_refused() {
    let instance = Instance::start();
    let output = instance.command("serve").args(["--port", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}

#[test]
fn health_and_readiness_answer_without_log_in() {
    let instance = Instance::start();
    let client = instance.client().anonymous();
    assert_eq!(client.json("/healthz")["status"], "ok");
    let ready = client.json("/readyz");
    assert_eq!(ready["ready"], true, "{ready}");
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["ok"] == true), "{ready}");
}

#[test]
fn a_stop_is_graceful_and_a_restart_keeps_everything() {
    let mut instance = Instance::start();
    let token = fs::read(instance.folder().join("config/secrets/token")).unwrap();
    for _ in 0..3 {
        instance.stop();
        instance.start_again();
        assert_eq!(instance.client().get("/history").status, 200);
    }
    assert_eq!(fs::read(instance.folder().join("config/secrets/token")).unwrap(), token);
}

#[test]
fn the_log_is_rotated_at_one_mebibyte() {
    let mut instance = Instance::start();
    instance.stop();
    let log = instance.folder().join("logs/ytorch-server.log");
    let old = "an old line\n".repeat((1 << 20) / 12);
    std::io::Write::write_all(&mut File::create(&log).unwrap(), old.as_bytes()).unwrap();
    instance.start_again();
    instance.stop();
    let rotated: Vec<_> = fs::read_dir(instance.folder().join("logs")).unwrap().flatten().collect();
    assert!(rotated.len() >= 2, "{rotated:?}");
    assert!(fs::metadata(&log).unwrap().len() < 1 << 20);
    for file in rotated {
        assert!(file.metadata().unwrap().len() <= 1 << 20, "{file:?} is larger than a mebibyte");
    }
}

#[test]
fn nothing_is_shown_without_log_in() {
    let instance = Instance::start();
    let stranger = instance.client().anonymous();
    let impostor = Client::new(stranger.base(), Some("0".repeat(64)));
    for page in PAGES {
        assert_eq!(instance.client().get(page).status / 100, 2, "{page} does not exist");
        for client in [&stranger, &impostor] {
            let reply = client.get_with(page, &[("Accept", "text/html")]);
            let goes_to_log_in =
                reply.status == 303 && reply.header("location").is_some_and(|to| to.starts_with("/login"));
            assert!(goes_to_log_in || reply.status == 401, "{page}: {} {}", reply.status, reply.body);
        }
    }
    for path in API_READS {
        for client in [&stranger, &impostor] {
            let reply = client.get(path);
            assert_eq!(reply.status, 401, "{path}: {}", reply.body);
            assert!(reply.json()["error"]["what"].is_string(), "{path}: {}", reply.body);
        }
    }
    for path in API_WRITES {
        for client in [&stranger, &impostor] {
            assert_eq!(client.post(path, &[], "").status, 401, "{path}");
        }
    }
}

#[test]
fn a_log_in_link_works_once() {
    let instance = Instance::start();
    let client = instance.client();
    let stranger = client.anonymous();
    let (cookie, path) = log_in(&client);
    assert_eq!(stranger.get_with("/history", &[("Cookie", &cookie)]).status, 200);
    let again = stranger.get(&path);
    assert!(again.header("set-cookie").is_none(), "a link worked twice: {again:?}");
    let wrong = stranger.get("/login?code=0123456789abcdef");
    assert!(wrong.header("set-cookie").is_none() && wrong.status != 500, "{wrong:?}");
}

#[test]
fn requests_by_a_foreign_name_or_from_a_foreign_page_are_refused() {
    let instance = Instance::start();
    let client = instance.client();
    let (cookie, _) = log_in(&client);
    let host = client.base().trim_start_matches("http://");
    let ask = |method: &str, host: &str, more: &str| {
        let head = format!("{method} /api/v1/history/summary HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n");
        let answer = raw(client.base(), &format!("{head}{more}Connection: close\r\n\r\n"));
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(ask("GET", host, ""), "200");
    for foreign in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""] {
        assert!(ask("GET", foreign, "").starts_with('4'), "the name `{foreign}` was taken");
    }
    let stranger = client.anonymous();
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let reply = stranger.post("/api/v1/history/reingest", &[("Cookie", &cookie), ("Origin", origin)], "");
        assert_eq!(reply.status, 403, "{origin}: {}", reply.body);
    }
}

#[test]
fn a_session_needs_the_csrf_token_to_change_anything() {
    let instance = Instance::start();
    let client = instance.client();
    let (cookie, _) = log_in(&client);
    let stranger = client.anonymous();
    for path in ["/api/v1/history/imports", "/api/v1/history/reingest"] {
        let reply = stranger.post(path, &[("Cookie", &cookie), ("Origin", client.base())], "");
        assert_eq!(reply.status, 403, "{path}: {}", reply.body);
    }
}

#[test]
fn pages_forbid_scripts_and_styles_from_elsewhere() {
    let instance = Instance::start();
    let reply = instance.client().get("/history");
    let policy = reply.header("content-security-policy").expect("a page has a policy");
    assert!(policy.contains("default-src") && !policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert!(!reply.body.contains(" style=") && !reply.body.contains("<style") && !reply.body.contains(" onclick="));
    assert!(!reply.body.contains("src=\"http") && !reply.body.contains("rel=\"stylesheet\" href=\"http"));
}

/// Logs in by a link: the session's cookie, and the path of the link.
fn log_in(client: &Client) -> (String, String) {
    let link = client.post("/api/v1/login-links", &[], "");
    assert_eq!(link.status, 201, "{}", link.body);
    let path = link.json()["path"].as_str().expect("a link has a path").to_owned();
    let reply = client.anonymous().get(&path);
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")), "{reply:?}");
    let cookie = reply.header("set-cookie").expect("a log-in sets a cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    (cookie.split(';').next().unwrap_or_default().to_owned(), path)
}
