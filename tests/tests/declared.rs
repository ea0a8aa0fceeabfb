//! Instances as NixOS declares them, on a Debian 13 that plays NixOS: Nix evaluates the module, its services become units in a
//! read-only `/etc/systemd/system`, and a switch stops, reloads and starts them in the order in which NixOS does. What NixOS itself
//! makes of the module this cannot show: `nix/tests/vm.nix` does, where there is one.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _};

use serde_json::Value;
use ytorch_tests::{Answer, Client, Host, programs};

/// Where the sources are on the host.
const SOURCES: &str = "/home/alice/ytorch";
/// No cache is asked, and root builds without further users.
const SETTINGS: &str = "NIX_CONFIG=build-users-group =\nsubstituters =\nexperimental-features = nix-command\n";

/// A host whose units are those of the last switch.
struct Nixos {
    host: Host,
    services: RefCell<BTreeMap<String, Value>>,
}

#[test]
fn declared_instances_run_change_come_back_and_end() {
    let nixos = Nixos::boot();
    let bert = r#"bert = { port = 8102; engine = "quadlet"; image = "/images/ytorch-slim.tar"; };"#;
    let both = &format!("anna = {{ port = 8101; limits.tasks = 64; }}; {bert}");
    nixos.switch(both);
    nixos.answers("anna", 8101);
    nixos.answers("bert", 8102);
    assert_eq!(nixos.states(), [("anna".to_owned(), "running".to_owned()), ("bert".to_owned(), "running".to_owned())]);
    let tokens = ["anna", "bert"].map(|name| nixos.ytorch(&["token", name]));
    assert_eq!(nixos.of_server("anna", "TasksMax"), "64");
    // What is as declared is left alone, even if NixOS asks again.
    let servers = ["anna", "bert"].map(|name| nixos.of_server(name, "MainPID"));
    nixos.systemctl(&["reload", "ytorch-declared-anna", "ytorch-declared-bert"]);
    assert_eq!(["anna", "bert"].map(|name| nixos.of_server(name, "MainPID")), servers);

    let changed = r#"anna = { port = 8201; limits.tasks = 32; settings.log_format = "json"; };"#;
    nixos.switch(&format!("{changed} {bert}"));
    nixos.answers("anna", 8201);
    nixos.is_silent(8101);
    assert_eq!(nixos.of_server("anna", "TasksMax"), "32");
    let config = nixos.ytorch(&["config", "anna", "--json"]);
    assert!(config.contains("config/server.toml") && config.contains(r#""json""#), "{config}");
    assert_eq!(nixos.of_server("bert", "MainPID"), servers[1], "a change of anna's is none of bert's");

    // The end of the machine is no wish that an instance ends, and nobody waits for another there.
    let spec = || nixos.root("cat /var/lib/ytorch/*/config/instance.toml").ok();
    let before = spec();
    nixos.host.restart();
    assert_eq!(spec(), before);
    nixos.answers("anna", 8201);
    nixos.answers("bert", 8102);
    assert_eq!(["anna", "bert"].map(|name| nixos.ytorch(&["token", name])), tokens);

    nixos.switch(bert);
    nixos.is_silent(8201);
    nixos.answers("bert", 8102);
    assert_eq!(nixos.states(), [("anna".to_owned(), "stopped".to_owned()), ("bert".to_owned(), "running".to_owned())]);
    nixos.root("test -s /var/lib/ytorch/anna/data/db/ytorch.sqlite3").ok();
    nixos.switch(both);
    nixos.answers("anna", 8101);
    assert_eq!(nixos.ytorch(&["token", "anna"]), tokens[0]);
}

#[test]
fn what_is_wrong_is_refused_in_the_words_of_the_module_system() {
    let nixos = Nixos::boot();
    let module = format!("{SOURCES}/tests/nix/module");
    let compare = format!(
        "let lib = import {SOURCES}/tests/nix/modules.nix {{ inherit lib; }}; in import {module}/compare.nix \
         {{ inherit lib; module = import {SOURCES}/nix/module.nix {{ }}; }}"
    );
    assert_eq!(nixos.evaluate(&compare).ok(), "[]");
    let cases = nixos.evaluate(&format!("builtins.mapAttrs (_: case: case.words) (import {module}/bad.nix).wrong"));
    let cases = cases.json();
    let cases = cases.as_object().expect("cases have names");
    assert!(cases.len() > 5, "{cases:?}");
    for (name, words) in cases {
        let told = nixos.evaluate(&format!("import {module}/services.nix {{ wrong = \"{name}\"; }}"));
        let words = words.as_str().expect("words are a text");
        assert!(told.code == Some(1) && told.stderr.contains(words), "{name}: {words:?} is not in {told:?}");
    }
}

impl Nixos {
    fn boot() -> Self {
        let host = Host::boot();
        host.must(&["mkdir", "-p", &format!("{SOURCES}/tests")]);
        host.give(&programs::repository().join("nix"), "ytorch/nix");
        host.give(&programs::repository().join("tests/nix"), "ytorch/tests/nix");
        let nixos = Self { host, services: RefCell::default() };
        nixos.root("echo '/etc/systemd/system /etc/systemd/system none bind,ro 0 0' >>/etc/fstab").ok();
        nixos.root("mount /etc/systemd/system").ok();
        nixos
    }

    fn root(&self, script: &str) -> Answer {
        self.host.as_root(&["sh", "-ec", script])
    }

    fn evaluate(&self, expression: &str) -> Answer {
        let words = ["nix-instantiate", "--eval", "--strict", "--json", "--read-write-mode", "--expr", expression];
        self.host.as_root(&[&["env", SETTINGS], &words[..]].concat())
    }

    fn systemctl(&self, words: &[&str]) {
        self.host.as_root(&[&["systemctl"], words].concat()).ok();
    }

    /// Makes these instances the declared ones, in the order in which NixOS does: what is gone is stopped by its old unit, then the
    /// new units are there, then what changed is reloaded or started anew, and the rest is started.
    fn switch(&self, instances: &str) {
        let services = format!("{SOURCES}/tests/nix/module/services.nix");
        let expression =
            format!("import {services} {{ configuration.services.ytorch.instances = {{ {instances} }}; }}");
        let told = self.evaluate(&expression);
        assert_eq!(told.code, Some(0), "{told:?}");
        let new: BTreeMap<String, Value> =
            told.json().as_object().expect("services have names").clone().into_iter().collect();
        let old = self.services.replace(new.clone());
        let units = "/etc/systemd/system";
        let mut script = format!("mount -o remount,bind,rw {units}\n");
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            self.systemctl(&["stop", name]);
            let _ = writeln!(script, "rm {units}/{name}* {units}/multi-user.target.wants/{name}.service");
        }
        for (name, service) in &new {
            let stop = service["preStop"].as_str().expect("a service says how it ends");
            let _ = writeln!(
                script,
                "cat >{units}/{name}-stop <<'END'\n#!/bin/sh -e\n{stop}END\nchmod 755 {units}/{name}-stop"
            );
            let _ = writeln!(script, "cat >{units}/{name}.service <<'END'\n{}", unit(service));
            let _ = writeln!(script, "ExecStop={units}/{name}-stop\nEND");
            let _ = writeln!(script, "ln -sf ../{name}.service {units}/multi-user.target.wants/{name}.service");
        }
        let _ = writeln!(script, "mount -o remount,bind,ro {units}\n! touch {units}/x 2>/dev/null");
        let written = self.root(&script);
        assert_eq!(written.code, Some(0), "{written:?}");
        self.systemctl(&["daemon-reload"]);
        for (name, service) in &new {
            match old.get(name) {
                Some(before) if before == service => {}
                Some(_) if service["reloadIfChanged"] == true => self.systemctl(&["reload", name]),
                Some(_) => self.systemctl(&["restart", name]),
                None => self.systemctl(&["start", name]),
            }
        }
    }

    /// The command as root has it on such a machine.
    fn ytorch(&self, words: &[&str]) -> String {
        let command = ["env", "YTORCH_ROOT=/var/lib/ytorch", "YTORCH_SYSTEM_CONFIG=/run", "ytorch"];
        self.host.as_root(&[&command, words].concat()).ok()
    }

    #[track_caller]
    fn answers(&self, name: &str, port: u16) {
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        assert_eq!(self.host.inside(|| client.json("/healthz"))["instance"], name);
    }

    #[track_caller]
    fn is_silent(&self, port: u16) {
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        assert!(self.host.inside(|| client.try_ask("GET", "/healthz", &[], "")).is_err(), "somebody answers on {port}");
    }

    fn states(&self) -> Vec<(String, String)> {
        let listed: Value = serde_json::from_str(&self.ytorch(&["list", "--json"])).expect("a list is JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let instances = listed["instances"].as_array().expect("a list has instances").iter();
        instances.map(|instance| (text(&instance["name"]), text(&instance["state"]))).collect()
    }

    /// A property of the unit that runs a server.
    fn of_server(&self, name: &str, property: &str) -> String {
        let units = format!("systemctl list-units --plain --no-legend 'ytorch*@{name}.service' | cut -d ' ' -f 1");
        self.root(&format!("systemctl show --value --property={property} \"$({units})\"")).ok()
    }
}

/// A service of NixOS as the unit that NixOS writes of it, as far as our module says something.
fn unit(service: &Value) -> String {
    let words = |value: &Value| {
        let list = value.as_array().expect("units are listed").iter().filter_map(Value::as_str);
        list.collect::<Vec<_>>().join(" ")
    };
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (after, wants) = (words(&service["after"]), words(&service["wants"]));
    let mut text = format!("[Unit]\nDescription={}\nAfter={after}\nWants={wants}\n", plain(&service["description"]));
    text.push_str("\n[Service]\n");
    for (name, value) in service["environment"].as_object().expect("an environment has names") {
        let _ = writeln!(text, "Environment=\"{name}={}\"", plain(value));
    }
    for (name, value) in service["serviceConfig"].as_object().expect("a service says what it runs") {
        let _ = writeln!(text, "{name}={}", plain(value));
    }
    text
}
