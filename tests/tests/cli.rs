//! The verbs of `ytorch`, end to end, with the real server on the embedded engine. Pages are not looked at.

use std::{fs, net::TcpListener, path::Path};

use serde_json::Value;
use ytorch_tests::{Answer, Export, Recipe, Recount, Ytorch, programs, prometheus::write};

#[test]
fn help_changes_nothing() {
    let ytorch = Ytorch::new();
    let before = ytorch.listing();
    for words in [vec!["-h"], vec!["--help"], vec!["--version"]] {
        assert!(!ytorch.must(&words).stdout.is_empty(), "{words:?}");
    }
    for verb in ["create", "ingest", "logs", "teardown", "version"] {
        for flag in ["-h", "--help"] {
            assert!(ytorch.must(&[verb, flag]).stdout.contains("Usage"), "{verb} {flag}");
        }
    }
    assert_eq!(ytorch.listing(), before);
}

#[test]
fn the_life_of_an_instance() {
    let ytorch = Ytorch::new();
    let export = Recipe::new(2_000, 1).json();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    assert!(ytorch.must(&["list"]).stdout.contains("friend"));
    assert!(ytorch.must(&["status", "friend"]).stdout.contains("friend"));
    ytorch.must(&["start", "friend"]);
    assert_eq!(ytorch.must(&["token", "friend"]).stdout.trim().len(), 64);

    ytorch.must(&["ingest", "--instance=friend", file(&export)]);
    assert_eq!(views(&ytorch, "friend"), expected(&export));
    ytorch.must(&["stop", "friend"]);
    ytorch.must(&["stop", "friend"]);

    let second = Recipe::new(1_000, 2).json();
    ytorch.must(&["ingest", "--instance=friend", file(&second)]);
    ytorch.must(&["restart", "friend"]);
    assert_eq!(views(&ytorch, "friend"), expected(&export) + expected(&second));
    ytorch.must(&["reingest", "friend", "--yes"]);
    assert_eq!(views(&ytorch, "friend"), expected(&export) + expected(&second));

    assert!(!ytorch.must(&["logs", "friend"]).stdout.is_empty());
    assert!(ytorch.must(&["config", "friend"]).stdout.contains("time_zone"));
    ytorch.must(&["validate", "friend"]);

    let data = ytorch.root().join("friend/data");
    let kept = ytorch.must(&["teardown", "friend"]);
    assert!(format!("{}{}", kept.stdout, kept.stderr).contains(data.to_str().unwrap()), "{kept:?}");
    assert!(data.join("db/ytorch.sqlite3").is_file());
    failed(&ytorch.run(&["status", "friend"]), 6);

    ytorch.must(&["create", "friend"]);
    assert_eq!(views(&ytorch, "friend"), expected(&export) + expected(&second));
    failed(&ytorch.run(&["teardown", "friend", "--purge"]), 8);
    ytorch.must(&["teardown", "friend", "--purge", "--yes-delete-data-of", "friend"]);
    assert!(!ytorch.root().join("friend").exists());
}

#[test]
fn two_instances_see_only_their_own() {
    let ytorch = Ytorch::new();
    let exports = [Recipe::new(1_500, 1).json(), Recipe::new(1_000, 2).json()];
    for (name, export) in ["one", "two"].iter().zip(&exports) {
        ytorch.create(name, &[]);
        ytorch.must(&["ingest", "--instance", name, file(export)]);
    }
    for (name, export) in ["one", "two"].iter().zip(&exports) {
        assert_eq!(views(&ytorch, name), expected(export), "{name}");
    }
    let of_one = ytorch.client("one").all_views("");
    let of_two = ytorch.client("two").all_views("");
    assert!(of_one.iter().all(|view| !of_two.iter().any(|other| other.video == view.video)));
    let token = ytorch.must(&["token", "one"]).stdout;
    let bearer = format!("Bearer {}", token.trim());
    let stranger = ytorch.client("two").anonymous();
    assert_eq!(stranger.get_with("/api/v1/history/summary", &[("Authorization", &bearer)]).status, 401);
}

