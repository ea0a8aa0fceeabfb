//! `ytorch teardown` and what comes after it. It never crashes on purpose; the crash matrix is beside `apply`.

use std::fs;

use super::{Root, write};

#[test]
fn a_teardown_keeps_the_data_and_a_create_takes_it_back() {
    let root = Root::running("friend");
    let token = root.run(&["token", "friend"]).ok().stdout;
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].clone();
    write(root.file("friend/data/raw/export"), "precious").unwrap();
    let dry = root.run(&["teardown", "friend", "--dry-run"]).ok().stdout;
    assert!(dry.contains("would stop the server") && !dry.contains("/data"), "{dry}");
    let ended = root.run(&["teardown", "friend"]).ok();
    assert!(ended.stdout.contains("friend/data (") && ended.stdout.contains("ytorch purge friend"), "{}", ended.stdout);
    assert!(!root.file("friend/run").exists() && !root.file("friend/config/instance.toml").exists());
    root.run(&["teardown", "friend"]).ok();
    root.run(&["start", "friend"]).fails(6, &["was torn down", "ytorch create friend"]);
    let created = root.run(&["create", "friend", "--json"]).ok().json();
    assert_eq!((&created["adopted"], &created["port"]), (&true.into(), &port));
    assert_eq!(root.run(&["token", "friend"]).ok().stdout, token);
    assert_eq!(fs::read(root.file("friend/data/raw/export")).unwrap(), b"precious");
    assert_eq!(root.run(&["status", "friend", "--json"]).ok().json()["state"], "running");
}

#[test]
fn a_purge_needs_the_name() {
    let root = Root::running("friend");
    root.run(&["teardown", "friend", "--purge"]).fails(8, &["--yes-delete-data-of=friend"]);
    root.run(&["teardown", "friend", "--purge", "--yes-delete-data-of=other"]).fails(8, &["`other`"]);
    root.run(&["teardown", "friend", "--yes-delete-data-of=friend"]).fails(2, &["--purge"]);
    assert!(root.file("friend/data").is_dir());
    let ended = root.run(&["teardown", "friend", "--purge", "--yes-delete-data-of=friend", "--json"]).ok();
    assert_eq!(ended.json()["purged"], true);
    assert!(!root.file("friend").exists());
    root.run(&["teardown", "friend"]).fails(6, &["there is no instance"]);
    let kept = Root::created("kept");
    kept.run(&["teardown", "kept"]).ok();
    kept.run(&["teardown", "kept", "--purge", "--yes-delete-data-of=kept"]).ok();
    assert!(!kept.file("kept").exists());
}

#[test]
fn purge_is_the_same_by_its_own_name() {
    let root = Root::running("friend");
    root.run(&["purge", "friend"]).fails(8, &["--yes-delete-data-of=friend"]);
    root.run(&["purge", "friend", "--yes-delete-data-of=other"]).fails(8, &["`other`"]);
    let dry = root.run(&["purge", "friend", "--dry-run"]).ok().stdout;
    assert!(dry.contains("would stop the server") && dry.contains("would delete"), "{dry}");
    assert!(root.file("friend/data").is_dir());
    assert_eq!(root.run(&["purge", "friend", "--yes-delete-data-of=friend", "--json"]).ok().json()["purged"], true);
    assert!(!root.file("friend").exists());
    root.run(&["purge", "friend", "--yes-delete-data-of=friend"]).fails(6, &["there is no instance"]);
}
