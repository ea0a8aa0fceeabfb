//! One id from a request through its answer, the log, the job that it caused and the job's runs. It looks at nothing
//! else of them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by it")]

use std::{
    collections::BTreeSet,
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use ytorch_tests::{Client, Instance, Recipe, Reply, Service, Session, client::raw};

const HEADER: &str = "X-Correlation-ID";

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ids that cannot stand as they are in a header, a log and an address.
const ODD: [&str; 6] = ["a b", "a\"b", "<script>", "a/../b", "é", ""];

#[test]
fn a_sane_id_comes_back_on_every_kind_of_answer_and_a_made_one_otherwise() {
    let instance = Instance::start();
    let client = instance.client();
    let Session { cookie, csrf: _ } = Session::open(&client);
    let stranger = client.anonymous();
    let mut made = BTreeSet::new();
    let mut sent = 0;
    for (who, method, path, more, status) in [
        (&client, "GET", "/history", None, 200),
        (&client, "GET", "/", None, 303),
        (&client, "GET", "/nothing", None, 404),
        (&client, "GET", "/api/v1/history/summary", None, 200),
        (&client, "GET", "/api/v1/nothing", None, 404),
        (&client, "GET", "/api/v1/history/views?month=never", None, 400),
        (&client, "POST", "/history", None, 405),
        (&client, "POST", "/api/v1/history/imports", None, 415),
        (&client, "POST", "/api/v1/login-links", None, 201),
        (&client, "GET", "/metrics", None, 200),
        (&stranger, "GET", "/healthz", None, 200),
        (&stranger, "GET", "/readyz", None, 200),
        (&stranger, "GET", "/login", None, 200),
        (&stranger, "GET", "/history", None, 303),
        (&stranger, "GET", "/api/v1/jobs", None, 401),
        (&stranger, "POST", "/api/v1/history/reingest", Some(("Cookie", cookie.as_str())), 403),
        (&client, "POST", "/api/v1/history/reingest", Some(("Origin", "http://evil.example")), 403),
    ] {
        let longest = "x".repeat(64);
        for id in ["My-id_1.2", "0", &longest] {
            let headers: Vec<_> = more.into_iter().chain([(HEADER, id)]).collect();
            assert_eq!(told(&who.ask(method, path, &headers, ""), status), id, "{method} {path}");
        }
        let headers: Vec<_> = more.into_iter().collect();
        made.insert(told(&who.ask(method, path, &headers, ""), status));
        sent += 1;
    }
    let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", &client.base()["http://".len()..]);
    let too_long = "x".repeat(65);
    for odd in ODD.into_iter().chain([too_long.as_str()]) {
        let answer = raw(client.base(), &format!("{head}{HEADER}: {odd}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200"), "`{odd}`: {answer}");
        let line = answer.lines().find_map(|line| line.strip_prefix("x-correlation-id: "));
        let id = line.unwrap_or_else(|| panic!("`{odd}`: no id in {answer}")).to_owned();
        assert_ne!(id, odd);
        made.insert(id);
        sent += 1;
    }
    let is_made = |id: &String| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(made.iter().all(is_made), "{made:?}");
    assert_eq!(made.len(), sent, "an id was made twice: {made:?}");
}

#[test]
fn a_refusal_for_haste_and_one_of_a_foreign_name_tell_the_id_too() {
    let instance = Instance::start_with(&["--rate-limit-per-second", "1"]);
    let client = instance.client();
    let refused =
        (0..1000).map(|_| client.get_with("/history", &[(HEADER, "hasty")])).find(|reply| reply.status == 429);
    assert_eq!(told(&refused.expect("the limit is never reached"), 429), "hasty");
    let foreign = raw(
        client.base(),
        &format!("GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n{HEADER}: foreign\r\n\r\n"),
    );
    assert!(foreign.starts_with("HTTP/1.1 421") && foreign.contains("x-correlation-id: foreign\r\n"), "{foreign}");
}

#[test]
fn the_log_the_job_and_its_runs_name_the_request_that_caused_them() {
    let service = Service::answering("200 OK");
    let debug = ["--log-level", "debug", "--log-format", "json", "--notify-url", &service.url];
    let mut instance = Instance::start_with(&debug);
    let client = instance.client();
    assert_eq!(client.get_with("/history", &[(HEADER, "reading")]).status, 200);
    let export = Recipe::new(500, 9).json();
    assert_eq!(client.upload(&export.files, &[(HEADER, "importing")]).status, 201);
    assert_eq!(client.upload(std::slice::from_ref(&export.truth), &[(HEADER, "failing")]).status, 422);
    service.wait_for(1);
    let asked = client.post("/api/v1/schedules/backup/run", &[(HEADER, "backing-up")], "");
    assert_eq!((asked.status, &asked.json()["correlation_id"]), (202, &"backing-up".into()), "{asked:?}");
    let Session { cookie, csrf } = Session::open(&client);
    let headers = [("Cookie", cookie.as_str()), ("X-CSRF-Token", csrf.as_str()), (HEADER, "by-a-form")];
    assert_eq!(client.anonymous().post("/admin/schedules/maintain/run", &headers, "").status, 303);

    for (kind, id, states) in [
        ("history_import", "importing", &["done"][..]),
        ("history_import", "failing", &["failed"]),
        // Caused by a job that was caused by the request.
        ("platform_notify", "failing", &["done"]),
        ("platform_backup", "backing-up", &["done"]),
        ("platform_maintain", "by-a-form", &["done"]),
    ] {
        let job = ended_job(&client, kind, id);
        assert!(states.contains(&job["state"].as_str().unwrap()), "{job}");
        assert_eq!(client.json(&format!("/api/v1/jobs/{}", job["id"])), job);
        let runs = client.json(&format!("/api/v1/runs?kind={kind}"));
        let of_job: Vec<_> = runs["items"].as_array().unwrap().iter().filter(|run| run["job"] == job["id"]).collect();
        assert_eq!(of_job.len(), 1, "{runs}");
        assert_eq!(of_job[0]["correlation_id"], id, "{runs}");
    }

    instance.stop();
    let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
    let records: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |id: &str, name: &str, value: &str| {
        records.iter().any(|record| record["corr"] == id && record[name].as_str().is_some_and(|text| text == value))
    };
    for (id, path) in [
        ("reading", "/history"),
        ("importing", "/api/v1/history/imports"),
        ("failing", "/api/v1/history/imports"),
        ("backing-up", "/api/v1/schedules/backup/run"),
        ("by-a-form", "/admin/schedules/maintain/run"),
    ] {
        assert!(told(id, "path", path) && told(id, "message", "answered"), "no request `{id}` in {log}");
    }
    for (id, kind, end) in [
        ("importing", "history_import", "a job is done"),
        ("failing", "history_import", "a job failed"),
        ("failing", "platform_notify", "a job is done"),
        ("backing-up", "platform_backup", "a job is done"),
        ("by-a-form", "platform_maintain", "a job is done"),
    ] {
        assert!(told(id, "kind", kind) && told(id, "message", end), "no job of `{id}` in {log}");
    }
    // What a job or a request logs has an id without exception.
    let inside =
        |record: &&Value| record["job"].is_number() || record["path"].is_string() && record["method"].is_string();
    let nameless: Vec<_> = records.iter().filter(inside).filter(|record| !record["corr"].is_string()).collect();
    assert!(nameless.is_empty(), "{nameless:?}");
}

/// The job of a kind that a request caused, once it has ended.
fn ended_job(client: &Client, kind: &str, id: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let jobs = client.json(&format!("/api/v1/jobs?kind={kind}"));
        let ended = |job: &&Value| job["correlation_id"] == id && job["ended_at"].is_string();
        if let Some(job) = jobs["items"].as_array().unwrap().iter().find(ended) {
            return job.clone();
        }
        assert!(Instant::now() < until, "no job of `{id}` ends: {jobs}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The id on an answer, which must have this status.
fn told(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{reply:?}");
    let ids: Vec<_> = reply.headers.get_all("x-correlation-id").iter().collect();
    assert_eq!(ids.len(), 1, "{reply:?}");
    ids[0].to_str().unwrap().to_owned()
}
