//! Instances under other names and on other machines: clone, export and import, adopt. A machine is a root of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use ytorch_tests::{Answer, Recipe, Ytorch, command::free_port};

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

fn failed(answer: &Answer, code: i32, words: &str) {
    assert_eq!(answer.code, Some(code), "{answer:?}");
    assert!(answer.stderr.contains(words), "{words:?} is not in {answer:?}");
}

/// A running instance with views, a file beside them, and a secret.
fn filled(ytorch: &Ytorch) -> Vec<Value> {
    ytorch.create("friend", &["--time-zone", "UTC"]);
    ytorch.client("friend").import(&Recipe::new(500, 9).json().files);
    fs::create_dir_all(ytorch.root().join("friend/data/media/a")).expect("media can be made");
    fs::copy("/etc/hostname", ytorch.root().join("friend/data/media/a/video")).expect("a file can be copied");
    let set = ytorch.client("friend").put("/api/v1/secrets/notify_token", &json!({ "value": "hunter2-secret" }));
    assert!((200..300).contains(&set.status), "{set:?}");
    views(ytorch, "friend")
}

fn views(ytorch: &Ytorch, name: &str) -> Vec<Value> {
    let client = ytorch.client(name);
    vec![client.json("/api/v1/history/summary"), client.json("/api/v1/history/views?limit=50")]
}

fn has_secret(ytorch: &Ytorch, name: &str) -> bool {
    let secrets = ytorch.must(&["secret", "list", "--instance", name, "--json"]).json();
    secrets["secrets"].as_array().expect("a list").iter().any(|secret| secret["is_set"] == true)
}

fn contains(folder: &Path, bytes: &[u8]) -> bool {
    let entries = fs::read_dir(folder).expect("a folder can be read").map(|entry| entry.expect("an entry").path());
    entries.into_iter().any(|path| {
        if path.is_dir() {
            return contains(&path, bytes);
        }
        fs::read(&path).is_ok_and(|content| content.windows(bytes.len()).any(|part| part == bytes))
    })
}

#[test]
fn a_clone_of_a_running_instance_has_its_data_and_nothing_that_is_personal() {
    let ytorch = Ytorch::new();
    let before = filled(&ytorch);
    let dry = ytorch.must(&["clone", "friend", "copy", "--dry-run"]).stdout;
    assert!(dry.contains("would copy `friend` to `copy`") && !ytorch.root().join("copy").exists(), "{dry}");
    let cloned = ytorch.must(&["clone", "friend", "copy", "--port", &free_port().to_string(), "--json"]).json();
    assert_eq!((&cloned["started"], &cloned["clone_of"]), (&true.into(), &"friend".into()));
    assert_eq!(views(&ytorch, "copy"), before);
    assert_eq!(views(&ytorch, "friend"), before);
    let token = |name: &str| ytorch.must(&["token", name]).stdout;
    assert_ne!(token("friend"), token("copy"));
    assert!(has_secret(&ytorch, "friend") && !has_secret(&ytorch, "copy"));
    assert!(ytorch.root().join("copy/data/media/a/video").is_file());
    // The first one's token is nowhere in the copy.
    assert!(!contains(&ytorch.root().join("copy"), token("friend").trim().as_bytes()));
    // Its raw files came along, or it could not be built again; and both go their own ways.
    ytorch.must(&["reingest", "copy", "--yes"]);
    ytorch.client("copy").import(&Recipe::new(300, 2).json().files);
    assert_ne!(views(&ytorch, "copy"), before);
    assert_eq!(views(&ytorch, "friend"), before);
    failed(&ytorch.run(&["clone", "friend", "copy"]), 8, "exists already");
    failed(&ytorch.run(&["clone", "nobody", "other"]), 6, "nobody");
    let left: Vec<PathBuf> =
        fs::read_dir(ytorch.root()).expect("the root").map(|entry| entry.expect("one").path()).collect();
    assert!(!left.iter().any(|path| text(path).contains(".ytorch-restoring")), "{left:?}");
}

