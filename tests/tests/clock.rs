//! A server whose clock jumps: back, ahead, over the change to summer time. Debian's `libfaketime` moves it.
//! Whether single times of day are computed well, the tests of the queue see.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by it")]

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use ytorch_tests::{Instance, Recipe, Session, Truth, recount::second};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server with a clock of its own, which runs on from wherever it is set to.
struct Watched {
    instance: Instance,
    file: PathBuf,
}

#[test]
fn a_time_of_day_comes_once_a_day_however_the_clock_jumps() {
    // 04:20 in Berlin is 03:20 in UTC in winter.
    let watched = Watched::start("2026-03-02T02:00:00Z", &["--maintenance-times", "04:20"]);
    let client = watched.instance.client();
    let session = Session::open(&client);
    let logged_in = || client.anonymous().get_with("/history", &[("Cookie", &session.cookie)]).status == 200;
    for (instant, runs, why) in [
        ("2026-03-02T03:10:00Z", 0, "it is not time yet"),
        ("2026-03-02T03:21:00Z", 1, "the time has passed"),
        ("2026-03-02T03:40:00Z", 1, "it was done"),
        ("2026-03-02T01:40:00Z", 1, "the clock was set back"),
        ("2026-03-02T03:21:00Z", 1, "the same time of the same day comes again"),
        ("2026-03-02T23:00:00Z", 1, "it was done on this day"),
        ("2026-03-09T12:00:00Z", 2, "a week was missed, and is caught up once"),
        ("2026-03-10T03:10:00Z", 2, "it is not time yet on the day after"),
        ("2026-03-10T03:21:00Z", 3, "the day after"),
    ] {
        watched.set(instant);
        assert_eq!(watched.runs(), runs, "{instant}: {why}");
        assert!(logged_in(), "{instant}: the session has ended");
        assert_eq!(client.get("/readyz").status, 200, "{instant}");
    }
    // A clock that was wrong by years stops the work for one day at most.
    for (instant, runs) in [
        ("2031-01-01T12:00:00Z", 4),
        ("2026-03-11T03:10:00Z", 4),
        ("2026-03-11T03:21:00Z", 5),
        ("2026-03-12T12:00:00Z", 6),
    ] {
        watched.set(instant);
        assert_eq!(watched.runs(), runs, "{instant}");
    }
}

#[test]
fn each_local_day_has_its_work_once_when_the_clocks_change() {
    let watched = Watched::start("2026-03-27T12:00:00Z", &["--maintenance-times", "02:30"]);
    for (instant, runs, why) in [
        ("2026-03-28T12:00:00Z", 1, "the day before"),
        ("2026-03-29T00:50:00Z", 1, "just before the clocks jump over 02:30"),
        ("2026-03-29T01:40:00Z", 2, "after the jump"),
        ("2026-03-29T12:00:00Z", 2, "the rest of the day"),
        ("2026-03-30T12:00:00Z", 3, "the day after"),
        ("2026-10-24T12:00:00Z", 4, "half a year is caught up once"),
        ("2026-10-25T00:20:00Z", 4, "before 02:30 comes first"),
        ("2026-10-25T00:40:00Z", 5, "02:30 has come first"),
        ("2026-10-25T01:40:00Z", 5, "02:30 has come for the second time"),
        ("2026-10-25T12:00:00Z", 5, "the rest of the day"),
        ("2026-10-26T12:00:00Z", 6, "the day after"),
    ] {
        watched.set(instant);
        assert_eq!(watched.runs(), runs, "{instant}: {why}");
    }
}

#[test]
fn a_log_in_link_outlives_a_small_jump_and_a_large_one_ends_sessions() {
    let watched = Watched::start("2026-03-02T02:00:00Z", &[]);
    let client = watched.instance.client();
    let link = || client.post("/api/v1/login-links", &[], "").json()["path"].as_str().unwrap().to_owned();
    for jumped in ["2026-03-02T02:05:00Z", "2026-03-02T01:00:00Z"] {
        watched.set("2026-03-02T02:00:00Z");
        let path = link();
        watched.set(jumped);
        assert_eq!(client.anonymous().get(&path).status, 303, "{jumped}");
    }
    watched.set("2026-03-02T02:00:00Z");
    let (path, session) = (link(), Session::open(&client));
    watched.set("2026-06-02T02:00:00Z");
    assert_eq!(client.anonymous().get(&path).status, 403);
    assert_eq!(client.anonymous().get_with("/history", &[("Cookie", &session.cookie)]).status, 303);
    assert_eq!(client.anonymous().get_with("/history", &[("Cookie", &Session::open(&client).cookie)]).status, 200);
}

