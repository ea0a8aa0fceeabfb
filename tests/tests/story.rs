//! One story, told on every stage: two people's instances side by side, from their creation to their end. What is peculiar
//! to sockets of systemd, `sockets_on_hosts` looks at.
#![expect(clippy::panic, reason = "a panic is how a test fails")]
#![expect(clippy::print_stdout, reason = "a figure that is told and not judged")]

#[path = "story/isolation.rs"]
mod isolation;
#[path = "story/person.rs"]
mod person;
#[path = "story/releases.rs"]
mod releases;

use serde_json::Value;
use ytorch_tests::{Here, Host, Machine};

use person::Person;
use releases::Releases;

/// A machine, and the engine that is looked at.
struct Stage<M> {
    machine: M,
    engine: &'static str,
}

#[test]
fn quadlets_of_alice_on_debian_13() {
    on_a_host("quadlet");
}

#[test]
fn plain_units_with_podman_of_alice_on_debian_13() {
    on_a_host("podman");
}

#[test]
fn sandboxed_services_of_alice_on_debian_13() {
    on_a_host("native");
}

#[test]
fn detached_containers_of_root_without_systemd() {
    Stage { machine: Here::with_podman(), engine: "podman" }.tell();
}

#[test]
fn supervised_processes() {
    Stage { machine: Here::alone(), engine: "process" }.tell();
}

fn on_a_host(engine: &'static str) {
    let machine = Host::boot();
    if engine != "native" {
        machine.load_slim();
    }
    Stage { machine, engine }.tell();
}

impl<M: Machine> Stage<M> {
    fn tell(&self) {
        let releases = Releases::make(self);
        let first = releases.first;
        let (anna, bert) = (Person::arrive(self, "anna", first, 1), Person::arrive(self, "bert", first, 2));
        assert_ne!(anna.views, bert.views);
        self.are_apart(&anna, &bert);
        self.stops_and_starts(&anna, &bert);
        self.survives_a_restart_of_the_machine(&anna, &bert);
        self.changes_releases(&anna, &releases);
        bert.assert_there(self);
        self.comes_back_from_a_backup(&anna, &bert);
        self.goes_and_comes_again(&anna, &bert, first);
        self.moves(&bert);
        self.ends(&anna, &bert);
    }

    /// Each one's token opens their own door only, and each sees only their own.
    fn are_apart(&self, anna: &Person, bert: &Person) {
        anna.assert_there(self);
        bert.assert_there(self);
        for (at, token) in [(anna.port, &bert.token), (bert.port, &anna.token)] {
            let reply = self.ask(at, Some(token), "/api/v1/history/summary");
            assert_eq!(reply.status, 401, "a foreign token opens port {at}: {reply:?}");
        }
        assert_eq!(self.ask(anna.port, None, "/api/v1/history/summary").status, 401);
        isolation::assert_locked_in(self, anna, bert);
    }

    fn stops_and_starts(&self, anna: &Person, bert: &Person) {
        self.machine.must(&["stop", "anna"]);
        assert_eq!(self.state("anna"), "stopped");
        assert!(self.try_ask(anna.port, "/healthz").is_err(), "a stopped instance answers");
        bert.assert_there(self);
        self.machine.must(&["start", "anna"]);
        anna.assert_there(self);
        let before = self.server("bert");
        self.machine.must(&["restart", "bert"]);
        assert_ne!(self.server("bert"), before);
        bert.assert_there(self);
    }

    /// What should run runs again by itself, and what was stopped stays so.
    fn survives_a_restart_of_the_machine(&self, anna: &Person, bert: &Person) {
        self.machine.must(&["stop", "bert"]);
        if self.machine.restart() {
            anna.assert_there(self);
            assert_eq!(self.state("bert"), "stopped");
        }
        self.machine.must(&["start", "bert"]);
        bert.assert_there(self);
    }

    fn changes_releases(&self, anna: &Person, releases: &Releases) {
        let first = self.release("anna");
        let upgraded = self.machine.must(&["upgrade", "anna", "--release", &releases.better, "--json"]).json();
        assert_eq!(upgraded["changed"], true, "{upgraded}");
        assert_ne!(upgraded["release"].as_str(), Some(&*first));
        assert_eq!(self.release("anna"), upgraded["release"]);
        anna.assert_there(self);
        for bad in &releases.bad {
            let answer = self.machine.ytorch(&["upgrade", "anna", "--release", bad, "--patience", "5"]);
            assert_eq!(answer.code, Some(4), "an upgrade to `{bad}`: {answer:?}");
            assert!(answer.stderr.contains("again"), "{answer:?}");
            assert_eq!(self.release("anna"), upgraded["release"]);
            anna.assert_there(self);
            self.is_settled("anna");
        }
        let kept = self.machine.shell(&format!("ls {}/anna/logs", self.machine.root())).ok();
        assert!(kept.contains("rollback-"), "{kept}");
        let back = self.machine.must(&["rollback", "anna", "--json"]).json();
        assert_eq!(back["previous_release"], upgraded["release"], "{back}");
        anna.assert_there(self);
        self.is_settled("anna");
    }

