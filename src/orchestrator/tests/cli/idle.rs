//! Many instances, and idle ones: looking at them is cheap and wakes none. It measures nothing.

use super::{Root, free_port};

/// An instance whose port is held and whose server ended because nobody wanted anything.
fn idle(engine: &'static str) -> Root {
    let root = Root::on_a_machine(engine);
    root.run(&["create", "friend", "--on-demand", "--port", &free_port().to_string()]).ok();
    root.machine().systemctl(&["stop", "*.service"]);
    assert_eq!(state(&root), "idle");
    root
}

fn state(root: &Root) -> String {
    root.run(&["status", "friend", "--json"]).ok().json()["state"].as_str().unwrap().to_owned()
}

#[test]
fn looking_at_an_idle_instance_does_not_wake_it() {
    for engine in ["quadlet", "podman", "native"] {
        let root = idle(engine);
        for words in [
            &["list"][..],
            &["status", "friend"],
            &["inspect", "friend"],
            &["validate", "friend"],
            &["render", "units", "friend"],
            &["config", "friend"],
            &["reconcile", "friend"],
            &["stop", "friend", "--dry-run"],
        ] {
            let ended = root.run(words);
            assert!(ended.code == 0 || words[0] == "validate", "{words:?}: {}", ended.stderr);
            assert_eq!(state(&root), "idle", "`ytorch {}` woke it", words.join(" "));
        }
    }
}

#[test]
fn the_first_request_wakes_it() {
    let root = idle("quadlet");
    let url = root.run(&["status", "friend", "--json"]).ok().json()["url"].as_str().unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.contains("friend"), "{answer}");
    assert_eq!(state(&root), "running");
}

#[test]
fn a_list_of_many_asks_systemd_once() {
    for engine in ["quadlet", "native"] {
        let root = Root::on_a_machine(engine);
        for number in 0..8 {
            root.run(&["create", &format!("friend-{number}"), "--no-start"]).ok();
        }
        root.machine().calls();
        assert_eq!(root.run(&["list", "--json"]).ok().json()["instances"].as_array().unwrap().len(), 8);
        let calls = root.machine().calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
    }
}
