//! Ports that systemd holds, on a real host: nothing that happens to a server loses a request. The life of an instance
//! from its beginning to its end is told by `story`.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use ytorch_tests::{Client, Host, Machine};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(20);
/// Between two requests of a client, so that all of them stay below the rate that one address may ask at.
const PACE: Duration = Duration::from_millis(25);

/// A host with the image of the server, where alice's instances are quadlets.
struct Sockets {
    host: Host,
    slim: String,
}

#[test]
fn an_idle_instance_starts_at_its_first_request() {
    let sockets = Sockets::on_a_host();
    let one = sockets.create("one", &[]);
    sockets.nobody_checks_on("one");
    sockets.needs_no_reload();
    let two = sockets.create("two", &["--on-demand"]);
    sockets.sleeps_and_wakes("two", two);
    sockets.survives_its_starter(two);
    sockets.comes_back_with_the_manager("two", two);
    sockets.units_are_accepted();
    sockets.waits_for_its_image("one", "two", two);
    sockets.host.must(&["ytorch", "start", "one"]);
    sockets.host.restart();
    for port in [one, two] {
        assert_eq!(sockets.get(port, "/readyz"), 200, "after the restart of the host");
    }
}

#[test]
fn a_running_instance_loses_no_request() {
    let sockets = Sockets::on_a_host();
    let one = sockets.create("one", &[]);
    sockets.under_load(one);
    sockets.is_killed_when_it_hangs("one", one);
    sockets.tells_who_has_its_port("one", one);
}

#[test]
fn three_hundred_idle_instances_cost_next_to_nothing() {
    let sockets = Sockets::on_a_host();
    sockets.create("i0", &["--no-start"]);
    let before = sockets.memory_of_the_manager();
    sockets.multiply(300);
    let began = Instant::now();
    sockets.host.must(&["ytorch", "reconcile", "--all", "--quiet"]);
    let reconciled = began.elapsed();
    let cost = sockets.memory_of_the_manager().saturating_sub(before);
    let began = Instant::now();
    let listed = sockets.host.must(&["ytorch", "list", "--json"]).json();
    let taken = began.elapsed();
    let instances = listed["instances"].as_array().expect("a list has instances");
    assert_eq!(instances.iter().filter(|instance| instance["state"] == "idle").count(), 300, "{listed}");
    println!("300 idle instances: {cost} KiB in the manager, reconciled in {reconciled:?}, listed in {taken:?}");
    let port = instances[299]["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port is a number");
    assert_eq!(sockets.get(port, "/readyz"), 200);
}

impl Sockets {
    fn on_a_host() -> Self {
        let host = Host::boot();
        let slim = host.load_slim();
        Self { host, slim }
    }

    fn create(&self, name: &str, words: &[&str]) -> u16 {
        let port = Machine::port(&self.host);
        let port_word = port.to_string();
        let usual = ["ytorch", "create", name, "--engine=quadlet", "--release", &self.slim, "--port", &port_word];
        self.host.must(&[&usual, words].concat());
        port
    }

    fn get(&self, port: u16, path: &str) -> u16 {
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        self.host.inside(|| client.get(path).status)
    }

    /// A property of a unit of alice's.
    fn property(&self, unit: &str, name: &str) -> String {
        let question = format!("--property={name}");
        self.host.must(&["systemctl", "--user", "show", &question, "--value", unit]).stdout.trim().to_owned()
    }