    fn comes_back_from_a_backup(&self, anna: &Person, bert: &Person) {
        let made = self.machine.must(&["backup", "anna", "--json"]).json();
        let file = made["path"].as_str().unwrap_or_else(|| panic!("{made}"));
        let restored = self.machine.must(&["restore", file, "--instance=carl", "--json"]).json();
        let port = restored["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("it says the port");
        assert_ne!(port, anna.port);
        let carl = Person { name: "carl", port, token: anna.token.clone(), views: anna.views.clone() };
        carl.assert_there(self);
        anna.assert_there(self);
        bert.assert_there(self);
        self.machine.must(&["purge", "carl", "--yes-delete-data-of=carl"]);
        assert_eq!(self.names(), ["anna", "bert"]);
    }

    /// A teardown ends the deployment and no more.
    fn goes_and_comes_again(&self, anna: &Person, bert: &Person, release: Option<&str>) {
        // A database that is open has more files.
        self.machine.must(&["stop", "anna"]);
        let before = self.data("anna");
        self.machine.must(&["teardown", "anna"]);
        assert_eq!(self.names(), ["bert"]);
        assert_eq!(self.data("anna"), before);
        bert.assert_there(self);
        let port = anna.port.to_string();
        let mut words = vec!["create", "anna", "--engine", self.engine, "--port", &port];
        words.extend(release.iter().flat_map(|release| ["--release", release]));
        let created = self.machine.must(&words);
        assert!(created.stdout.contains("data"), "{created:?}");
        anna.assert_there(self);
    }

    /// A folder that was moved away is adopted under another name.
    fn moves(&self, bert: &Person) {
        self.machine.must(&["teardown", "bert"]);
        let (root, home) = (self.machine.root(), self.machine.home());
        self.machine.shell(&format!("mv {root}/bert {home}/from-elsewhere")).ok();
        let from = format!("{home}/from-elsewhere");
        let adopted = self.machine.must(&["adopt", &from, "--instance=bertha", "--json"]).json();
        let port = adopted["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("it says the port");
        let bertha = Person { name: "bertha", port, token: bert.token.clone(), views: bert.views.clone() };
        bertha.assert_there(self);
        assert_eq!(self.names(), ["anna", "bertha"]);
    }

    fn ends(&self, anna: &Person, bert: &Person) {
        self.machine.must(&["purge", "bertha", "--yes-delete-data-of=bertha"]);
        anna.assert_there(self);
        self.machine.must(&["purge", "anna", "--yes-delete-data-of=anna"]);
        assert!(self.names().is_empty());
        assert!(self.try_ask(anna.port, "/healthz").is_err() && self.try_ask(bert.port, "/healthz").is_err());
        let left = self.machine.shell(&format!("ls -A {}", self.machine.root())).ok();
        assert!(!left.contains("anna") && !left.contains("bert"), "{left}");
        isolation::assert_nothing_left(self);
        Releases::forget(self);
    }

    fn status(&self, name: &str) -> Value {
        self.machine.must(&["status", name, "--json"]).json()
    }

    /// What the spec of an instance says is run; nothing if it is the program beside `ytorch`.
    fn release(&self, name: &str) -> String {
        let spec = self.machine.shell(&format!("cat {}/{name}/config/instance.toml", self.machine.root())).ok();
        let line = spec.lines().find_map(|line| line.strip_prefix("release = "));
        line.unwrap_or_default().trim_matches('"').to_owned()
    }

    fn state(&self, name: &str) -> String {
        self.status(name)["state"].as_str().expect("a state is a word").to_owned()
    }

    /// The process of an instance's server.
    fn server(&self, name: &str) -> u64 {
        let status = self.status(name);
        status["server_pid"].as_u64().or(status["pid"].as_u64()).unwrap_or_else(|| panic!("no server runs: {status}"))
    }

    fn names(&self) -> Vec<String> {
        let listed = self.machine.must(&["list", "--json"]).json();
        let instances = listed["instances"].as_array().expect("a list has instances");
        instances.iter().map(|instance| instance["name"].as_str().expect("each has a name").to_owned()).collect()
    }

    /// Nothing is left to do for an instance.
    fn is_settled(&self, name: &str) {
        let again = self.machine.must(&["reconcile", name, "--json"]).json();
        assert_eq!(again["instances"][0]["changed"], false, "{again}");
    }

    /// Every file below `data` with its hash.
    fn data(&self, name: &str) -> String {
        self.machine
            .shell(&format!(
                "cd {}/{name}/data && find . -type f ! -name '*.lock' | sort | xargs sha256sum",
                self.machine.root()
            ))
            .ok()
    }
}
