//! `ytorch set`: values of a spec, with a stand-in server. What an engine does with limits is not its matter.

use std::fs;

use super::{Root, free_port};

fn spec(root: &Root) -> String {
    fs::read_to_string(root.file("friend/config/instance.toml")).unwrap()
}

#[test]
fn what_changes_is_told_and_what_does_not_change_does_nothing() {
    let root = Root::running("friend");
    let before = root.report("friend")["pid"].clone();
    let port = free_port().to_string();
    let told = root.run(&["set", "friend", "--port", &port, "--host-name", "Friend.example.org"]).ok().stdout;
    assert!(told.contains(&format!("→ {port}\n")) && told.contains("none → friend.example.org"), "{told}");
    let seen = root.run(&["status", "friend", "--json"]).ok().json();
    assert_eq!((seen["state"].as_str(), seen["port"].to_string()), (Some("running"), port.clone()));
    let moved = root.report("friend")["pid"].clone();
    assert_ne!(before, moved);
    let (generation, again) = (spec(&root), root.run(&["set", "friend", "--port", &port, "--json"]).ok().json());
    assert_eq!((&again["changed"], &again["actions"]), (&false.into(), &serde_json::json!([])));
    assert_eq!((spec(&root), root.report("friend")["pid"].clone()), (generation, moved));
    assert!(root.run(&["set", "friend"]).ok().stdout.contains("nothing changes"));
}

#[test]
fn every_value_is_kept_and_can_be_taken_back() {
    let root = Root::created("friend");
    let all = "set friend --idle 300 --memory 512M --tasks 64 --cpus 1.5 --host-name a.example --host-name b.example \
               --host-name a.example --network outside --bind ::1 --json";
    let set = root.run(&all.split_whitespace().collect::<Vec<_>>()).ok().json();
    assert_eq!(set["changes"].as_array().unwrap().len(), 7, "{set}");
    let spec_now = spec(&root);
    for line in [
        "idle_exit_seconds = 300",
        "memory_bytes = 536870912",
        "tasks = 64",
        "cpu_percent = 150",
        "host_names = [\"a.example\", \"b.example\"]",
        "network = \"outside\"",
        "bind = \"::1\"",
        "generation = 2",
    ] {
        assert!(spec_now.contains(line), "{line} is not in {spec_now}");
    }
    let none = "set friend --idle never --memory none --tasks none --cpus none --no-host-names --network auto \
                --bind 127.0.0.1";
    root.run(&none.split_whitespace().collect::<Vec<_>>()).ok();
    let spec_now = spec(&root);
    for word in ["idle", "limits", "host_names", "network"] {
        assert!(!spec_now.contains(word), "{word} is still in {spec_now}");
    }
}

#[test]
fn a_dry_run_tells_the_actions_and_changes_nothing() {
    let root = Root::running("friend");
    let (before, pid) = (spec(&root), root.report("friend")["pid"].clone());
    let told = root.run(&["set", "friend", "--desired", "stopped", "--dry-run"]).ok().stdout;
    assert!(told.contains("running → stopped") && told.contains("would stop the server"), "{told}");
    assert_eq!((spec(&root), root.report("friend")["pid"].clone()), (before, pid));
    root.run(&["set", "friend", "--desired", "stopped"]).ok();
    assert_eq!(root.run(&["status", "friend", "--json"]).ok().json()["state"], "stopped");
}

#[test]
fn what_cannot_be_had_is_refused_and_nothing_changes() {
    let root = Root::created("friend");
    let taken = free_port().to_string();
    root.run(&["create", "other", "--no-start", "--port", &taken]).ok();
    let before = spec(&root);
    root.run(&["set", "friend", "--port", &taken]).fails(7, &["belongs to the instance `other`"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    root.run(&["set", "friend", "--port", &port]).fails(7, &["is taken", &format!("pid {}", std::process::id())]);
    root.run(&["set", "friend", "--bind", "203.0.113.7"]).fails(3, &["no address of this machine"]);
    root.run(&["set", "friend", "--release", "sha256:abc"]).fails(2, &["ytorch upgrade friend"]);
    root.run(&["set", "friend", "--image", "x"]).fails(2, &["ytorch upgrade friend"]);
    root.run(&["set", "friend", "--desired", "on-demand"]).fails(2, &["`process`", "on demand"]);
    root.run(&["set", "friend", "--memory", "12X"]).fails(2, &["512M"]);
    root.run(&["set", "friend", "--memory", "1M"]).fails(2, &["at least 64M"]);
    root.run(&["set", "friend", "--host-name", "a", "--no-host-names"]).fails(2, &["cannot be used with"]);
    root.run(&["set", "nobody", "--port", "9"]).fails(6, &["nobody"]);
    assert_eq!(spec(&root), before);
}
