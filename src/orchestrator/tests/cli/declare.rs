//! `ytorch declare`: an instance becomes what a file says, with a stand-in server. What a declaration may hold,
//! `src/declaration.rs` shows.

use std::{fs, io::Write as _};

use serde_json::{Value, json};

use super::{Root, free_port, stand_in_server, write};

impl Root {
    /// Writes a declaration of the instance `friend` and runs it.
    fn declare(&self, more: &Value) -> super::Ended {
        let mut declared =
            json!({ "name": "friend", "engine": "process", "bind": "127.0.0.1", "program": stand_in_server() });
        declared.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let file = self.file("friend.json");
        write(&file, declared.to_string()).unwrap();
        self.run(&["declare", file.to_str().unwrap(), "--json"])
    }

    fn spec(&self) -> String {
        fs::read_to_string(self.file("friend/config/instance.toml")).unwrap()
    }

    /// A program that is another release, and knows one setting more.
    fn newer(&self) -> String {
        let newer = self.file("newer");
        fs::copy(stand_in_server(), &newer).unwrap();
        fs::OpenOptions::new().append(true).open(&newer).unwrap().write_all(b"newer").unwrap();
        newer.display().to_string()
    }
}

fn state(root: &Root) -> (Value, Value) {
    let seen = root.run(&["status", "friend", "--json"]).ok().json();
    (seen["state"].clone(), seen["port"].clone())
}

#[test]
fn an_instance_is_made_changed_and_left_alone() {
    let root = Root::new();
    let (first, second) = (free_port(), free_port());
    let told = root.declare(&json!({ "port": first, "settings": { "time_zone": "UTC" } })).ok().json();
    assert_eq!((&told["created"], &told["changed"]), (&true.into(), &true.into()), "{told}");
    assert_eq!(state(&root), ("running".into(), first.into()));
    let settings = root.file("friend/config/server.toml");
    assert!(fs::read_to_string(&settings).unwrap().ends_with("\ntime_zone = \"UTC\"\n"));
    let (spec, pid) = (root.spec(), root.report("friend")["pid"].clone());
    let told = root.declare(&json!({ "port": first, "settings": { "time_zone": "UTC" } })).ok().json();
    assert_eq!((&told["created"], &told["changed"]), (&false.into(), &false.into()), "{told}");
    assert_eq!((root.spec(), root.report("friend")["pid"].clone()), (spec, pid));
    let declared = json!({ "port": second, "limits": { "tasks": 64 }, "host_names": ["friend.example"] });
    let told = root.declare(&declared).ok().json();
    assert_eq!((&told["created"], &told["changed"], &told["upgraded"]), (&false.into(), &true.into(), &false.into()));
    assert_eq!(state(&root), ("running".into(), second.into()));
    let spec = root.spec();
    assert!(spec.contains("tasks = 64") && spec.contains("friend.example"), "{spec}");
    assert!(!fs::read_to_string(&settings).unwrap().contains("time_zone"), "settings that are no longer declared stay");
    root.declare(&json!({ "port": second })).ok();
    assert!(!root.spec().contains("tasks"), "{}", root.spec());
}

#[test]
fn what_was_stopped_or_torn_down_comes_back_with_its_data() {
    let root = Root::new();
    let port = free_port();
    root.declare(&json!({ "port": port })).ok();
    write(root.file("friend/data/raw/export"), "precious").unwrap();
    root.run(&["stop", "friend"]).ok();
    root.declare(&json!({ "port": port })).ok();
    assert_eq!(state(&root).0, "running");
    root.run(&["teardown", "friend"]).ok();
    let told = root.declare(&json!({ "port": port })).ok().json();
    assert_eq!(told["created"], true);
    assert_eq!(state(&root).0, "running");
    assert_eq!(fs::read_to_string(root.file("friend/data/raw/export")).unwrap(), "precious");
}

#[test]
fn another_engine_is_another_deployment_with_the_same_data() {
    let root = Root::on_a_machine("native");
    let port = free_port();
    root.declare(&json!({ "port": port, "engine": "process" })).ok();
    write(root.file("friend/data/raw/export"), "precious").unwrap();
    let told = root.declare(&json!({ "port": port, "engine": "native" })).ok().json();
    assert_eq!((&told["engine"], &told["created"]), (&"native".into(), &true.into()));
    assert_eq!(state(&root), ("running".into(), port.into()));
    assert_eq!(fs::read_to_string(root.file("friend/data/raw/export")).unwrap(), "precious");
    root.run(&["stop", "friend"]).ok();
}

#[test]
fn units_that_a_restart_of_the_machine_lost_are_written_again() {
    let root = Root::on_a_machine("native");
    let port = free_port();
    root.declare(&json!({ "port": port, "engine": "native" })).ok();
    root.machine().stop_everything();
    fs::remove_dir_all(root.machine().configuration().join("systemd")).unwrap();
    let told = root.declare(&json!({ "port": port, "engine": "native" })).ok().json();
    assert_eq!((&told["created"], &told["changed"]), (&false.into(), &true.into()));
    assert_eq!(state(&root), ("running".into(), port.into()));
}

#[test]
fn a_release_and_the_settings_that_it_alone_knows_come_and_go_together() {
    let root = Root::new();
    let port = free_port();
    let old = json!({ "port": port });
    let new = json!({ "port": port, "program": root.newer(), "settings": { "newest": 1 } });
    root.declare(&old).ok();
    for (declared, upgraded) in [(&new, true), (&new, false), (&old, true), (&new, true)] {
        let told = root.declare(declared).ok().json();
        assert_eq!(told["upgraded"], upgraded, "{told}");
        assert_eq!(state(&root).0, "running");
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let root = Root::new();
    let (port, other) = (free_port(), free_port());
    root.run(&["create", "other", "--no-start", "--port", &other.to_string()]).ok();
    let error = |ended: super::Ended, code: i32| {
        assert_eq!(ended.code, code, "{} {}", ended.stdout, ended.stderr);
        ended.json()["error"].to_string()
    };
    let told = error(root.declare(&json!({ "port": port, "settings": { "nonsense": 1 } })), 2);
    assert!(told.contains("does not accept the declared settings") && told.contains("no such setting"), "{told}");
    assert!(!root.file("friend").exists());
    root.declare(&json!({ "port": port })).ok();
    let before = root.spec();
    assert!(
        error(root.declare(&json!({ "port": port, "settings": { "nonsense": 1 } })), 2).contains("no such setting")
    );
    assert!(error(root.declare(&json!({ "port": other })), 7).contains("belongs to the instance `other`"));
    assert!(error(root.declare(&json!({ "port": port, "prot": 1 })), 2).contains("unknown field"));
    assert!(error(root.declare(&json!({ "port": port, "program": "/nowhere" })), 6).contains("/nowhere"));
    assert_eq!((root.spec(), state(&root).0), (before, "running".into()));
    root.run(&["declare", "/nowhere.json"]).fails(6, &["/nowhere.json"]);
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".staging");
    assert!(!fs::read_dir(root.path()).unwrap().any(|entry| hidden(entry.unwrap())), "a staging folder was left");
    let trail = fs::read_to_string(root.file("friend/logs/audit.jsonl")).unwrap();
    assert!(trail.lines().filter(|line| line.contains("\"verb\":\"declare\"")).count() >= 3, "{trail}");
}
