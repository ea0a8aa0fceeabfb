//! Upgrades and the way back, with the real programs on the embedded engine. What systemd and Podman do is not seen here.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by it")]

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;
use ytorch_tests::{Answer, Client, Recipe, Ytorch, instance::signal, programs};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(2);

const RELEASE: &str = include_str!("upgrade/release.py");

/// An instance with views, and releases it may be upgraded to.
struct Case {
    ytorch: Ytorch,
    views: Value,
}

impl Case {
    fn new() -> Self {
        let ytorch = Ytorch::new();
        ytorch.create("one", &["--time-zone", "UTC"]);
        ytorch.must(&["ingest", "--instance=one", Recipe::new(500, 9).json().files[0].to_str().unwrap()]);
        let views = ytorch.client("one").json("/api/v1/history/summary")["views"].clone();
        assert!(views.as_u64().unwrap() > 100);
        Self { ytorch, views }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.ytorch.root().join("one").join(path)
    }

    fn program(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.ytorch.root().join(format!("../{name}"));
        fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The real server as another release: what follows a program's end is no part of it.
    fn good(&self, name: &str) -> String {
        let mut bytes = fs::read(programs::server()).unwrap();
        bytes.extend_from_slice(name.as_bytes());
        self.program(name, &bytes)
    }

    /// A stand-in for another release.
    fn release(&self, behaviour: &str) -> String {
        let real = programs::server();
        let text = RELEASE.replace("@BEHAVIOUR@", behaviour).replace("@REAL@", real.to_str().unwrap());
        self.program(&format!("release {behaviour}"), text.as_bytes())
    }

    fn spec(&self) -> toml::Table {
        fs::read_to_string(self.file("config/instance.toml")).unwrap().parse().unwrap()
    }

    fn client(&self) -> Client {
        self.ytorch.client("one")
    }

    /// The instance runs what its spec says, has every view, and nothing is left to do.
    fn assert_whole(&self) {
        assert!(!self.spec().contains_key("trial"), "{:?}", self.spec());
        let status = self.ytorch.must(&["status", "one", "--json"]).json();
        assert_eq!((&status["state"], &status["upgrade"]), (&"running".into(), &Value::Null), "{status}");
        assert_eq!(self.client().json("/api/v1/history/summary")["views"], self.views);
        let again = self.ytorch.must(&["reconcile", "one", "--json"]).json();
        assert_eq!(again["instances"][0]["changed"], false, "{again}");
    }

    /// The version of the server, if one answers.
    fn version(&self) -> Option<String> {
        let port = self.spec()["port"].as_integer()?;
        let client = Client::new(&format!("http://127.0.0.1:{port}"), None);
        let reply = client.try_ask("GET", "/healthz", &[], "").ok()?;
        reply.json()["version"].as_str().map(str::to_owned)
    }

    fn logs_kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("logs")).unwrap().flatten();
        let paths = entries.map(|entry| entry.path());
        let is_kept = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("rollback-");
        paths.filter(is_kept).map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    /// The kept programs.
    fn kept(&self) -> usize {
        fs::read_dir(self.ytorch.root().join(".programs")).map_or(0, Iterator::count)
    }

