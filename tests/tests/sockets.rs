//! The server behind sockets that somebody else holds: what is served, that no request is lost, when it ends by itself,
//! and what it tells its manager. What systemd itself does with them is tested on real hosts.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ytorch_tests::{Session, Socketed, prometheus::write};

/// Ends after a second without work.
const SOON_IDLE: &[&str] = &["--idle-exit-seconds", "1"];

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

#[test]
fn all_passed_sockets_are_served_and_the_manager_hears_of_it() {
    let mut held = Socketed::hold(&["--port", "1"], &[]);
    let answer = held.ask_local("GET", "/healthz", &[]);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(held.client().anonymous().json("/healthz")["instance"], "one");
    held.wait_for_message("EXTEND_TIMEOUT_USEC=");
    let ready = held.wait_for_message("READY=1");
    let port = held.client().base().rsplit(':').next().unwrap().to_owned();
    for words in ["STATUS=serving on", &port, "local.sock"] {
        assert!(ready.contains(words), "`{words}` is missing in {ready}");
    }
    assert!(held.said().contains("sockets=2"), "{}", held.said());
    held.order("stop");
    held.wait_for_message("STOPPING=1");
    assert_eq!(held.wait_for_end(), 0);
    assert!(held.local_path().exists(), "a socket that is somebody else's was removed");
}

#[test]
fn four_restarts_under_load_lose_no_request() {
    let mut held = Socketed::hold(&["--rate-limit-per-second", "0"], &[]);
    held.ask_local("GET", "/healthz", &[]);
    let address = held.client().base().trim_start_matches("http://").to_owned();
    let (path, ends, answered) = (held.local_path(), AtomicBool::new(false), AtomicUsize::new(0));
    let ask_on_and_on = |client: usize| {
        let mut failures = Vec::new();
        while !ends.load(Ordering::Relaxed) {
            let answer = if client.is_multiple_of(2) { over_network(&address) } else { over_local(&path) };
            match answer {
                Ok(answer) if answer.starts_with("HTTP/1.1 200") => drop(answered.fetch_add(1, Ordering::Relaxed)),
                other => failures.push(format!("{other:?}")),
            }
        }
        failures
    };
    let failures = thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|client| scope.spawn(move || ask_on_and_on(client))).collect();
        for _ in 0..4 {
            let before = answered.load(Ordering::Relaxed);
            let until = Instant::now() + Duration::from_mins(1);
            while answered.load(Ordering::Relaxed) < before + 50 && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
            held.order("stop");
            assert_eq!(held.wait_for_end(), 0);
        }
        ends.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(failures.is_empty(), "{} of {answered:?} failed: {:?}", failures.len(), failures.first());
    assert!(answered.load(Ordering::Relaxed) >= 200, "{answered:?}");
}

#[test]
fn a_connection_that_has_said_nothing_yet_is_answered_at_a_stop() {
    let mut held = Socketed::hold(&[], &[]);
    held.ask_local("GET", "/healthz", &[]);
    let mut silent = held.network();
    held.order("stop");
    held.wait_for_message("STOPPING=1");
    silent.write_all(REQUEST).unwrap();
    let mut answer = String::new();
    silent.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn an_idle_server_ends_and_whoever_asks_at_that_moment_is_answered_by_the_next() {
    let held = Socketed::hold(SOON_IDLE, &[]);
    for _ in 0..3 {
        assert!(held.ask_local("GET", "/healthz", &[]).starts_with("HTTP/1.1 200"));
        let words = held.wait_for_message("STOPPING=1");
        assert!(words.contains("the next request"), "{words}");
        assert!(held.ask_local("GET", "/healthz", &[]).starts_with("HTTP/1.1 200"), "lost: {}", held.said());
        assert_eq!(held.wait_for_end(), 0);
    }
}

#[test]
fn a_page_that_is_merely_open_keeps_no_server_awake_and_is_told() {
    let held = Socketed::hold(SOON_IDLE, &[]);
    held.ask_local("GET", "/healthz", &[]);
    let token = fs::read_to_string(held.folder().join("config/secrets/token")).unwrap();
    let mut stream = held.network();
    let request = "GET /jobs/events HTTP/1.1\r\nHost: localhost\r\n";
    write!(stream, "{request}Authorization: Bearer {}\r\n\r\n", token.trim()).unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.contains("event: jobs") && told.contains("event: asleep"), "{told}");
    assert_eq!(held.wait_for_end(), 0);
}

