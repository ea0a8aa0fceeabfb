//! Systems change and instances do not: the same programs and the same image serve on Debian 12 and on Debian 13, a folder moves
//! from the one to the other and back, and what an update puts in the place of the old costs no request. It looks at no other
//! distribution.

#[path = "drift/friend.rs"]
mod friend;
#[path = "drift/update.rs"]
mod update;

use std::thread;

use tempfile::TempDir;
use ytorch_tests::{Debian, Host, Machine, programs};

use friend::{Friend, engine};

/// A machine of each age, with the same programs.
struct Machines {
    older: Host,
    newer: Host,
}

#[test]
fn an_instance_in_a_container_moves_from_debian_12_to_debian_13_and_back() {
    let Machines { older, newer } = Machines::with_the_same_programs();
    let image = older.load_slim();
    assert_eq!(newer.load_slim(), image, "one file is two images");

    let mut friend = Friend::arrive(&older, &["--release", &image]);
    // Podman 4.3 reads no quadlets, so the best engine of the older machine is another than that of the newer.
    assert_eq!(engine(&older), "podman");
    let program = friend.program(&older);
    friend.carry(&older, &newer);
    assert_eq!(engine(&newer), "podman");
    friend.assert_there(&newer, &image);
    assert_eq!(friend.program(&newer), program, "another program serves");

    newer.must(&["ytorch", "teardown", "friend"]);
    newer.must(&["ytorch", "create", "friend", "--engine=quadlet"]);
    friend.assert_there(&newer, &image);
    friend.adds_what_is_new(&newer);
    // A release that is there and newer is no reason to run it.
    let build =
        "printf 'FROM localhost/ytorch:slim\\nLABEL x=1\\n' | podman build --quiet --network=none --format=docker -";
    Machine::shell(&older, build).ok();
    let adopted = friend.carry(&newer, &older);
    assert_eq!((&adopted["before"]["engine"], &adopted["engine"]), (&"quadlet".into(), &"podman".into()));
    friend.assert_there(&older, &image);
    assert_eq!(friend.program(&older), program, "another program serves");
    friend.adds_nothing_twice(&older);
}

#[test]
fn an_instance_without_a_container_moves_from_debian_12_to_debian_13_and_back() {
    let Machines { older, newer } = Machines::with_the_same_programs();
    let mut friend = Friend::arrive(&older, &["--engine=native"]);
    let program = friend.program(&older);
    friend.carry(&older, &newer);
    assert_eq!(engine(&newer), "native");
    friend.assert_there(&newer, &program);
    assert_eq!(friend.program(&newer), program, "another program serves");
    friend.adds_what_is_new(&newer);
    friend.carry(&newer, &older);
    friend.assert_there(&older, &program);
    assert_eq!(friend.program(&older), program, "another program serves");
    friend.adds_nothing_twice(&older);
}

impl Machines {
    fn with_the_same_programs() -> Self {
        let folder = programs::release();
        let boot = |debian| Host::boot_debian(debian, &folder);
        let (older, newer) = thread::scope(|scope| {
            let older = scope.spawn(|| boot(Debian::Twelve));
            let newer = boot(Debian::Thirteen);
            (older.join().expect("a host boots or fails the test"), newer)
        });
        assert_eq!(release_of_debian(&older), "12");
        assert_eq!(release_of_debian(&newer), "13");
        let hashes = |host: &Host| Machine::shell(host, "sha256sum $(command -v ytorch ytorch-server)").ok();
        assert_eq!(hashes(&older), hashes(&newer), "the machines have different programs");
        Self { older, newer }
    }
}

fn release_of_debian(host: &Host) -> String {
    Machine::shell(host, ". /etc/os-release && echo $VERSION_ID").ok()
}

/// Carries a file of alice's to another machine.
fn send(from: &Host, to: &Host, name: &str) {
    let folder = TempDir::with_prefix("ytorch-tests-").expect("the folder for temporary files works");
    let file = folder.path().join(name);
    from.take(&format!("/home/alice/{name}"), &file);
    to.give(&file, name);
}
