//! What people read when the machine refuses: the real words of systemd and Podman in, a reason and a next step out. It
//! mends nothing by hand.

use std::net::TcpListener;

use serde_json::json;

use super::{Ended, Root, free_port, machine::IMAGE, write};

fn created(engine: &'static str) -> Root {
    let root = Root::on_a_machine(engine);
    root.run(&["create", "friend", "--no-start", "--port", &free_port().to_string()]).ok();
    root
}

fn start(root: &Root) -> Ended {
    root.run(&["start", "friend"])
}

/// On both engines with containers: what the journal of the service says, and what that is to a person.
#[test]
fn words_of_podman_in_the_journal_are_explained() {
    let cases = [
        ("Error: 1f1f: image not known", 6, "image not known to Podman", "ytorch image list"),
        (
            "Error: statfs /x/data: no such file or directory",
            3,
            "a folder of the instance is missing",
            "ytorch validate",
        ),
        (
            "Error: cannot find UID/GID for user alice: no subuid ranges found in /etc/subuid",
            3,
            "no ids",
            "--add-subuids",
        ),
        ("Error: write /var/tmp/x: no space left on device", 3, "the disk is full", "podman system df"),
        (
            "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied",
            3,
            "a limit",
            "validate",
        ),
        ("Error: dbus-launch: executable file not found", 3, "service manager cannot be reached", "enable-linger"),
    ];
    for engine in ["quadlet", "podman"] {
        let root = created(engine);
        for (words, code, what, hint) in cases {
            let failed = "Job for x.service failed because the control process exited with error code.";
            root.machine().rule(&json!([
                { "program": "systemctl", "words": "start -- ", "code": 1, "stderr": failed },
                { "program": "journalctl", "words": "", "code": 0, "stdout": format!("{words}\n") },
            ]));
            start(&root).fails(code, &[what, hint, words]);
        }
    }
}

#[test]
fn an_image_that_is_gone_and_a_folder_that_is_gone_are_named() {
    for engine in ["quadlet", "podman"] {
        let root = created(engine);
        let spec = root.file("friend/config/instance.toml");
        let text = std::fs::read_to_string(&spec).unwrap();
        write(&spec, text.replace(IMAGE, &"2e".repeat(32))).unwrap();
        start(&root).fails(6, &["image not known to Podman", "ytorch image list"]);
    }
}

#[test]
fn a_port_that_somebody_else_holds_is_told_with_its_owner() {
    let root = created("quadlet");
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].as_u64().unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let owner = format!("pid {}", std::process::id());
    start(&root).fails(7, &[&owner, "ytorch set friend --port"]);
    drop(listener);
    start(&root).ok();
}

#[test]
fn a_quadlet_that_the_generator_drops_is_told_in_its_words() {
    let root = created("quadlet");
    start(&root).ok();
    root.run(&["stop", "friend"]).ok();
    let quadlets = root.machine().configuration().join("containers/systemd");
    let quadlet = std::fs::read_dir(&quadlets).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&quadlet).unwrap();
    write(&quadlet, text.replace("[Container]\n", "[Container]\nMemory=1g\n")).unwrap();
    root.machine().systemctl(&["daemon-reload"]);
    start(&root).fails(3, &["unsupported key 'Memory'", "ytorch reconcile friend", &quadlet.display().to_string()]);
}

#[test]
fn a_systemd_that_does_not_answer_says_how_to_get_one() {
    let root = created("quadlet");
    let words = "Failed to connect to bus: No such file or directory";
    root.machine().rule(&json!([{ "program": "systemctl", "words": "", "code": 1, "stderr": words }]));
    start(&root).fails(3, &["your systemd does not answer", words, "enable-linger"]);
}

const LOST: &str = "Error: invalid internal status, try resetting the pause process with \"podman system migrate\": could not find any running process";

#[test]
fn a_lost_pause_process_is_mended_once_and_the_start_goes_on() {
    let root = created("quadlet");
    root.machine().rule(&json!([
        { "program": "systemctl", "words": "start -- ytorch", "code": 1, "stderr": "Job failed.", "times": 1 },
        { "program": "journalctl", "words": "", "code": 0, "stdout": LOST, "times": 1 },
    ]));
    root.machine().calls();
    start(&root).ok();
    let migrations = root.machine().calls().iter().filter(|call| *call == "podman system migrate").count();
    assert_eq!(migrations, 1);
}

#[test]
fn a_pause_process_that_cannot_be_mended_is_tried_once_and_explained() {
    let root = created("podman");
    root.machine().rule(&json!([
        { "program": "systemctl", "words": "start -- ytorch", "code": 1, "stderr": "Job failed." },
        { "program": "journalctl", "words": "", "code": 0, "stdout": LOST },
    ]));
    root.machine().calls();
    start(&root).fails(3, &["lost the process that keeps its namespace", "podman system migrate"]);
    let migrations = root.machine().calls().iter().filter(|call| *call == "podman system migrate").count();
    assert_eq!(migrations, 1);
}

#[test]
fn a_podman_without_systemd_mends_its_pause_process_too() {
    let root = Root::on_a_machine("podman");
    let no_systemd = json!({ "program": "systemctl", "words": "", "code": 1, "stderr": "Host is down" });
    let lost = json!({ "program": "podman", "words": "run --detach", "code": 125, "stderr": LOST, "times": 1 });
    root.machine().rule(&json!([no_systemd, lost]));
    root.run(&["create", "friend", "--port", &free_port().to_string()]).ok();
    assert!(root.machine().calls().iter().any(|call| call == "podman system migrate"));
    assert!(root.run(&["status", "friend"]).ok().stdout.contains("running"));
}
