//! `ytorch adopt` of folders in the root, with a stand-in server; what comes from another machine is tested end to end.

use std::fs;

use serde_json::json;

use super::{Root, free_port, machine::IMAGE, write};

#[test]
fn a_renamed_folder_gets_its_name() {
    let root = Root::created("friend");
    write(root.file("friend/data/raw/export"), "precious").unwrap();
    fs::rename(root.file("friend"), root.file("family")).unwrap();
    root.run(&["start", "family"]).fails(3, &["ytorch adopt"]);
    let folder = root.file("family");
    let adopted = root.run(&["adopt", folder.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!((&adopted["instance"], &adopted["before"]["name"]), (&"family".into(), &"friend".into()));
    root.run(&["start", "family"]).ok();
    assert_eq!(fs::read(root.file("family/data/raw/export")).unwrap(), b"precious");
    root.run(&["adopt", folder.to_str().unwrap()]).fails(8, &["an instance here already"]);
}

#[test]
fn a_torn_down_folder_comes_back_under_any_name_and_is_started() {
    let root = Root::created("friend");
    root.run(&["teardown", "friend"]).ok();
    let folder = root.file("friend");
    root.run(&["adopt", folder.to_str().unwrap(), "--instance=family"]).ok();
    assert!(!folder.exists());
    assert_eq!(root.run(&["status", "family", "--json"]).ok().json()["state"], "running");
    assert!(!root.file("family/config/instance.removed.toml").exists());
}

#[test]
fn what_is_no_instance_or_in_use_is_left_alone() {
    let root = Root::running("friend");
    let elsewhere = Root::created("other");
    let running = root.file("friend");
    elsewhere.run(&["adopt", running.to_str().unwrap()]).fails(5, &["stop that instance"]);
    elsewhere.run(&["adopt", running.to_str().unwrap(), "--copy"]).fails(5, &["stop that instance"]);
    root.run(&["adopt", running.to_str().unwrap(), "--instance=second"]).fails(5, &["stop that instance"]);
    fs::create_dir(root.file("photos")).unwrap();
    root.run(&["adopt", root.file("photos").to_str().unwrap()]).fails(8, &["not the folder of an instance"]);
    root.run(&["adopt", "/nowhere/at-all"]).fails(6, &["/nowhere/at-all"]);
    let free = elsewhere.file("other");
    root.run(&["adopt", free.to_str().unwrap(), "--instance=friend"]).fails(8, &["exists already"]);
    let dry = root.run(&["adopt", free.to_str().unwrap(), "--dry-run"]).ok().stdout;
    assert!(dry.contains("would take") && free.is_dir(), "{dry}");
    assert_eq!(root.run(&["status", "friend", "--json"]).ok().json()["state"], "running");
}

#[test]
fn a_port_that_another_instance_has_is_given_up() {
    let root = Root::created("friend");
    let elsewhere = Root::new();
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].clone();
    elsewhere.run(&["create", "other", "--no-start", "--port", &port.to_string()]).ok();
    let folder = elsewhere.file("other");
    let told = root.run(&["adopt", folder.to_str().unwrap(), "--copy", "--json"]).ok().json();
    assert_ne!(told["port"], port);
    assert!(folder.join("config/instance.toml").is_file());
    let trail = root.run(&["logs", "other", "--audit", "--json"]).ok().json();
    assert_eq!(trail["entries"].as_array().unwrap().last().unwrap()["verb"], "adopt");
}

#[test]
fn another_engine_runs_the_same_release_though_a_newer_one_is_there() {
    let root = Root::on_a_machine("quadlet");
    root.run(&["create", "friend", "--port", &free_port().to_string()]).ok();
    root.run(&["teardown", "friend"]).ok();
    root.machine().add_image("2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e2e");
    let version = json!({ "Client": { "Version": "4.3.1" } }).to_string();
    root.machine().rule(&json!([{ "program": "podman", "words": "version", "code": 0, "stdout": version }]));
    let adopted = root.run(&["adopt", root.file("friend").to_str().unwrap()]).ok();
    assert!(adopted.stderr.contains("Podman 4.3.1 is older than 5.3.0"), "{}", adopted.stderr);
    let spec = fs::read_to_string(root.file("friend/config/instance.toml")).unwrap();
    assert!(spec.contains("engine = \"podman\"") && spec.contains(IMAGE), "{spec}");
}