#[test]
fn a_job_runs_once_although_the_clock_jumps_by_hours_meanwhile() {
    let export = Recipe::new(150_000, 1).json();
    let watched = Watched::start("2026-03-02T02:00:00Z", &[]);
    let client = watched.instance.client();
    let id = client.import_in_background(&export.files);
    let done = |import: &Value| import["progress"]["bytes_done"].as_u64().unwrap_or(0);
    client.import_when(id, |import| done(import) > 0).unwrap();
    for instant in ["2026-03-02T08:00:00Z", "2026-03-09T08:00:00Z", "2026-03-02T01:00:00Z", "2026-03-02T08:00:00Z"] {
        watched.set(instant);
        // Wakes the worker, behind whatever the import holds.
        assert_eq!(client.post("/api/v1/schedules/watch/run", &[], "").status, 202);
        let ready = client.get("/readyz");
        assert_eq!(ready.status, 200, "{instant}: {}", ready.body);
    }
    client.import_when(id, |import| import["status"] == "done").unwrap();
    let views = client.json("/api/v1/history/summary")["views"].as_u64().unwrap();
    assert_eq!(views, Truth::of_file(&export.truth).count("views_distinct_second_video"));
    watched.let_the_worker_look();
    let jobs = client.json("/api/v1/jobs?kind=history_import");
    assert_eq!((jobs["items"].as_array().unwrap().len(), &jobs["items"][0]["attempts"]), (1, &1.into()), "{jobs}");
    let runs = client.json("/api/v1/runs?kind=history_import");
    assert_eq!(
        (runs["items"].as_array().unwrap().len(), &runs["items"][0]["status"]),
        (1, &"success".into()),
        "{runs}"
    );
    assert!(!watched.instance.said().contains("ended without a word"), "{}", watched.instance.said());
}

#[test]
fn a_lease_that_a_jump_ended_costs_no_second_run() {
    let service = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", service.local_addr().unwrap());
    let watched = Watched::start("2026-03-02T02:00:00Z", &["--notify-url", &url]);
    let client = watched.instance.client();
    assert_eq!(client.upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
    // The message is under way for as long as nobody answers.
    let (mut message, _) = service.accept().unwrap();
    for instant in ["2026-03-02T08:00:00Z", "2026-03-09T08:00:00Z", "2026-03-02T01:00:00Z", "2026-03-02T08:00:00Z"] {
        watched.set(instant);
        watched.let_the_worker_look();
        let job = &client.json("/api/v1/jobs?kind=platform_notify")["items"][0];
        assert_eq!((&job["state"], &job["attempts"]), (&"running".into(), &1.into()), "{instant}: {job}");
    }
    let _ = message.read(&mut [0; 4096]).unwrap();
    message.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    let until = Instant::now() + PATIENCE;
    let job = loop {
        let job = client.json("/api/v1/jobs?kind=platform_notify")["items"][0].clone();
        if job["ended_at"].is_string() {
            break job;
        }
        assert!(Instant::now() < until, "the message does not end: {job}");
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((&job["state"], &job["attempts"]), (&"done".into(), &1.into()), "{job}");
    service.set_nonblocking(true).unwrap();
    assert!(service.accept().is_err(), "the message was sent twice");
}

impl Watched {
    fn start(instant: &str, arguments: &[&str]) -> Self {
        // Ended jobs are counted, so none may be forgotten in a year that never was.
        let usual = ["--time-zone", "Europe/Berlin", "--job-keep-days", "10000"];
        let arguments = [&usual[..], arguments].concat();
        let without = !arguments.contains(&"--maintenance-times");
        let never = if without { &["--maintenance-times", ""][..] } else { &[] };
        let mut instance = Instance::prepare(&[&arguments[..], never].concat());
        let file = instance.folder().join("../clock");
        instance.set("LD_PRELOAD", &library());
        instance.set("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap());
        instance.set("FAKETIME_NO_CACHE", "1");
        // Waits go on as they are; only the time of day is set.
        instance.set("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let mut watched = Self { instance, file };
        watched.set(instant);
        watched.instance.start_again();
        let told = watched.instance.client().json("/status")["started_at"].as_str().unwrap().to_owned();
        assert_eq!(told[..13], instant[..13], "the clock of the server cannot be moved");
        watched
    }

    /// Sets the clock of the server.
    fn set(&self, instant: &str) {
        #[expect(clippy::disallowed_methods, reason = "the offset is one to the clock of the machine")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let offset = second(instant) - i64::try_from(now).unwrap();
        // The server reads the file at any moment, so it must always be whole.
        let new = self.file.with_extension("new");
        File::create(&new).unwrap().write_all(format!("{offset:+}\n").as_bytes()).unwrap();
        fs::rename(&new, &self.file).unwrap();
    }

    /// How often maintenance was done or asked for, once the worker has looked at the clock.
    fn runs(&self) -> usize {
        self.let_the_worker_look();
        let jobs = self.instance.client().json("/api/v1/jobs?kind=platform_maintain&limit=1000");
        jobs["items"].as_array().unwrap().len()
    }

    /// A look puts in what is due before it begins a job: so when one that was put in now has ended, it has looked. Twice,
    /// because the first one could be begun by a look that was under way.
    fn let_the_worker_look(&self) {
        let client = self.instance.client();
        for _ in 0..2 {
            let asked = client.post("/api/v1/schedules/watch/run", &[], "").json();
            let (path, until) = (format!("/api/v1/jobs/{}", asked["id"]), Instant::now() + PATIENCE);
            loop {
                let job = client.json(&path);
                if job["ended_at"].is_string() {
                    break;
                }
                assert!(Instant::now() < until, "the worker does not look round: {job}");
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// The library that moves the clock of a program.
fn library() -> String {
    let found = Command::new("find").args(["/usr/lib", "-name", "libfaketimeMT.so.1"]).output().unwrap().stdout;
    let found = String::from_utf8_lossy(&found).lines().next().map(str::to_owned);
    found.expect("`libfaketime` is missing: `deploy/test` installs Debian's package")
}