#[test]
fn a_dry_run_changes_nothing() {
    let ytorch = Ytorch::new();
    let before = ytorch.listing();
    ytorch.must(&["create", "one", "--dry-run"]);
    assert_eq!(ytorch.listing(), before);
    ytorch.create("one", &["--no-start"]);
    let export = Recipe::new(500, 9).json();
    let before = ytorch.listing();
    let verbs: [&[&str]; 4] = [
        &["start", "one", "--dry-run"],
        &["ingest", "--instance=one", "--dry-run", file(&export)],
        &["reingest", "one", "--dry-run"],
        &["teardown", "one", "--purge", "--dry-run"],
    ];
    for words in verbs {
        ytorch.must(words);
        // A lock file may come to be; it says nothing.
        let after: Vec<_> = ytorch.listing().into_iter().filter(|line| !line.contains(".lock")).collect();
        let before: Vec<_> = before.iter().filter(|line| !line.contains(".lock")).cloned().collect();
        assert_eq!(after, before, "{words:?}");
    }
}

#[test]
fn every_answer_is_json_on_request() {
    let ytorch = Ytorch::new();
    ytorch.create("one", &[]);
    ytorch.must(&["ingest", "--instance=one", file(&Recipe::new(500, 9).json())]);
    let verbs: [&[&str]; 5] = [
        &["status", "one", "--json"],
        &["list", "--json"],
        &["config", "one", "--json"],
        &["validate", "one", "--json"],
        &["token", "one", "--json"],
    ];
    for words in verbs {
        assert!(!ytorch.must(words).json().is_null(), "{words:?}");
    }
    let failure = ytorch.run(&["status", "nobody", "--json"]);
    failed(&failure, 6);
}

#[test]
fn a_killed_server_comes_back() {
    let ytorch = Ytorch::new();
    let export = Recipe::new(1_000, 1).json();
    ytorch.create("one", &[]);
    ytorch.must(&["ingest", "--instance=one", file(&export)]);
    for process in servers_of(&ytorch.root().join("one")) {
        ytorch_tests::instance::signal(process, rustix::process::Signal::KILL);
    }
    ytorch.must(&["start", "one"]);
    assert_eq!(views(&ytorch, "one"), expected(&export));
}

#[test]
fn mistakes_have_their_own_exit_codes_and_a_hint() {
    let ytorch = Ytorch::new();
    for name in ["../x", "-x", "Friend", "a/b", ""] {
        failed(&ytorch.run(&["create", &format!("--instance={name}")]), 2);
    }
    for verb in [
        "start", "stop", "restart", "set", "status", "open", "token", "logs", "config", "reingest", "backup",
        "maintain", "teardown",
    ] {
        failed(&ytorch.run(&[verb, "nobody"]), 6);
    }
    failed(&ytorch.run(&["frobnicate"]), 2);

    ytorch.create("one", &[]);
    failed(&ytorch.run(&["ingest", "--instance=one", "/no/such/export.zip"]), 6);
    let unrelated = ytorch_tests::generator::hostile("unrelated", "unrelated", None);
    failed(&ytorch.run(&["ingest", "--instance=one", unrelated.to_str().unwrap()]), 9);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    failed(&ytorch.run(&["create", "two", "--port", &port]), 7);

    fs::create_dir(ytorch.root().join("foreign")).unwrap();
    failed(&ytorch.run(&["create", "foreign"]), 8);
    failed(&ytorch.run(&["teardown", "foreign"]), 8);
}

