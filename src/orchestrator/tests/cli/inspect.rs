//! `ytorch inspect`: what is told of instances in each state, with a stand-in server.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use super::Root;

#[test]
fn everything_is_told_and_what_differs_is_shown_as_actions() {
    let root = Root::running("friend");
    root.run(&["set", "friend", "--memory", "512M"]).ok();
    let shown = root.run(&["inspect", "friend"]).ok().stdout;
    for words in ["state     running", "512.0 MiB", "unlimited", "it is what its spec says", "ytorch set friend"] {
        assert!(shown.contains(words), "{words} is not in {shown}");
    }
    let told = root.run(&["inspect", "friend", "--json"]).ok().json();
    let origin = |name: &str| {
        let values = told["values"].as_array().unwrap();
        values.iter().find(|value| value["name"] == name).unwrap()["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!([origin("memory"), origin("tasks"), origin("url")], ["spec", "default", "derived"]);
    assert_eq!((&told["actions"], &told["audit"][2]["verb"]), (&serde_json::json!([]), &"set".into()));
    let spec = &told["files"][0];
    let size = fs::metadata(root.file("friend/config/instance.toml")).unwrap().len();
    assert_eq!((&spec["path"], spec["size_bytes"].as_u64()), (&"config/instance.toml".into(), Some(size)));

    let supervisor = i32::try_from(root.report("friend")["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(supervisor).unwrap(), Signal::KILL).unwrap();
    let differs = root.run(&["inspect", "friend"]).ok().stdout;
    assert!(differs.contains("would start the server"), "{differs}");
}

#[test]
fn a_removed_one_can_be_looked_at_too() {
    let root = Root::created("friend");
    root.run(&["teardown", "friend"]).ok();
    let told = root.run(&["inspect", "friend", "--json"]).ok().json();
    assert_eq!((&told["removed"], &told["actions"]), (&true.into(), &serde_json::json!([])));
    root.run(&["inspect", "nobody"]).fails(6, &["nobody"]);
}
