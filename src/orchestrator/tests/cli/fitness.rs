//! What `ytorch validate` finds about engines, and the one command that it names for each. It mends nothing.

use std::fs;

use serde_json::{Value, json};

use super::{Root, free_port, machine::IMAGE, write};

fn created(engine: &'static str) -> Root {
    let root = Root::on_a_machine(engine);
    root.run(&["create", "friend", "--port", &free_port().to_string()]).ok();
    root
}

/// The outcome, what was found and the hint of a check.
#[track_caller]
fn check(root: &Root, name: &str) -> (String, String) {
    let told = root.run(&["validate", "friend", "--json"]).json();
    let checks: Vec<&Value> = told["checks"].as_array().unwrap().iter().filter(|check| check["name"] == name).collect();
    let word = |check: &Value, field: &str| check[field].as_str().unwrap_or_default().to_owned();
    let first = checks.first().unwrap_or_else(|| panic!("no check {name} in {told}"));
    (word(first, "outcome"), format!("{} | {}", word(first, "found"), word(first, "hint")))
}

#[track_caller]
fn finds(root: &Root, name: &str, outcome: &str, words: &[&str]) {
    let (found, text) = check(root, name);
    assert_eq!(found, outcome, "{name}: {text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

#[test]
fn an_instance_that_is_fit_has_nothing_to_mend() {
    for engine in ["quadlet", "podman", "native"] {
        let root = created(engine);
        finds(&root, "engines", "ok", &["`auto` takes quadlet", "process works"]);
        for name in ["units", "release", "room", "limits"] {
            finds(&root, name, "ok", &[]);
        }
    }
    finds(&created("quadlet"), "quadlet", "ok", &["accepts"]);
}

#[test]
fn what_is_missing_is_named_with_what_to_do() {
    let root = created("quadlet");
    let spec = root.file("friend/config/instance.toml");
    let text = fs::read_to_string(&spec).unwrap();
    write(&spec, text.replace(IMAGE, &"2e".repeat(32))).unwrap();
    finds(&root, "release", "fail", &["image not known", "ytorch image list"]);
    finds(&root, "units", "warn", &["unit.env", "ytorch reconcile friend"]);
    let from = format!("from = \"sha256:{IMAGE}\"\naside = \"a\"");
    let trial = format!("{text}\n[trial]\n{from}\nstarted = \"2026-11-21T10:00:00Z\"\n");
    write(&spec, trial).unwrap();
    finds(&root, "upgrade", "warn", &["2026-11-21T10:00:00Z", "ytorch reconcile friend"]);
}

#[test]
fn a_unit_that_was_changed_by_hand_is_named() {
    let root = created("podman");
    let unit = fs::read_dir(root.machine().units()).unwrap().flatten().map(|entry| entry.path());
    let unit = unit.into_iter().find(|path| path.is_file()).unwrap();
    write(&unit, format!("{}# mine\n", fs::read_to_string(&unit).unwrap())).unwrap();
    finds(&root, "units", "warn", &["changed by hand", &format!("rm {}", unit.display()), "ytorch reconcile friend"]);
}

#[test]
fn words_of_the_generator_and_of_podman_are_passed_on() {
    let root = created("quadlet");
    let words = "quadlet-generator[7]: converting \"ytorch@.container\": unsupported key 'Notify' in group 'Container'";
    let info = json!({ "host": { "cgroupVersion": "v2", "cgroupControllers": ["cpu"] } }).to_string();
    root.machine().rule(&json!([
        { "program": "quadlet", "words": "-dryrun", "code": 1, "stderr": words },
        { "program": "podman", "words": "info", "code": 0, "stdout": info },
    ]));
    finds(&root, "quadlet", "fail", &["unsupported key 'Notify'", "podman version"]);
    finds(&root, "limits", "warn", &["not delegated here: memory, pids"]);
}

#[test]
fn an_engine_that_no_longer_works_says_why() {
    let root = created("quadlet");
    let version = json!({ "Client": { "Version": "4.9.3" } }).to_string();
    root.machine().rule(&json!([{ "program": "podman", "words": "version", "code": 0, "stdout": version }]));
    finds(&root, "engine", "fail", &["Podman 4.9.3 is older than 5.3.0"]);
    finds(&root, "engines", "ok", &["`auto` takes podman"]);
}
