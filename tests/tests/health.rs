//! `ytorch-server health`, the folder `/` of a container, and what a server needs of its folders while it runs.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by it")]

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use serde_json::Value;
use ytorch_tests::{Instance, Ytorch, instance::clean, programs};

fn health(instance: &Instance, words: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, .. } = instance.command("health").args(words).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

#[test]
fn health_is_told_without_a_token_and_a_stale_socket_is_replaced() {
    let mut instance = Instance::start();
    let socket = instance.folder().join("run/health.sock");
    let (code, words) = health(&instance, &[]);
    assert_eq!((code, words.lines().count()), (Some(0), 1), "{words}");
    assert!(words.starts_with("ok: one "), "{words}");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    instance.kill_9();
    assert!(socket.exists());
    let (code, words) = health(&instance, &["--json"]);
    let told: Value = serde_json::from_str(&words).unwrap();
    assert_eq!((code, &told["ok"]), (Some(1), &false.into()), "{words}");
    instance.start_again();
    let (code, words) = health(&instance, &["--json"]);
    let told: Value = serde_json::from_str(&words).unwrap();
    assert_eq!((code, &told["health"]["instance"]), (Some(0), &"one".into()), "{words}");
    instance.stop();
    assert!(!socket.exists(), "a stopped server left its socket");
}

#[test]
fn a_run_folder_that_is_deleted_lets_no_second_server_in() {
    let instance = Instance::start();
    fs::remove_dir_all(instance.folder().join("run")).unwrap();
    let second = instance.command("serve").args(["--port", "0"]).output().unwrap();
    assert_eq!(second.status.code(), Some(5), "{second:?}");
    assert_eq!(instance.client().get("/history").status, 200);
}

#[test]
fn a_server_whose_run_folder_is_deleted_is_still_found_and_stopped() {
    let ytorch = Ytorch::new();
    ytorch.create("one", &[]);
    let folder = ytorch.root().join("one");
    fs::remove_dir_all(folder.join("run")).unwrap();
    assert!(!ytorch.must(&["status", "one", "--json"]).json()["pid"].is_null());
    ytorch.must(&["stop", "one"]);
    assert!(programs::processes_with(&folder, "ytorch-server").is_empty(), "it runs on");
    ytorch.must(&["start", "one"]);
}

#[test]
fn a_configuration_that_cannot_be_written_is_enough_but_for_the_secrets() {
    let mut instance = Instance::prepare(&[]);
    let secrets = instance.folder().join("config/secrets");
    fs::create_dir_all(&secrets).unwrap();
    let read_only = "mount --bind \"$1/config\" \"$1/config\" && mount -o remount,ro,bind \"$1/config\"";
    instance.mount(read_only);
    let (status, words) = instance.start_in_vain();
    assert_eq!(status.code(), Some(3), "{words}");
    assert!(words.contains("could not write the token") && words.contains("`config/secrets` writable"), "{words}");
    let read_only = "mount --bind \"$1/config/secrets\" \"$1/config/secrets\" && mount --rbind \"$1/config\" \"$1/config\" && \
                     mount -o remount,ro,bind \"$1/config\"";
    instance.mount(read_only);
    instance.start_again();
    assert_eq!(instance.client().post("/api/v1/secrets/rotate-key", &[], "").status, 200);
    instance.mount("true");
}

#[test]
fn an_instance_in_the_root_folder_is_called_as_it_is_told() {
    let name = |words: &[&str], variable: Option<&str>| {
        let mut command = clean(std::process::Command::new(programs::server()));
        command.args(["settings", "--json"]).args(words);
        command.envs(variable.map(|name| ("YTORCH_INSTANCE", name)));
        let output = command.output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output.status.code(), told["settings"][0]["value"].as_str().map(str::to_owned))
    };
    let named = |name: &str| (Some(0), Some(name.to_owned()));
    assert_eq!(name(&["--instance-dir", "/"], Some("friend")), named("friend"));
    assert_eq!(name(&["--instance-dir", "/", "--instance", "other"], Some("friend")), named("other"));
    assert_eq!(name(&["--instance-dir", "/"], None), (Some(2), None));
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    fs::create_dir(&own).unwrap();
    let own = own.to_str().unwrap();
    assert_eq!(name(&["--instance-dir", own], Some("friend")), named("own"), "another instance's name was taken");
}