#[test]
fn a_clone_with_secrets_can_read_them_and_a_stopped_one_is_cloned_too() {
    let ytorch = Ytorch::new();
    let before = filled(&ytorch);
    ytorch.must(&["stop", "friend"]);
    let cloned =
        ytorch.must(&["clone", "friend", "copy", "--with-secrets", "--no-media", "--no-start", "--json"]).json();
    assert_eq!((&cloned["started"], &cloned["secrets"]), (&false.into(), &true.into()));
    assert!(!ytorch.root().join("copy/data/media").exists());
    ytorch.must(&["start", "copy"]);
    assert!(has_secret(&ytorch, "copy"));
    // With a key that does not fit, a rotation is refused.
    ytorch.must(&["secret", "rotate-key", "--instance=copy"]);
    assert_eq!(views(&ytorch, "copy"), before);
}

#[test]
fn an_export_becomes_an_instance_on_another_machine_and_replaces_none() {
    let here = Ytorch::new();
    let before = filled(&here);
    let file = here.root().join("friend.ytorch.tar.gz");
    here.must(&["export", "friend", "--to", text(&file)]);
    let there = Ytorch::new();
    let dry = there.must(&["import", text(&file), "--dry-run"]).stdout;
    assert!(dry.contains("would make `friend`"), "{dry}");
    there.must(&["import", text(&file)]);
    assert_eq!(views(&there, "friend"), before);
    assert!(there.root().join("friend/data/media/a/video").is_file() && has_secret(&there, "friend"));
    failed(&there.run(&["import", text(&file)]), 8, "exists already");
    there.must(&["import", text(&file), "--instance=second", "--no-start"]);
    there.must(&["teardown", "second"]);
    failed(&there.run(&["import", text(&file), "--instance=second"]), 8, "ytorch purge second");
    let created =
        there.must(&["create", "third", "--from-backup", text(&file), "--engine", "process", "--json"]).json();
    assert_eq!((&created["created"], &created["started"]), (&true.into(), &true.into()));
    assert_eq!(views(&there, "third"), before);
    failed(&there.run(&["create", "third", "--from-backup", text(&file)]), 8, "exists already");
    // Without a word it goes to the folder where the person is.
    let made = here.must(&["export", "friend", "--no-media", "--json"]).json();
    assert_eq!(made["media"], false);
    assert!(here.root().parent().expect("a home").join(made["path"].as_str().expect("a path")).is_file());
}

#[test]
fn a_folder_of_another_machine_is_taken_as_it_is() {
    let (here, there) = (Ytorch::new(), Ytorch::new());
    let before = filled(&here);
    let folder = here.root().join("friend");
    there.create("other", &["--no-start"]);
    failed(&there.run(&["adopt", text(&folder)]), 5, "stop that instance");
    failed(&there.run(&["adopt", text(&folder), "--copy"]), 5, "stop that instance");
    failed(&there.run(&["adopt", text(&folder), "--dry-run"]), 5, "stop that instance");
    here.must(&["stop", "friend"]);
    let token = here.must(&["token", "friend"]).stdout;
    there.must(&["adopt", text(&folder), "--copy", "--instance=copy"]);
    there.must(&["start", "copy"]);
    assert_eq!(views(&there, "copy"), before);
    // On one machine both would want one port.
    there.must(&["stop", "copy"]);
    assert!(folder.join("data").is_dir(), "a copy leaves the folder as it is");
    here.must(&["start", "friend"]);
    here.must(&["stop", "friend"]);
    let adopted = there.must(&["adopt", text(&folder), "--json"]).json();
    assert_eq!((&adopted["instance"], &adopted["started"]), (&"friend".into(), &false.into()));
    assert!(!folder.exists());
    there.must(&["start", "friend"]);
    assert_eq!(views(&there, "friend"), before);
    assert_eq!(there.must(&["token", "friend"]).stdout, token);
    failed(&there.run(&["adopt", text(&there.root().join("friend"))]), 8, "an instance here already");
}
