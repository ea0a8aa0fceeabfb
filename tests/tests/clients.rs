//! Clients that behave badly: idle, slow, gone in the middle, too many. What they may cost is nothing that others notice.
//! Whether they may ask at all is for `guards`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    fs,
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ytorch_tests::{Client, Instance, Recipe};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(3);

/// Idle connections that a server bears.
const IDLE: usize = 1000;

#[test]
fn a_thousand_idle_connections_keep_nobody_out() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, Rlimit { ..limit }).unwrap();
    let mut instance = Instance::start();
    let client = instance.client();
    client.import(&Recipe::new(500, 9).json().files);
    let before = open_files(&client);
    let mut idle: Vec<_> = (0..IDLE).map(|_| connect(&client)).collect();
    // One half said something already and keeps its connection; the other half never spoke.
    // The answers are read later: a server cuts off who is silent for half a minute, which a busy machine may need for them.
    for stream in &mut idle[..IDLE / 2] {
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host(&client)).unwrap();
    }
    wait_until("all connections are open", || open_files(&client) >= before + IDLE);
    for page in ["/history", "/history/views", "/api/v1/history/summary", "/admin", "/jobs", "/metrics"] {
        assert_eq!(client.get(page).status, 200, "{page}");
    }
    client.import(&Recipe::new(500, 8).json().files);
    for stream in &mut idle[..IDLE / 2] {
        assert!(read_until(stream, "}").starts_with("HTTP/1.1 200"));
    }
    drop(idle);
    // The database may have opened some files for good meanwhile.
    wait_until("the connections are closed", || open_files(&client) <= before + IDLE / 20);
    let idle: Vec<_> = (0..IDLE).map(|_| connect(&client)).collect();
    wait_until("all connections are open", || open_files(&client) >= before + IDLE);
    instance.stop();
    assert!(!instance.said().contains("cut off"), "a stop waits for connections without a request");
    drop(idle);
}

#[test]
fn who_says_nothing_or_dribbles_a_head_is_cut_off() {
    let instance = Instance::start();
    let client = instance.client();
    let silent = connect(&client);
    let mut half = connect(&client);
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    let mut kept = connect(&client);
    write!(kept, "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host(&client)).unwrap();
    assert!(read_until(&mut kept, "}").starts_with("HTTP/1.1 200"));
    thread::scope(|scope| {
        for stream in [silent, half, kept] {
            scope.spawn(move || assert_cut_off(stream));
        }
        let dribble = connect(&client);
        let mut writer = dribble.try_clone().unwrap();
        scope.spawn(move || assert_cut_off(dribble));
        scope.spawn(move || {
            let until = Instant::now() + PATIENCE;
            let line = b"GET /healthz HTTP/1.1\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'a'));
            for byte in line {
                if writer.write_all(&[*byte]).is_err() {
                    break;
                }
                assert!(Instant::now() < until, "a head may be sent byte by byte for ever");
                // Each byte must come by itself, often enough that the connection is never silent.
                thread::sleep(Duration::from_millis(200));
            }
        });
        assert_eq!(client.get("/history").status, 200);
    });
    assert_eq!(client.get("/history").status, 200);
}

#[test]
fn who_stops_in_the_middle_of_a_body_is_cut_off_and_leaves_no_file() {
    let instance = Instance::start();
    let client = instance.client();
    let before = open_files(&client);
    let token = token(&instance);
    let requests = [
        upload_head(&client, &token, 1_000_000),
        format!(
            "POST /login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 100\r\n\r\ntoken=",
            host(&client)
        ),
        format!(
            "PUT /api/v1/secrets/notify_token HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{",
            host(&client)
        ),
    ];
    thread::scope(|scope| {
        // Many of each, so that their connections can be told from the files of the database.
        for request in requests.iter().cycle().take(60) {
            let mut stream = connect(&client);
            stream.write_all(request.as_bytes()).unwrap();
            scope.spawn(move || assert_cut_off(stream));
        }
        wait_until("the upload has a file", || !incoming(&instance).is_empty());
    });
    wait_until("nothing is left of the upload", || incoming(&instance).is_empty());
    wait_until("the connections are closed", || open_files(&client) <= before + 20);
    assert_eq!(client.json("/api/v1/history/imports")["total"], 0);
    client.import(&Recipe::new(500, 9).json().files);
}

#[test]
fn who_goes_away_in_the_middle_leaves_nothing_behind() {
    let instance = Instance::start();
    let client = instance.client();
    client.import(&Recipe::new(20_000, 9).json().files);
    let token = token(&instance);
    // Whatever is opened once and kept, is open now.
    let leave = || {
        for turn in 0..40 {
            let mut upload = connect(&client);
            upload.write_all(upload_head(&client, &token, 50_000_000).as_bytes()).unwrap();
            upload.write_all(&vec![b' '; turn * 4000]).unwrap();
            let get = |path: &str| {
                let mut stream = connect(&client);
                let host = host(&client);
                write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
                assert!(read_until(&mut stream, "\r\n").starts_with("HTTP/1.1 200"), "{path}");
            };
            get("/api/v1/history/views?limit=1000");
            get("/history/views");
            // More of them than may be open at once, so each must give back its place.
            wait_for_place(&client, &token);
        }
        wait_until("no upload is left", || incoming(&instance).is_empty());
    };
    leave();
    let mut calm = 0;
    wait_until("the open files come to rest", || {
        let now = open_files(&client);
        std::mem::replace(&mut calm, now) == now
    });
    leave();
    wait_until("nothing stays open", || open_files(&client) <= calm);
    assert_eq!(client.json("/api/v1/history/imports")["total"], 1);
    // It is nobody's fault here, and must wake nobody.
    let metrics = client.get("/metrics").body;
    assert!(metrics.contains("status=\"400\"") && !metrics.contains("status=\"5"), "{metrics}");
    assert!(!instance.said().contains("ERROR"), "{}", instance.said());
}

#[test]
fn who_asks_too_often_is_told_to_wait_and_keeps_the_health_open() {
    let instance = Instance::start_with(&["--rate-limit-per-second", "1"]);
    let client = instance.client();
    let refused = (0..1000).map(|_| client.get("/api/v1/history/summary")).find(|reply| reply.status == 429).unwrap();
    assert_eq!(refused.header("retry-after"), Some("1"), "{refused:?}");
    assert!(refused.json()["error"]["hint"].as_str().unwrap().contains("rate_limit_per_second"), "{refused:?}");
    let page = (0..1000).map(|_| client.get("/history")).find(|reply| reply.status == 429).unwrap();
    assert!(page.body.contains("<html") && page.header("retry-after").is_some(), "{page:?}");
    // So that nobody guesses tokens quickly.
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert!((0..1000).any(|_| client.anonymous().post("/login", &form, "token=x").status == 429));
    for _ in 0..50 {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(client.anonymous().get(path).status, 200, "{path}");
        }
    }
    wait_until("the client may ask again", || client.get("/api/v1/history/summary").status == 200);
}