    fn wait_for(&self, unit: &str, name: &str, wanted: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let value = self.property(unit, name);
            if wanted(&value) {
                return value;
            }
            assert!(Instant::now() < until, "{name} of {unit} stays {value}");
            thread::sleep(POLL);
        }
    }

    fn state(&self, name: &str) -> String {
        let status = self.host.must(&["ytorch", "status", name, "--json"]).json();
        status["state"].as_str().expect("a state is a word").to_owned()
    }

    /// The second instance is served by the units of the first, which systemd has read.
    fn needs_no_reload(&self) {
        let generated =
            || self.host.must(&["systemctl", "--user", "show", "--property=GeneratorsFinishTimestampMonotonic"]).stdout;
        let before = generated();
        self.create("brief", &[]);
        assert_eq!(generated(), before, "systemd has read its files anew");
        self.host.must(&["ytorch", "purge", "brief", "--yes-delete-data-of=brief"]);
    }

    /// It ends when nobody asks, no question about it wakes it, and a request does.
    fn sleeps_and_wakes(&self, name: &str, port: u16) {
        let service = format!("ytorch@{name}.service");
        self.host.must(&["ytorch", "set", name, "--idle", "1"]);
        for _ in 0..2 {
            assert_eq!(self.get(port, "/readyz"), 200);
            self.wait_for(&service, "ActiveState", |state| state == "inactive");
            self.host.must(&["ytorch", "list"]);
            self.host.must(&["ytorch", "validate", name]);
            assert_eq!(self.state(name), "idle");
            assert_eq!(self.property(&service, "ActiveState"), "inactive", "a question has woken it");
            let left = self.host.must(&["podman", "ps", "--all", "--quiet", "--filter", "name=^ytorch-two$"]).stdout;
            assert_eq!(left, "", "its container is still there");
        }
    }

    /// Podman and the container's keeper are killed while they start it.
    fn survives_its_starter(&self, port: u16) {
        let service = "ytorch@two.service";
        for _ in 0..3 {
            self.wait_for(service, "ActiveState", |state| state == "inactive");
            // Something can be killed as soon as it has begun.
            let script = format!(
                "curl --silent --output /dev/null --write-out '%{{http_code}}' http://127.0.0.1:{port}/readyz &
                until systemctl --user kill --signal=KILL --kill-whom=all {service} 2>/dev/null; do :; done
                wait"
            );
            let answer = Machine::shell(&self.host, &script);
            assert_eq!(answer.stdout, "200", "{answer:?}");
        }
    }

    /// Podman starts no process in a container by itself.
    fn nobody_checks_on(&self, name: &str) {
        assert_eq!(self.state(name), "running");
        let timers = self.host.must(&["systemctl", "--user", "list-units", "--all", "--no-legend", "*.timer"]).stdout;
        assert!(!timers.contains("healthcheck"), "{timers}");
    }

    fn comes_back_with_the_manager(&self, name: &str, port: u16) {
        let restarted = self.host.as_root(&["systemctl", "restart", "user@1000.service"]);
        assert_eq!(restarted.code, Some(0), "{restarted:?}");
        assert_eq!(self.get(port, "/readyz"), 200, "after a restart of the manager");
        assert_eq!(self.state(name), "running");
    }

    /// Podman's generator and systemd have nothing to say about what we wrote.
    fn units_are_accepted(&self) {
        let generated = self.host.must(&["/usr/libexec/podman/quadlet", "-dryrun", "-user"]);
        assert!(generated.stdout.contains("---ytorch@.service---"), "{generated:?}");
        let verify =
            ["systemd-analyze", "--user", "--generators=true", "verify", "ytorch@one.service", "ytorch@one.socket"];
        let verified = self.host.must(&verify);
        let words = format!("{}{}", verified.stdout, verified.stderr);
        // The generator does not know that `${YTORCH_IMAGE}` stands for an image's ID.
        let is_about_us = |line: &&str| line.contains("ytorch") && !line.starts_with("quadlet-generator");
        assert_eq!(words.lines().filter(is_about_us).collect::<Vec<_>>(), [""; 0]);
    }

    /// The image is gone, the request waits, and is answered when the image is there again.
    fn waits_for_its_image(&self, running: &str, idle: &str, port: u16) {
        let service = format!("ytorch@{idle}.service");
        self.host.must(&["ytorch", "stop", running]);
        self.wait_for(&service, "ActiveState", |state| state == "inactive");
        self.host.must(&["podman", "image", "rm", "--force", &self.slim]);
        let status = thread::scope(|scope| {
            let asking = scope.spawn(|| self.get(port, "/readyz"));
            self.wait_for(&service, "NRestarts", |count| count.parse::<u32>().is_ok_and(|count| count >= 2));
            let told = self.host.as_alice(&["ytorch", "validate", idle]);
            assert!(told.stdout.contains("image"), "nobody says why it does not start: {told:?}");
            assert_eq!(self.host.load_slim(), self.slim);
            asking.join().expect("who asks does not panic")
        });
        assert_eq!(status, 200);
    }

    /// Restarts, an upgrade and a bad one, while four clients ask.
    fn under_load(&self, port: u16) {
        let bad = self.build("ENTRYPOINT [\"/ytorch-server\", \"nonsense\"]");
        let better = self.build("LABEL x=1");
        let (done, asked) = (AtomicBool::new(false), AtomicU32::new(0));
        let wrong = thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(|| self.ask_until(port, &done, &asked))).collect();
            let end = Ending(&done);
            for _ in 0..2 {
                self.host.must(&["ytorch", "restart", "one"]);
            }
            let refused = self.host.as_alice(&["ytorch", "upgrade", "one", "--release", &bad]);
            assert_eq!(refused.code, Some(4), "{refused:?}");
            self.host.must(&["ytorch", "upgrade", "one", "--release", &better]);
            drop(end);
            asking.into_iter().flat_map(|client| client.join().expect("who asks does not panic")).collect::<Vec<_>>()
        });
        let asked = asked.into_inner();
        assert!(asked > 50, "only {asked} requests");
        assert!(wrong.is_empty(), "of {asked} requests: {wrong:?}");
    }

    /// Everything that was answered otherwise than it should.
    fn ask_until(&self, port: u16, done: &AtomicBool, asked: &AtomicU32) -> Vec<String> {
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        self.host.inside(|| {
            let mut wrong = Vec::new();
            while !done.load(Ordering::Relaxed) {
                match client.try_ask("GET", "/login", &[], "") {
                    Ok(reply) if reply.status == 200 => {}
                    Ok(reply) => wrong.push(format!("{} {}", reply.status, reply.body)),
                    Err(error) => wrong.push(error.to_string()),
                }
                asked.fetch_add(1, Ordering::Relaxed);
                thread::sleep(PACE);
            }
            wrong
        })
    }

    fn build(&self, lines: &str) -> String {
        let script = format!(
            "printf 'FROM localhost/ytorch:slim\\n%s\\n' '{lines}' | podman build --quiet --network=none --format=docker -"
        );
        let built = Machine::shell(&self.host, &script).ok();
        built.lines().last().expect("it says the ID").to_owned()
    }

    /// A server that stands still is killed by the watchdog, and whoever waits is answered by the next one.
    fn is_killed_when_it_hangs(&self, name: &str, port: u16) {
        // The usual patience is half a minute, which no test needs.
        let hurry = "mkdir -p .config/systemd/user/ytorch@one.service.d && printf '[Service]\\nWatchdogSec=8\\n' >.config/systemd/user/ytorch@one.service.d/90-hurry.conf";
        Machine::shell(&self.host, hurry).ok();
        self.host.must(&["systemctl", "--user", "daemon-reload"]);
        self.host.must(&["ytorch", "restart", name]);
        let pid = self.host.must(&["podman", "inspect", "--format={{.State.Pid}}", "ytorch-one"]).stdout;
        let stopped = self.host.as_root(&["kill", "-STOP", pid.trim()]);
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        assert_eq!(self.get(port, "/readyz"), 200);
        assert_eq!(self.property(&format!("ytorch@{name}.service"), "NRestarts"), "1");
    }

    fn tells_who_has_its_port(&self, name: &str, port: u16) {
        self.host.must(&["ytorch", "stop", name]);
        let port_word = port.to_string();
        let other = ["systemd-run", "--user", "--quiet", "--unit=other", "python3", "-m", "http.server", &port_word];
        self.host.must(&other);
        let until = Instant::now() + PATIENCE;
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        while self.host.inside(|| client.try_ask("GET", "/", &[], "").is_err()) {
            assert!(Instant::now() < until, "the other program does not listen");
        }
        let refused = self.host.as_alice(&["ytorch", "start", name]);
        assert_eq!(refused.code, Some(7), "{refused:?}");
        assert!(refused.stderr.contains("python3"), "it does not say who has the port: {refused:?}");
        self.host.must(&["systemctl", "--user", "stop", "other.service"]);
        self.host.must(&["ytorch", "start", name]);
        assert_eq!(self.get(port, "/readyz"), 200);
    }

    /// Makes more instances of the first one: folders of their own, with a name and a port of their own.
    fn multiply(&self, count: u32) {
        let script = format!(
            "cd projectDeployments
            for number in $(seq 1 {}); do
                cp -a i0 i$number
                sed -i -e \"s/^name = .*/name = \\\"i$number\\\"/\" -e \"s/^port = .*/port = $((10000 + number))/\" i$number/config/instance.toml
            done
            sed -i -e 's/^desired = .*/desired = \"on-demand\"/' i*/config/instance.toml",
            count - 1
        );
        Machine::shell(&self.host, &script).ok();
    }

    /// In KiB.
    fn memory_of_the_manager(&self) -> u64 {
        let pid = self.host.as_root(&["systemctl", "show", "--property=MainPID", "--value", "user@1000.service"]).ok();
        let status = self.host.as_root(&["cat", &format!("/proc/{pid}/status")]).ok();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }
}

/// Tells everybody to end, also when a test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
