//! Starts that must not succeed: each with its exit code and a sentence that helps.

use std::net::TcpListener;

use crate::program::{Instance, program, text};

#[test]
fn a_second_server_on_the_same_instance_is_refused_and_names_the_first() {
    let instance = Instance::new();
    let server = instance.serve(&[]);
    for arguments in [&["serve", "--port", "0"][..], &["import", "some-file"], &["reingest"]] {
        let second = instance.run(arguments);
        let told = text(&second.stderr);
        assert_eq!(second.status.code(), Some(5), "{told}");
        assert!(told.contains(&format!("process {} holds", server.id())), "{told}");
    }
    assert_eq!(server.get("/healthz").status, 200, "the first one was disturbed");
}

#[test]
fn a_lock_outlives_nobody() {
    let instance = Instance::new();
    drop(instance.serve(&[]));
    instance.serve(&[]);
}

#[test]
fn a_taken_port_is_refused_before_the_database_is_made() {
    let instance = Instance::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = instance.run(&["serve", "--port", &port]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains("--port"), "{told}");
    assert!(!instance.folder().join("data/db/ytorch.sqlite3").exists());
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let instance = Instance::new();
    let garbage = b"this is no database. ".repeat(500);
    instance.put("data/db/ytorch.sqlite3", &garbage);
    let output = instance.run(&["serve", "--port", "0"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("the database cannot be used"), "{told}");
    assert!(told.contains("hint: "), "{told}");
    assert_eq!(std::fs::read(instance.folder().join("data/db/ytorch.sqlite3")).unwrap(), garbage);
}

#[test]
fn a_token_that_others_can_read_is_refused() {
    let instance = Instance::new();
    instance.put("config/secrets/token", b"0123456789abcdef\n");
    let output = instance.run(&["serve", "--port", "0"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("chmod 600"), "{told}");
    assert!(!told.contains("0123456789abcdef"), "{told}");
}

#[test]
fn a_folder_that_is_not_there_is_not_made() {
    let instance = Instance::new();
    let missing = instance.folder().join("no-such");
    let output = program().args(["serve", "--instance-dir"]).arg(&missing).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", text(&output.stderr));
    assert!(!missing.exists());
}

#[test]
fn help_and_mistakes_have_no_side_effects() {
    let instance = Instance::new();
    for arguments in
        [&["serve", "-h"][..], &["serve", "--help"], &["import", "-h"], &["reingest", "-h"], &["check", "-h"]]
    {
        let output = instance.run(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(text(&output.stdout).contains("--instance-dir"), "{arguments:?}");
    }
    for arguments in [&["serve", "--prot", "1"][..], &["serve", "--port", "many"], &["import"], &["fly"]] {
        assert_eq!(instance.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(program().arg("-h").output().unwrap().status.code(), Some(0));
    assert_eq!(program().arg("--version").output().unwrap().status.code(), Some(0));
    assert!(instance.listing().is_empty(), "{:?}", instance.listing());
}

#[test]
fn a_failed_import_in_json_says_so_in_json() {
    let instance = Instance::new();
    let output = instance.run(&["import", "--json", "no-such-file.zip"]);
    let last = text(&output.stdout);
    let event: serde_json::Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(event["event"], "failed");
    assert!(event["problem"].to_string().contains("no-such-file.zip"), "{event}");
    assert_ne!(output.status.code(), Some(0));
}