#[test]
fn the_work_of_a_running_instance_is_seen_and_steered() {
    let ytorch = Ytorch::new();
    ytorch.create("one", &[]);
    ytorch.must(&["ingest", "--instance=one", file(&Recipe::new(500, 9).json())]);
    let maintained = ytorch.must(&["maintain", "one", "--json"]).json();
    assert_eq!((&maintained["state"], &maintained["instance"]), (&"done".into(), &"one".into()));
    let jobs = ytorch.must(&["jobs", "one", "--state", "done", "--json"]).json();
    let kinds: Vec<&str> = jobs["jobs"].as_array().unwrap().iter().filter_map(|job| job["kind"].as_str()).collect();
    assert_eq!(kinds, ["platform_maintain", "history_import"]);
    let id = maintained["id"].to_string();
    failed(&ytorch.run(&["jobs", "cancel", &id, "--instance=one"]), 5);
    failed(&ytorch.run(&["jobs", "retry", "999", "--instance=one"]), 6);
    let breakers = ytorch.must(&["breakers", "one", "--json"]).json();
    assert_eq!(breakers["breakers"][0]["state"], "closed");
    assert_eq!(ytorch.must(&["breakers", "reset", "--instance=one", "--json"]).json()["reset"], Value::Array(vec![]));
    failed(&ytorch.run(&["breakers", "reset", "one", "--service", "a/../b"]), 6);
    ytorch.must(&["backup", "one"]);
    let status = ytorch.must(&["status", "one", "--json"]).json();
    assert_eq!((&status["health"], &status["jobs"]["pending"]), (&"ok".into(), &0.into()));
    assert!(status["newest_backup_at"].is_string(), "{status}");
    ytorch.must(&["stop", "one"]);
    assert_eq!(ytorch.must(&["status", "one", "--json"]).json()["health"], Value::Null);
    for words in [&["jobs", "one"][..], &["breakers", "one"], &["secret", "list", "--instance=one"]] {
        failed(&ytorch.run(words), 4);
    }
}

#[test]
fn a_secret_is_set_from_standard_input_and_never_shown() {
    let ytorch = Ytorch::new();
    ytorch.create("one", &[]);
    let set = |name: &str, text: &str| {
        let given = write(ytorch.root().parent().unwrap(), "token.txt", text);
        let mut command = ytorch.command(&["secret", "set", name, "--instance=one"]);
        command.stdin(fs::File::open(&given).unwrap()).output().unwrap()
    };
    assert_eq!(set("notify_token", "a token\n").status.code(), Some(2));
    assert_eq!(set("notify_token", "").status.code(), Some(2));
    assert_eq!(set("../x", "tk_12345").status.code(), Some(6));
    assert_eq!(set("notify_token", "tk_12345\n").status.code(), Some(0));
    let listed = ytorch.must(&["secret", "list", "--instance=one", "--json"]);
    assert_eq!(listed.json()["secrets"][0]["is_set"], true);
    assert!(!listed.stdout.contains("tk_12345"));
    let rotated = ytorch.must(&["secret", "rotate-key", "--instance=one", "--json"]).json();
    assert_eq!(rotated["encrypted_anew"], 1);
    ytorch.must(&["secret", "remove", "notify_token", "--instance=one"]);
    assert!(ytorch.must(&["secret", "list", "--instance=one"]).stdout.contains("not set"));
}

/// The processes of the server of an instance: those that were started with its folder and are `ytorch-server`.
fn servers_of(folder: &Path) -> Vec<u32> {
    let found = programs::processes_with(folder, "ytorch-server");
    assert!(!found.is_empty(), "no server of {} runs", folder.display());
    found
}

fn failed(answer: &Answer, code: i32) {
    assert_eq!(answer.code, Some(code), "{answer:?}");
    let words = format!("{}{}", answer.stderr, answer.stdout);
    assert!(words.len() > 10 && !words.contains("panicked"), "{answer:?}");
    // The parser of the command line gives its own kind of hint.
    assert!(code == 2 || words.contains("hint"), "{answer:?}");
}

fn views(ytorch: &Ytorch, name: &str) -> u64 {
    let summary: Value = ytorch.client(name).json("/api/v1/history/summary");
    summary["views"].as_u64().expect("a count is a whole number")
}

fn expected(export: &Export) -> u64 {
    Recount::read(&[&export.json]).of_views().views
}

fn file(export: &Export) -> &str {
    export.files[0].to_str().expect("paths of tests are text")
}
