//! An update of the system under running instances. Without a network nothing newer can be fetched, so each file that an update
//! of the packages brings is replaced by a new one of the same content, as `dpkg` does it, and what an update starts anew is.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    thread,
    time::Duration,
};

use ytorch_tests::{Client, Host, Machine};

/// Between two requests of a client, so that both stay below the rate that one address may ask at.
const PACE: Duration = Duration::from_millis(20);

/// Writes every file of these packages anew and puts it in the place of the old by a rename.
const REPLACES: &str = "
import os, shutil, subprocess
packages = 'libc6 libssl3t64 libsystemd0 libsystemd-shared systemd dbus-daemon podman conmon crun passt'.split()
files = subprocess.run(['dpkg', '-L', *packages], check=True, capture_output=True, text=True).stdout.split('\\n')
files = {os.path.realpath(file) for file in files if os.path.isfile(file)}
for file in files:
    shutil.copy2(file, file + '.dpkg-new')
    os.replace(file + '.dpkg-new', file)
print(len(files))
";

#[test]
fn an_update_of_the_system_costs_no_request() {
    let host = Host::boot();
    let image = host.load_slim();
    let create = |name: &str, words: &[&str]| {
        let port = Machine::port(&host);
        let port_word = port.to_string();
        host.must(&[&["ytorch", "create", name, "--port", &port_word], words].concat());
        port
    };
    let ports = [create("inside", &["--engine=quadlet", "--release", &image]), create("beside", &["--engine=native"])];
    let inode = || Machine::shell(&host, "stat --format=%i /usr/bin/podman /lib/x86_64-linux-gnu/libc.so.6").ok();
    let processes = || Machine::as_root(&host, "pgrep --exact ytorch-server | sort").ok();
    let hashes = || Machine::as_root(&host, "sha256sum /home/alice/projectDeployments/.programs/*/ytorch-server").ok();
    let before = (inode(), processes(), hashes());

    let (done, asked) = (AtomicBool::new(false), AtomicU32::new(0));
    let wrong = thread::scope(|scope| {
        let (host, done, asked) = (&host, &done, &asked);
        let asking = ports.map(|port| scope.spawn(move || ask_until(host, port, done, asked)));
        let end = Ending(done);
        let replaced = host.as_root(&["python3", "-c", REPLACES]).ok();
        assert!(replaced.parse::<u32>().is_ok_and(|count| count > 500), "only {replaced} files were replaced");
        host.as_root(&["ldconfig"]).ok();
        host.as_root(&["systemctl", "daemon-reexec"]).ok();
        host.must(&["systemctl", "--user", "daemon-reexec"]);
        host.must(&["systemctl", "--user", "daemon-reload"]);
        drop(end);
        asking.map(|client| client.join().expect("who asks does not panic")).concat()
    });
    let asked = asked.into_inner();
    assert!(asked > 20, "only {asked} requests");
    assert!(wrong.is_empty(), "of {asked} requests: {wrong:?}");
    assert_ne!(inode(), before.0, "nothing was replaced");
    assert_eq!((processes(), hashes()), (before.1, before.2.clone()), "the update touched an instance");

    // What is started from now on stands on what the update brought.
    for (name, port) in ["inside", "beside"].into_iter().zip(ports) {
        let settled = host.must(&["ytorch", "reconcile", name, "--json"]).json();
        assert_eq!(settled["instances"][0]["changed"], false, "{settled}");
        host.must(&["ytorch", "restart", name]);
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        assert_eq!(host.inside(|| client.get("/readyz").status), 200);
    }
    assert_eq!(host.must(&["podman", "inspect", "--format={{.Image}}", "ytorch-inside"]).ok(), image);
    assert_eq!(hashes(), before.2);
}

/// Everything that was answered otherwise than it should.
fn ask_until(host: &Host, port: u16, done: &AtomicBool, asked: &AtomicU32) -> Vec<String> {
    let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
    host.inside(|| {
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

/// Tells everybody to end, also when a test fails.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