    /// `ytorch upgrade` to a release in the background.
    fn upgrading(&self, release: &str) -> Child {
        let mut command = self.ytorch.command(&["upgrade", "one", "--release", release]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

#[test]
fn a_good_release_stays_and_one_can_go_back_and_forth() {
    let case = Case::new();
    let told = case.ytorch.must(&["upgrade", "one"]);
    assert!(told.stdout.contains("nothing changes"), "{told:?}");
    let good = case.good("good");
    let dry = case.ytorch.must(&["upgrade", "one", "--release", &good, "--dry-run"]).stdout;
    for words in ["would copy the database", "would write", "would start the server"] {
        assert!(dry.contains(words), "{words} is not in {dry}");
    }
    assert!(!case.spec().contains_key("release"));
    let upgraded = case.ytorch.must(&["upgrade", "one", "--release", &good, "--json"]).json();
    assert_eq!(upgraded["changed"], true);
    case.assert_whole();
    assert!(case.file("backups/.upgrade-a").is_file());
    assert_eq!(case.ytorch.must(&["upgrade", "one", "--release", &good, "--json"]).json()["changed"], false);
    let (old, new) = (upgraded["previous_release"].clone(), upgraded["release"].clone());
    let back = case.ytorch.must(&["rollback", "one", "--json"]).json();
    assert_eq!((&back["release"], &back["previous_release"]), (&old, &new));
    case.assert_whole();
    assert_eq!(case.ytorch.must(&["rollback", "one", "--json"]).json()["release"], new);
    case.assert_whole();
    assert_eq!(case.kept(), 2);
    case.ytorch.must(&["upgrade", "one", "--release", &case.good("better")]);
    assert_eq!(case.kept(), 2, "a program that nobody needs was kept");
    case.ytorch.must(&["teardown", "one"]);
    assert_eq!(case.kept(), 0);
}

#[test]
fn a_bad_release_goes_back_with_the_database_and_says_why() {
    let case = Case::new();
    let cut = fs::read(programs::server()).unwrap();
    let half = case.program("half", &cut[..64 * 1024]);
    let bad = [
        (case.release("exits"), "does not like it here"),
        (case.release("unready"), "never ready"),
        (case.release("broken-page"), "GET /history is answered 500"),
        (case.release("migrates broken-page"), "GET /history is answered 500"),
        (case.release("migrates exits"), "does not like it here"),
        (case.program("a text", b"no program"), "could not be started"),
        (half, ""),
    ];
    for (number, (release, why)) in bad.iter().enumerate() {
        let answer = case.ytorch.run(&["upgrade", "one", "--release", release, "--patience", "6"]);
        failed(&answer, 4);
        assert!(answer.stderr.contains(why) && answer.stderr.contains("again"), "{release}: {answer:?}");
        case.assert_whole();
        assert!(!case.spec().contains_key("previous_release"));
        let log = case.logs_kept().into_iter().find(|log| log.contains(why) && !log.is_empty());
        assert!(log.is_some(), "{release}: no log was kept: {:?}", case.logs_kept());
        // Two that fail within one second share a file.
        assert!((1..=number + 1).contains(&case.logs_kept().len()));
    }
    case.ytorch.must(&["upgrade", "one", "--release", &case.good("good")]);
    case.assert_whole();
}

#[test]
fn a_release_that_changed_the_database_is_left_only_with_the_copy() {
    let case = Case::new();
    let newer = case.release("migrates");
    case.ytorch.must(&["upgrade", "one", "--release", &newer]);
    assert_eq!(case.ytorch.must(&["status", "one", "--json"]).json()["version"], "9.9.9");
    let refused = case.ytorch.run(&["rollback", "one"]);
    failed(&refused, 8);
    assert!(refused.stderr.contains("a newer version") && refused.stderr.contains("--with-database"), "{refused:?}");
    assert_eq!(case.ytorch.must(&["status", "one", "--json"]).json()["version"], "9.9.9");
    let back = case.ytorch.must(&["rollback", "one", "--with-database", "--json"]).json();
    case.assert_whole();
    assert!(Path::new(back["kept_database"].as_str().unwrap()).is_file(), "{back}");
    failed(&case.ytorch.run(&["rollback", "one", "--with-database"]), 8);
}

#[test]
fn an_instance_that_does_not_run_gets_its_release_without_a_trial() {
    let case = Case::new();
    case.ytorch.must(&["stop", "one"]);
    failed(&case.ytorch.run(&["rollback", "one"]), 8);
    failed(&case.ytorch.run(&["upgrade", "one", "--release", "/no/such/program"]), 6);
    let told = case.ytorch.must(&["upgrade", "one", "--release", &case.good("good")]).stdout;
    assert!(told.contains("from its next start on"), "{told}");
    assert_eq!(case.ytorch.must(&["status", "one", "--json"]).json()["state"], "stopped");
    case.ytorch.must(&["backup", "one"]);
    case.ytorch.must(&["start", "one"]);
    case.assert_whole();
}

#[test]
fn an_upgrade_that_is_killed_anywhere_is_settled_by_the_next_command() {
    let case = Case::new();
    let has_copy = |case: &Case| fs::read_dir(case.file("backups")).is_ok_and(|entries| entries.count() > 0);
    let on_trial = |case: &Case| case.spec().contains_key("trial");
    let reached: [fn(&Case) -> bool; 4] = [|_| true, |case| case.kept() > 0, has_copy, on_trial];
    for (number, reached) in reached.iter().enumerate() {
        let mut upgrade = case.upgrading(&case.good(&format!("good {number}")));
        let until = Instant::now() + PATIENCE;
        while !reached(&case) && upgrade.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "the point {number} was not reached");
        }
        upgrade.kill().unwrap();
        upgrade.wait().unwrap();
        case.ytorch.must(&["reconcile", "one"]);
        case.assert_whole();
    }
}

#[test]
fn an_upgrade_that_was_killed_is_told_of_and_goes_back() {
    let case = Case::new();
    for (release, verb) in [("unready", "start"), ("migrates unready", "restart"), ("unready ", "upgrade")] {
        let mut upgrade = case.upgrading(&case.release(release));
        let until = Instant::now() + PATIENCE;
        let runs = || case.version().is_some_and(|version| version == "9.9.9");
        while !runs() {
            assert!(Instant::now() < until && upgrade.try_wait().unwrap().is_none(), "it was never tried");
            thread::sleep(Duration::from_millis(20));
        }
        failed(&case.ytorch.run(&["restart", "one"]), 5);
        upgrade.kill().unwrap();
        upgrade.wait().unwrap();
        let told = case.ytorch.run(&["status", "one"]).stdout;
        assert!(told.contains("was interrupted: ytorch reconcile one"), "{told}");
        let checks = case.ytorch.run(&["validate", "one"]).stdout;
        assert!(checks.contains("is not finished"), "{checks}");
        let settled = case.ytorch.must(&[verb, "one"]);
        assert!(settled.stderr.contains("goes back"), "{settled:?}");
        case.assert_whole();
    }
}

#[test]
fn a_copy_that_is_not_finished_spares_the_one_before() {
    let case = Case::new();
    case.ytorch.must(&["upgrade", "one", "--release", &case.release("stuck-snapshot")]);
    let copy = fs::read(case.file("backups/.upgrade-a")).unwrap();
    let mut upgrade = case.upgrading(&case.good("good"));
    let until = Instant::now() + PATIENCE;
    let copying = || programs::processes_with(&case.file(""), "python3");
    let is_snapshot = |process: &u32| {
        fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|line| line.windows(8).any(|words| words == b"snapshot"))
    };
    let process = loop {
        if let Some(process) = copying().into_iter().find(is_snapshot) {
            break process;
        }
        assert!(Instant::now() < until && upgrade.try_wait().unwrap().is_none(), "nobody copies the database");
        thread::sleep(Duration::from_millis(10));
    };
    upgrade.kill().unwrap();
    upgrade.wait().unwrap();
    signal(process, Signal::KILL);
    assert!(!case.spec().contains_key("trial"));
    assert_eq!(fs::read(case.file("backups/.upgrade-a")).unwrap(), copy);
    assert!(!case.file("backups/.upgrade-b").exists());
    let again = case.ytorch.must(&["reconcile", "one", "--json"]).json();
    assert_eq!(again["instances"][0]["changed"], false, "{again}");
}

