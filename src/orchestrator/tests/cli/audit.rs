//! The trail of an instance: which commands changed it, with a stand-in server. Its rotation is tested where it is.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::{Root, write};

fn verbs(root: &Root) -> Vec<(String, u64)> {
    let shown = root.run(&["logs", "friend", "--audit", "--json"]).ok().json();
    let entries = shown["entries"].as_array().unwrap().clone();
    entries
        .iter()
        .map(|entry| (entry["verb"].as_str().unwrap().to_owned(), entry["result"].as_u64().unwrap()))
        .collect()
}

#[test]
fn each_change_leaves_a_line_and_a_look_leaves_none() {
    let root = Root::running("friend");
    for looks in [&["status", "friend"][..], &["list"], &["config", "friend"], &["stop", "friend", "--dry-run"]] {
        root.run(looks).ok();
    }
    write(root.file("friend/config/die-with"), "3").unwrap();
    root.run(&["restart", "friend"]).fails(4, &["time_zone"]);
    root.run(&["secret", "set", "notify_token", "--instance=friend"]).fails(4, &["does not run"]);
    root.run(&["teardown", "friend"]).ok();
    let expected = [("create", 0), ("start", 0), ("restart", 4), ("secret set", 4), ("teardown", 0)];
    assert_eq!(verbs(&root), expected.map(|(verb, code)| (verb.to_owned(), code)));
    let trail = root.file("friend/logs/audit.jsonl");
    assert_eq!(fs::metadata(trail).unwrap().permissions().mode() & 0o777, 0o600);
    let shown = root.run(&["logs", "friend", "--audit", "-n", "3"]).ok().stdout;
    for words in ["ytorch restart friend", "exit status 4", "    stop the server", "ytorch teardown friend  done"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    assert!(!shown.contains("ytorch create"), "{shown}");
    let token = fs::read_to_string(root.file("friend/config/secrets/token")).unwrap();
    assert!(!fs::read_to_string(root.file("friend/logs/audit.jsonl")).unwrap().contains(token.trim()));
    root.run(&["logs", "nobody", "--audit"]).fails(6, &["nobody"]);
}

#[test]
fn a_trail_that_cannot_be_written_fails_no_command() {
    let root = Root::created("friend");
    fs::remove_file(root.file("friend/logs/audit.jsonl")).unwrap();
    fs::create_dir(root.file("friend/logs/audit.jsonl")).unwrap();
    let ended = root.run(&["set", "friend", "--tasks", "9"]).ok();
    assert!(ended.stderr.contains("could not write to") && ended.stderr.contains("audit.jsonl"), "{}", ended.stderr);
    assert!(fs::read_to_string(root.file("friend/config/instance.toml")).unwrap().contains("tasks = 9"));
}

#[test]
fn a_folder_that_is_not_ours_gets_no_file() {
    let root = Root::new();
    fs::create_dir(root.file("photos")).unwrap();
    root.run(&["create", "photos"]).fails(8, &["not an instance"]);
    assert_eq!(fs::read_dir(root.file("photos")).unwrap().count(), 0);
    let kept = Root::created("friend");
    kept.run(&["teardown", "friend", "--purge", "--yes-delete-data-of=friend"]).ok();
    assert!(!kept.file("friend").exists());
}