#[test]
fn a_log_in_link_that_is_still_good_keeps_the_server_awake_until_it_is_used() {
    let held = Socketed::hold(SOON_IDLE, &[]);
    held.ask_local("GET", "/healthz", &[]);
    let link = held.client().post("/api/v1/login-links", &[], "").json();
    assert!(!held.comes_within("ended", Duration::from_secs(3)), "it ended, and the link with it");
    let path = link["path"].as_str().unwrap();
    let answer = held.ask_local("GET", path, &[]);
    assert!(answer.starts_with("HTTP/1.1 303") || answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(held.wait_for_end(), 0);
}

#[test]
fn an_upload_keeps_the_server_awake() {
    let held = Socketed::hold(SOON_IDLE, &[]);
    held.ask_local("GET", "/healthz", &[]);
    let token = fs::read_to_string(held.folder().join("config/secrets/token")).unwrap();
    let body = "--x\r\nContent-Disposition: form-data; name=\"export\"; filename=\"a.json\"\r\n\r\n[]\r\n--x--\r\n";
    let mut stream = held.network();
    write!(
        stream,
        "POST /api/v1/history/imports HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
        token.trim(),
        body.len()
    )
    .unwrap();
    let (first, last) = body.split_at(body.len() - 8);
    stream.write_all(first.as_bytes()).unwrap();
    assert!(!held.comes_within("ended", Duration::from_secs(3)), "it ended while it was sent something");
    stream.write_all(last.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!(held.wait_for_end(), 0);
}

#[test]
fn a_job_that_waits_keeps_the_server_awake_until_it_is_cancelled() {
    // Nobody listens there, so the message waits to be tried again.
    let held = Socketed::hold(&[SOON_IDLE, &["--notify-url", "http://127.0.0.1:1/"]].concat(), &[]);
    held.ask_local("GET", "/healthz", &[]);
    let client = held.client();
    let export = write(&held.folder(), "shopping.json", "{\"milk\": 2}");
    assert_eq!(client.upload(&[export], &[]).status, 422);
    assert!(!held.comes_within("ended", Duration::from_secs(3)), "it ended although a job waits");
    let waiting = client.json("/api/v1/jobs?kind=platform_notify")["items"][0].clone();
    assert_eq!(waiting["state"], "queued", "{waiting}");
    assert_eq!(client.post(&format!("/api/v1/jobs/{}/cancel", waiting["id"]), &[], "").status, 200);
    assert_eq!(held.wait_for_end(), 0);
}

#[test]
fn only_a_server_that_is_well_pings_its_manager() {
    let mut held = Socketed::hold(&[], &[("WATCHDOG_USEC", "300000")]);
    held.ask_local("GET", "/healthz", &[]);
    for thread in ["async", "database-writer"] {
        for _ in 0..3 {
            held.wait_for_message("WATCHDOG=1");
        }
        held.order(&format!("freeze {thread}"));
        let frozen = held.wait_for(|event| event["frozen"].as_u64());
        assert!(frozen >= 1, "there is no thread `{thread}`");
        let until = Instant::now() + Duration::from_mins(1);
        while held.comes_within("WATCHDOG=1", Duration::from_secs(1)) {
            assert!(Instant::now() < until, "it still pings without its thread `{thread}`");
        }
        held.order("thaw");
    }
    held.wait_for_message("WATCHDOG=1");
    held.order("stop");
    assert_eq!(held.wait_for_end(), 0);
}

#[test]
fn only_the_proxy_on_the_unix_socket_is_believed_about_browsers() {
    let held = Socketed::hold(&["--rate-limit-per-second", "1"], &[]);
    held.ask_local("GET", "/healthz", &[]);
    let is_refused = |answer: &str| answer.starts_with("HTTP/1.1 429");
    let ask_for = |client: &str| held.ask_local("GET", "/login", &[("X-Forwarded-For", client)]);
    assert!((0..30).any(|_| is_refused(&ask_for("10.0.0.9, 10.0.0.1"))), "the limit counts nobody");
    assert!(!is_refused(&ask_for("10.0.0.1, 10.0.0.2")), "two clients of the proxy share a limit");
    assert!((0..30).any(|_| is_refused(&held.ask_local("GET", "/login", &[]))), "requests for nobody have no limit");
    let stranger = held.client().anonymous();
    let refused = |number: usize| {
        let address = format!("10.0.1.{number}");
        stranger.get_with("/login", &[("X-Forwarded-For", &address)]).status == 429
    };
    assert!((0..30).any(refused), "a stranger on the network chooses who is counted");
}

#[test]
fn tls_at_the_proxy_makes_cookies_secure_and_its_pages_ours() {
    let held = Socketed::hold(&["--rate-limit-per-second", "0"], &[]);
    held.ask_local("GET", "/healthz", &[]);
    let client = held.client();
    let https = ("X-Forwarded-Proto", "https");
    let cookie_of = |answer: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_default();
        line.to_owned()
    };
    let link = || client.post("/api/v1/login-links", &[], "").json()["path"].as_str().unwrap().to_owned();
    let behind_tls = cookie_of(&held.ask_local("GET", &link(), &[https]));
    assert!(behind_tls.contains("; Secure"), "{behind_tls}");
    let plain = cookie_of(&held.ask_local("GET", &link(), &[]));
    assert!(plain.contains("ytorch_session_one=") && !plain.contains("Secure"), "{plain}");
    let lied = client.anonymous().get_with(&link(), &[https]);
    assert!(!lied.header("set-cookie").unwrap().contains("Secure"), "a stranger was believed: {lied:?}");

    let session = Session::open(&client);
    let leave = |origin: &str| {
        let headers = [https, ("Cookie", &session.cookie), ("X-CSRF-Token", &session.csrf), ("Origin", origin)];
        held.ask_local("POST", "/logout", &headers)
    };
    assert!(leave("http://localhost").starts_with("HTTP/1.1 403"));
    assert!(leave("https://localhost").starts_with("HTTP/1.1 303"), "{}", leave("https://localhost"));
}

fn over_network(address: &str) -> std::io::Result<String> {
    ask(TcpStream::connect(address)?)
}

fn over_local(path: &Path) -> std::io::Result<String> {
    ask(std::os::unix::net::UnixStream::connect(path)?)
}

fn ask(mut stream: impl std::io::Read + std::io::Write) -> std::io::Result<String> {
    stream.write_all(REQUEST)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
