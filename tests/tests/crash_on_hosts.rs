//! `ytorch` is killed before each of its actions while it makes, upgrades and removes an instance on a real host, and
//! `reconcile` mends what is left. Every other verb is killed on a machine that is played, by the orchestrator's own tests.
#![expect(clippy::panic, reason = "helpers of tests fail the test by it")]

use std::fmt::Write as _;

use serde_json::Value;
use ytorch_tests::{Answer, Client, Host, Machine, Recipe, ViewLine};

/// Longer than any plan.
const LONGEST: u32 = 60;
/// The first actions of a create make a hidden folder, which is the same on every machine.
const FOLDER: u32 = 10;
/// What a shell says of a command that was killed.
const KILLED: Option<i32> = Some(137);

/// A host with two images of the server and the instance `friend`, or none.
struct Matrix {
    host: Host,
    images: [String; 2],
    port: String,
}

#[test]
fn a_kill_anywhere_on_a_real_host_is_mended() {
    let matrix = Matrix::on_a_host();
    let mut told = String::new();
    let _ = write!(told, "create {}", matrix.create());
    let views = matrix.import();
    let _ = write!(told, ", upgrade {}", matrix.upgrade(&views));
    let _ = write!(told, ", teardown {}", matrix.teardown(&views));
    println!("killed: {told}");
}

impl Matrix {
    fn on_a_host() -> Self {
        let host = Host::boot();
        let slim = host.load_slim();
        let script = "printf 'FROM localhost/ytorch:slim\\nLABEL x=1\\n' | podman build --quiet --network=none --format=docker -";
        let built = Machine::shell(&host, script).ok();
        let other = built.lines().last().expect("it says the ID").to_owned();
        let port = Machine::port(&host).to_string();
        Self { host, images: [slim, other], port }
    }

    fn killed_before(&self, number: u32, words: &[&str]) -> Answer {
        let death = format!("YTORCH_DIE_BEFORE={number}");
        self.host.as_alice(&[&["env", &death, "ytorch"], words].concat())
    }

    fn creating(&self) -> [&str; 7] {
        ["create", "friend", "--engine=quadlet", "--release", &self.images[0], "--port", &self.port]
    }

    fn create(&self) -> u32 {
        for number in FOLDER..LONGEST {
            let answer = self.killed_before(number, &self.creating());
            if answer.code != KILLED {
                assert_eq!(answer.code, Some(0), "{answer:?}");
                assert!(number > FOLDER, "a create has only {number} actions");
                return number - FOLDER;
            }
            let is_there = self.mend(&format!("create, before {number}"));
            if is_there {
                assert_eq!(self.state(), "running", "create, before {number}");
                self.host.must(&["ytorch", "purge", "friend", "--yes-delete-data-of=friend"]);
            } else {
                let left = Machine::shell(&self.host, "ls projectDeployments").ok();
                assert_eq!(left, "", "create, before {number}: half an instance");
            }
        }
        panic!("a create has no end");
    }

    fn upgrade(&self, views: &[ViewLine]) -> u32 {
        for number in 0..LONGEST {
            let place = format!("upgrade, before {number}");
            let current = self.release();
            let next = self.images.iter().find(|image| !current.ends_with(*image)).expect("there are two");
            let answer = self.killed_before(number, &["upgrade", "friend", "--release", next]);
            assert!(self.mend(&place), "{place}: the instance is gone");
            let release = self.release();
            assert!(self.images.iter().any(|image| release.ends_with(image)), "{place}: it runs {release}");
            assert!(self.views() == views, "{place}: other views");
            if answer.code != KILLED {
                assert_eq!(answer.code, Some(0), "{answer:?}");
                assert!(release.ends_with(next));
                return number;
            }
        }
        panic!("an upgrade has no end");
    }

    fn teardown(&self, views: &[ViewLine]) -> u32 {
        for number in 0..LONGEST {
            let place = format!("teardown, before {number}");
            let answer = self.killed_before(number, &["teardown", "friend"]);
            if self.mend(&place) {
                assert_eq!(self.state(), "running", "{place}");
            } else {
                self.host.must(&[&["ytorch"], &self.creating()[..]].concat());
            }
            assert!(self.views() == views, "{place}: other views");
            if answer.code != KILLED {
                assert_eq!(answer.code, Some(0), "{answer:?}");
                return number;
            }
        }
        panic!("a teardown has no end");
    }

    /// Reconciles, after which nothing is left to do. Whether there is an instance.
    fn mend(&self, place: &str) -> bool {
        let mended = self.host.as_alice(&["ytorch", "reconcile", "friend"]);
        assert!(matches!(mended.code, Some(0 | 6)), "{place}: {mended:?}");
        let again = self.host.as_alice(&["ytorch", "reconcile", "friend", "--json"]);
        if again.code == Some(6) {
            return false;
        }
        assert_eq!(again.json()["instances"][0]["changed"], false, "{place}: {again:?}");
        true
    }

    fn state(&self) -> Value {
        self.host.must(&["ytorch", "status", "friend", "--json"]).json()["state"].clone()
    }

    fn release(&self) -> String {
        let script = "sed -n 's/^release = \"\\(.*\\)\"/\\1/p' projectDeployments/friend/config/instance.toml";
        Machine::shell(&self.host, script).ok()
    }

    fn client(&self) -> Client {
        let token = self.host.must(&["ytorch", "token", "friend"]).stdout.trim().to_owned();
        Client::new(&format!("http://127.0.0.1:{}", self.port), Some(token))
    }

    fn import(&self) -> Vec<ViewLine> {
        let client = self.client();
        let export = Recipe::new(500, 9).json();
        self.host.inside(|| client.import(&export.files));
        self.views()
    }

    fn views(&self) -> Vec<ViewLine> {
        let client = self.client();
        self.host.inside(|| client.all_views(""))
    }
}