#[test]
fn a_stop_waits_neither_for_open_streams_nor_for_idle_connections() {
    let mut instance = Instance::start();
    let client = instance.client();
    let token = token(&instance);
    let mut streams: Vec<_> = (0..5).map(|_| open_stream(&client, &token)).collect();
    let mut idle: Vec<_> = (0..5).map(|_| connect(&client)).collect();
    for stream in &mut idle[..2] {
        write!(stream, "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", host(&client)).unwrap();
        assert!(read_until(stream, "}").starts_with("HTTP/1.1 200"));
    }
    for stream in &mut streams {
        assert!(read_until(stream, "event: jobs").starts_with("HTTP/1.1 200"));
    }
    instance.stop();
    assert!(!instance.said().contains("cut off"), "the stop waited for a stream: {}", instance.said());
    for stream in streams.into_iter().chain(idle) {
        assert_cut_off(stream);
    }
}

#[test]
fn a_stop_in_the_middle_of_an_upload_is_clean() {
    let mut instance = Instance::start();
    let client = instance.client();
    let mut upload = connect(&client);
    upload.write_all(upload_head(&client, &token(&instance), 1_000_000).as_bytes()).unwrap();
    wait_until("the upload has a file", || !incoming(&instance).is_empty());
    instance.stop();
    assert_cut_off(upload);
    instance.start_again();
    assert_eq!(incoming(&instance), Vec::<String>::new());
    assert_eq!(instance.client().json("/api/v1/history/imports")["total"], 0);
}

/// Opens a stream of events as soon as there is a place for one, and leaves it.
fn wait_for_place(client: &Client, token: &str) {
    wait_until("a stream has a place", || {
        read_until(&mut open_stream(client, token), "\r\n").starts_with("HTTP/1.1 200")
    });
}

fn open_stream(client: &Client, token: &str) -> TcpStream {
    let mut stream = connect(client);
    let host = host(client);
    write!(stream, "GET /jobs/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n\r\n").unwrap();
    stream
}

/// The beginning of an upload of so many bytes.
fn upload_head(client: &Client, token: &str, bytes: u64) -> String {
    format!(
        "POST /api/v1/history/imports HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {bytes}\r\n\r\n\
         --b\r\nContent-Disposition: form-data; name=\"export\"; filename=\"watch-history.json\"\r\n\r\n[{{\"header\":",
        host(client)
    )
}

fn connect(client: &Client) -> TcpStream {
    let stream = TcpStream::connect(host(client)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn host(client: &Client) -> &str {
    client.base().trim_start_matches("http://")
}

fn token(instance: &Instance) -> String {
    fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap().trim().to_owned()
}

/// Reads what comes until there is this in it, or the end.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let (mut text, mut byte) = (String::new(), [0]);
    while !text.contains(end) && stream.read(&mut byte).unwrap() > 0 {
        text.push(char::from(byte[0]));
    }
    text
}

/// Waits until the server closes a connection, whatever it says before.
fn assert_cut_off(mut stream: TcpStream) {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the connection stays open: {error}; it said {}", String::from_utf8_lossy(&rest)),
    }
}

/// Open file descriptors of the server, as it counts them itself.
fn open_files(client: &Client) -> usize {
    let metrics = client.json("/metrics.json");
    let families = metrics["families"].as_array().unwrap_or_else(|| panic!("{metrics}"));
    let family = families.iter().find(|family| family["name"] == "process_open_fds").unwrap();
    let value = family["samples"][0]["value"].as_f64().unwrap();
    format!("{value:.0}").parse().unwrap()
}

/// Files of uploads that are under way.
fn incoming(instance: &Instance) -> Vec<String> {
    let names = fs::read_dir(instance.folder().join("data/raw")).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".incoming-")).collect()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < until, "waited too long until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
