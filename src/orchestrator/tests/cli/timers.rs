//! `ytorch timers`: which units are written, linked and started, and that they go again. No timer ever comes here.

use std::{fs, path::PathBuf};

use super::{Root, free_port};

fn created(arguments: &[&str]) -> Root {
    let root = Root::on_a_machine("native");
    let port = free_port().to_string();
    root.run(&[&["create", "friend", "--port", &port], arguments].concat()).ok();
    root
}

/// Every unit of a timer, and every link to one.
fn timers(root: &Root) -> Vec<PathBuf> {
    let units = root.machine().units();
    let folders = [units.clone(), units.join("timers.target.wants")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.contains("-reconcile.") || name.contains("-backup@")
    };
    let mut found: Vec<PathBuf> = paths.filter(is_ours).collect();
    found.sort();
    found
}

#[test]
fn they_are_switched_on_once_and_off_without_a_trace() {
    let root = created(&["--on-demand"]);
    assert!(root.run(&["timers", "status"]).ok().stdout.contains("off"));
    let would = root.run(&["timers", "on", "--dry-run"]).ok().stdout;
    assert!(would.contains("would write") && timers(&root).is_empty(), "{would}");
    root.run(&["timers", "on", "--every", "10m"]).ok();
    assert_eq!(timers(&root).len(), 6, "{:?}", timers(&root));
    assert_eq!(
        root.run(&["timers", "on", "--every", "10m", "--json"]).ok().json()["actions"].as_array().unwrap().len(),
        0
    );
    let status = root.run(&["timers", "status", "--json"]).ok().json();
    assert_eq!((&status["every"], status["backups"].as_array().unwrap().len()), (&"10m".into(), 1));
    root.run(&["timers", "off"]).ok();
    assert_eq!(timers(&root), [] as [PathBuf; 0]);
    assert_eq!(root.run(&["timers", "off", "--json"]).ok().json()["actions"].as_array().unwrap().len(), 0);
}

#[test]
fn instances_that_come_and_go_take_their_timers_with_them() {
    let root = created(&[]);
    root.run(&["timers", "on"]).ok();
    assert_eq!(timers(&root).len(), 5, "an instance that always runs has its own clock");
    root.run(&["create", "other", "--on-demand", "--port", &free_port().to_string()]).ok();
    assert_eq!(timers(&root).len(), 6);
    root.run(&["set", "friend", "--desired", "on-demand"]).ok();
    root.run(&["reconcile", "--all"]).ok();
    assert_eq!(timers(&root).len(), 7);
    root.run(&["teardown", "other"]).ok();
    assert_eq!(timers(&root).len(), 6);
    root.run(&["teardown", "friend"]).ok();
    assert_eq!(timers(&root), [] as [PathBuf; 0], "the last one switches them off");
}

#[test]
fn a_pause_that_is_none_and_a_machine_without_systemd_are_told() {
    let root = created(&[]);
    for pause in ["5", "0m", "m", "5d", "-1m", ""] {
        root.run(&["timers", "on", &format!("--every={pause}")]).fails(2, &["5m, 1h"]);
    }
    root.machine().rule(&serde_json::json!([
        { "program": "systemctl", "words": "", "code": 1, "stderr": "Failed to connect to bus: No medium found" }
    ]));
    root.run(&["timers", "on"]).fails(3, &["systemd does not answer"]);
}
