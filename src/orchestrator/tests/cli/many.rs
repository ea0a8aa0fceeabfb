//! Many commands at once. It kills none of them.

use std::{collections::BTreeSet, process::Child, process::Stdio};

use super::{Ended, Root, free_port, quick_folder};

/// As many people as ask for an instance at the same moment.
const MANY: u16 = 24;

/// Ports from which `create` gives one out here are the usual ones: only the specs of this root keep them apart.
fn twenty_four_at_once(root: &Root, arguments: &[&str]) {
    let start = |number: u16| -> Child {
        let name = format!("friend-{number}");
        let mut command = root.command(&[&["create", name.as_str(), "--json"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..MANY).map(start).collect();
    let ended = children.into_iter().map(|child| Ended::of(child.wait_with_output().unwrap()));
    let ports: BTreeSet<u64> = ended.map(|ended| ended.ok().json()["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), usize::from(MANY), "a port was given twice: {ports:?}");
    let listed = root.run(&["list", "--json"]).ok().json();
    let instances = listed["instances"].as_array().unwrap();
    let seen: BTreeSet<u64> = instances.iter().map(|instance| instance["port"].as_u64().unwrap()).collect();
    assert_eq!(seen, ports);
    let expected = if arguments.is_empty() { "running" } else { "stopped" };
    assert!(instances.iter().all(|instance| instance["state"] == expected), "{listed}");
}

#[test]
fn twenty_four_creates_at_once_on_systemd_all_run_on_their_own_ports() {
    twenty_four_at_once(&Root::on_a_machine("quadlet"), &[]);
}

#[test]
fn twenty_four_creates_at_once_without_systemd_have_their_own_ports() {
    twenty_four_at_once(&Root { machine: None, folder: quick_folder() }, &["--no-start"]);
}

#[test]
fn of_two_changes_at_once_one_says_that_it_is_busy() {
    let root = Root::on_a_machine("quadlet");
    root.run(&["create", "friend", "--port", &free_port().to_string()]).ok();
    let machine = root.machine();
    // The first one hangs in its restart until the second one has given up.
    machine.hold("restart");
    let mut first = root.command(&["restart", "friend"]);
    let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    machine.wait_for_call("systemctl restart");
    root.run(&["restart", "friend"]).fails(5, &["`ytorch restart`"]);
    root.run(&["set", "friend", "--memory", "512M"]).fails(5, &["`ytorch restart`"]);
    machine.release();
    Ended::of(first.wait_with_output().unwrap()).ok();
    root.run(&["set", "friend", "--memory", "512M"]).ok();
}
