//! Jobs, their clock and their history by the API and the pages of a real server. It does not test what jobs do.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::Value;
use ytorch_tests::{Client, Instance, Recipe};

/// How long a job may take on a machine with other things to do.
const PATIENCE: Duration = Duration::from_mins(2);

fn job_when(client: &Client, id: &Value, what: &str, condition: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let job = client.json(&format!("/api/v1/jobs/{id}"));
        if condition(&job) {
            return job;
        }
        assert!(Instant::now() < until, "the job was never {what}: {job}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_ended(job: &Value) -> bool {
    !matches!(job["state"].as_str(), Some("queued" | "running"))
}

fn run_now(client: &Client, schedule: &str) -> Value {
    let reply = client.post(&format!("/api/v1/schedules/{schedule}/run"), &[], "");
    assert_eq!(reply.status, 202, "{}", reply.body);
    reply.json()
}

#[test]
fn work_that_recurs_is_done_when_asked_and_leaves_its_trace() {
    let instance = Instance::start_with(&["--maintenance-times", "04:20,16:20", "--time-zone", "Europe/Berlin"]);
    let client = instance.client();
    client.import(&Recipe::new(500, 1).json().files);
    let schedules = client.json("/api/v1/schedules");
    let maintain = schedules["items"].as_array().unwrap().iter().find(|found| found["name"] == "maintain").unwrap();
    assert_eq!(maintain["when"], "daily at 04:20, 16:20");
    assert!(maintain["next_due_at"].is_string(), "{maintain}");
    for (schedule, words) in [("backup", "backups/one-"), ("maintain", "the database is whole")] {
        let job = run_now(&client, schedule);
        let job = job_when(&client, &job["id"], "ended", has_ended);
        assert_eq!((job["state"].as_str(), job["attempts"].as_u64()), (Some("done"), Some(1)), "{job}");
        assert!(job["message"].as_str().unwrap().contains(words), "{job}");
        let runs = client.json(&format!("/api/v1/runs?kind={}", job["kind"].as_str().unwrap()));
        assert_eq!((&runs["items"][0]["job"], &runs["items"][0]["status"]), (&job["id"], &"success".into()), "{runs}");
    }
    assert_eq!(client.post("/api/v1/schedules/nothing/run", &[], "").status, 404);
    let status = client.json("/status");
    assert_eq!(status["pipelines"]["history"]["processed"], 1, "{status}");
    assert_eq!(status["pipelines"]["platform"]["processed"], 2, "{status}");
    assert_eq!((&status["backups"]["count"], &status["readiness"]["ready"]), (&1.into(), &true.into()), "{status}");
    let last = &status["pipelines"]["history"]["last_run"];
    assert_eq!((&last["kind"], &last["status"]), (&"history_import".into(), &"success".into()), "{status}");
    for (page, words) in [("/jobs", "the database is whole"), ("/admin", "daily at 04:20, 16:20"), ("/jobs/1", "Tries")]
    {
        assert!(client.get(page).body.contains(words), "{page}");
    }
    let older = client.json("/api/v1/jobs?limit=1");
    let next = client.json(&format!("/api/v1/jobs?limit=1&before={}", older["next_before"]));
    assert_eq!(next["items"][0]["id"].as_i64().unwrap() + 1, older["items"][0]["id"].as_i64().unwrap());
    assert_eq!(client.json("/api/v1/jobs?state=failed")["items"].as_array().unwrap().len(), 0);
}

#[test]
fn an_import_that_is_cancelled_changes_nothing_and_can_be_tried_again() {
    let instance = Instance::start();
    let client = instance.client();
    // The larger ones are for machines on which the smaller ones end before they hear of it.
    let cancelled = [30_000, 150_000, 750_000].into_iter().find_map(|records| {
        let export = Recipe::new(records, records).json();
        let import = client.import_in_background(&export.files);
        let jobs = client.json("/api/v1/jobs?kind=history_import&limit=1");
        let job = jobs["items"][0]["id"].clone();
        job_when(&client, &job, "begun", |job| job["state"] != "queued");
        let reply = client.post(&format!("/api/v1/jobs/{job}/cancel"), &[], "");
        assert!([202, 409].contains(&reply.status), "{}", reply.body);
        let ended = job_when(&client, &job, "ended", has_ended);
        let import = client.json(&format!("/api/v1/history/imports/{import}"));
        if ended["state"] == "done" {
            assert_eq!(import["status"], "done", "{import}");
            return None;
        }
        assert_eq!(
            (ended["state"].as_str(), import["status"].as_str()),
            (Some("cancelled"), Some("failed")),
            "{import}"
        );
        assert!(import["problem"]["what"].as_str().unwrap().contains("cancelled"), "{import}");
        Some((export, import["id"].clone(), job))
    });
    let (export, import, job) = cancelled.expect("no import was slow enough to be cancelled");
    let reply = client.post(&format!("/api/v1/jobs/{job}/retry"), &[], "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(job_when(&client, &job, "ended", has_ended)["state"], "done");
    let done = client.json(&format!("/api/v1/history/imports/{import}"));
    assert_eq!((done["status"].as_str(), &done["problem"]), (Some("done"), &Value::Null), "{done}");
    for too_late in ["retry", "cancel"] {
        assert_eq!(client.post(&format!("/api/v1/jobs/{job}/{too_late}"), &[], "").status, 409, "{too_late}");
    }
    // Nothing is missing: the same export brings nothing new.
    let again = client.import(&export.files);
    assert_eq!(again["views_added"], 0, "{again}");
    for unknown in ["99", "x", "-1", "99999999999999999999"] {
        assert_eq!(client.post(&format!("/api/v1/jobs/{unknown}/cancel"), &[], "").status, 404, "{unknown}");
    }
}

#[test]
fn a_job_that_waits_is_cancelled_at_once() {
    // Nobody listens there, so the message about the failed import waits to be sent again.
    let instance = Instance::start_with(&["--notify-url", "http://127.0.0.1:1/"]);
    let client = instance.client();
    let refused = client.upload(&[Recipe::new(500, 1).json().truth], &[]);
    assert_eq!(refused.status, 422, "{}", refused.body);
    let jobs = client.json("/api/v1/jobs?kind=platform_notify");
    let id = jobs["items"][0]["id"].clone();
    let waiting = job_when(&client, &id, "tried", |job| job["state"] == "queued" && job["attempts"] == 1);
    assert!(waiting["not_before"].is_string() && waiting["error"].is_string(), "{waiting}");
    let reply = client.post(&format!("/api/v1/jobs/{id}/cancel"), &[], "");
    assert_eq!((reply.status, reply.json()["state"].as_str()), (200, Some("cancelled")), "{}", reply.body);
    let reply = client.post(&format!("/api/v1/jobs/{id}/retry"), &[], "");
    assert_eq!(reply.status, 200, "{}", reply.body);
    job_when(&client, &id, "tried again", |job| job["attempts"] == 2);
}

#[test]
fn an_import_whose_file_is_gone_says_so_when_it_is_tried_again() {
    let instance = Instance::start();
    let client = instance.client();
    let refused = client.upload(&[Recipe::new(500, 1).json().truth], &[]);
    assert_eq!(refused.status, 422, "{}", refused.body);
    let failed = client.json("/api/v1/jobs?state=failed");
    let reply = client.post(&format!("/api/v1/jobs/{}/retry", failed["items"][0]["id"]), &[], "");
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert!(reply.json()["error"]["what"].as_str().unwrap().contains("import it again"), "{}", reply.body);
}

#[test]
fn whoever_watches_hears_of_every_change_and_a_stop_ends_the_stream() {
    let mut instance = Instance::start();
    let client = instance.client();
    let token = std::fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap();
    let host = client.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!("GET /jobs/events HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\n\r\n", token.trim());
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.next().unwrap().contains("200"));
    let mut states = || {
        let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned))?;
        Some(serde_json::from_str::<Value>(&data).unwrap()["state"].clone())
    };
    let before = states().expect("the present is told at once");
    run_now(&client, "maintain");
    let mut latest = before.clone();
    while !latest.as_str().unwrap().contains("Done") {
        latest = states().expect("the stream ended before the job");
    }
    assert_ne!(before, latest);
    instance.stop();
    assert_eq!(states(), None, "the stream outlives the server");
}