#[test]
fn requests_are_answered_by_one_release_or_the_other() {
    let case = Case::new();
    let client = case.client();
    let done = Arc::new(AtomicBool::new(false));
    let asking = {
        let (client, done) = (client.clone(), Arc::clone(&done));
        thread::spawn(move || {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) {
                // Without somebody who holds the port there is a moment in which nobody answers.
                if let Ok(reply) = client.try_ask("GET", "/api/v1/history/summary", &[], "") {
                    seen.push((reply.status, reply.json()["views"].clone()));
                }
            }
            seen
        })
    };
    case.ytorch.must(&["upgrade", "one", "--release", &case.good("good")]);
    failed(&case.ytorch.run(&["upgrade", "one", "--release", &case.release("exits")]), 4);
    case.assert_whole();
    done.store(true, Ordering::Relaxed);
    let seen = asking.join().unwrap();
    assert!(seen.len() > 10);
    // Whoever is under way when a server stops is answered or hears that it stops.
    assert!(seen.iter().all(|(status, views)| *status == 200 && *views == case.views || *status == 503), "{seen:?}");
}

#[test]
fn the_first_that_is_not_good_spares_the_others() {
    let case = Case::new();
    case.ytorch.create("two", &[]);
    let answer = case.ytorch.run(&["upgrade", "--all", "--release", &case.release("exits"), "--json"]);
    assert_eq!(answer.code, Some(4), "{answer:?}");
    assert_eq!(answer.json()["instances"].as_array().unwrap().len(), 1);
    let answer = case.ytorch.must(&["upgrade", "--all", "--release", &case.good("good"), "--json"]).json();
    let changed: Vec<&Value> = answer["instances"].as_array().unwrap().iter().map(|one| &one["changed"]).collect();
    assert_eq!(changed, [&Value::Bool(true), &Value::Bool(true)]);
    case.assert_whole();
}

fn failed(answer: &Answer, code: i32) {
    assert_eq!(answer.code, Some(code), "{answer:?}");
    assert!(answer.stderr.contains("hint") && !answer.stderr.contains("panicked"), "{answer:?}");
}
