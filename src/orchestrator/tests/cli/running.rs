//! Start, stop, restart and what is seen meanwhile, with a stand-in server. It never imports.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
};

use super::{Ended, Root, write};

fn signal(pid: u64, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

/// Waits for something that is sure to come; a test that hangs here has failed.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{what} did not come");
}

fn state(root: &Root) -> String {
    root.run(&["status", "friend", "--json"]).ok().json()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_story_of_one_instance() {
    let root = Root::created("friend");
    let started = root.run(&["start", "friend", "--json"]).ok().json();
    assert_eq!(started["changed"], true);
    let seen = root.run(&["status", "friend", "--json"]).ok().json();
    assert_eq!((&seen["state"], &seen["version"]), (&"running".into(), &"9.9.9".into()));
    let again = root.run(&["start", "friend", "--json"]).ok().json();
    assert_eq!((&again["changed"], again["actions"].as_array().unwrap().len()), (&false.into(), 0));
    let link = root.run(&["open", "friend", "--json"]).ok().json()["url"].clone();
    assert_eq!(link, format!("{}/login?code=abc", seen["url"].as_str().unwrap()));
    assert!(root.run(&["list"]).ok().stdout.contains("running"));
    let first = root.report("friend")["pid"].clone();
    root.run(&["restart", "friend"]).ok();
    assert_ne!(root.report("friend")["pid"], first);
    assert!(root.run(&["logs", "friend", "-n", "1"]).ok().stdout.starts_with("ready on "));
    root.run(&["stop", "friend"]).ok();
    assert_eq!(state(&root), "stopped");
    assert_eq!(root.run(&["stop", "friend", "--json"]).ok().json()["changed"], false);
    root.run(&["open", "friend"]).fails(4, &["ytorch start friend"]);
    assert!(!root.file("friend/run/supervisor.json").exists());
}

#[test]
fn a_server_that_dies_is_started_again() {
    let root = Root::running("friend");
    let report = root.report("friend");
    signal(report["server_pid"].as_u64().unwrap(), "KILL");
    wait_until("another server", || {
        let now = root.report("friend");
        now["restarts"] == 1 && now["server_pid"].is_u64()
    });
    wait_until("its answer", || state(&root) == "running");
    assert_eq!(root.report("friend")["pid"], report["pid"]);
}

#[test]
fn an_orphan_is_seen_and_replaced_or_stopped() {
    let root = Root::running("friend");
    for verb in ["start", "restart", "stop"] {
        let report = root.report("friend");
        signal(report["pid"].as_u64().unwrap(), "KILL");
        wait_until("the orphan", || state(&root) == "unhealthy");
        let seen = root.run(&["status", "friend", "--json"]).ok().json();
        assert_eq!(seen["pid"], report["server_pid"]);
        let ended = root.run(&[verb, "friend"]).ok();
        assert!(ended.stderr.contains("lost its supervisor"), "{}", ended.stderr);
        assert_eq!(state(&root), if verb == "stop" { "stopped" } else { "running" });
    }
}

#[test]
fn a_stale_pid_is_healed_and_its_new_owner_left_alone() {
    let root = Root::running("friend");
    let mut report = root.report("friend");
    root.run(&["stop", "friend"]).ok();
    let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
    report["pid"] = stranger.id().into();
    write(root.file("friend/run/supervisor.json"), report.to_string()).unwrap();
    write(root.file("friend/run/supervisor.lock"), stranger.id().to_string()).unwrap();
    assert!(root.run(&["validate", "friend"]).ok().stdout.contains("stale process id"));
    let ended = root.run(&["start", "friend"]).ok();
    assert!(ended.stderr.contains("no longer ours"), "{}", ended.stderr);
    root.run(&["stop", "friend"]).ok();
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_server_that_cannot_start_is_told_at_once_in_its_own_words() {
    let root = Root::created("friend");
    write(root.file("friend/config/die-with"), "3").unwrap();
    root.run(&["start", "friend"]).fails(4, &["exit status 3", "the setting `time_zone` is wrong"]);
    assert_eq!(state(&root), "failed");
    assert_eq!(root.run(&["validate", "friend"]).code, 3);
    fs::remove_file(root.file("friend/config/die-with")).unwrap();
    root.run(&["start", "friend"]).ok();
    assert_eq!(state(&root), "running");
}

#[test]
fn a_server_program_that_is_none_is_told_at_once() {
    let root = Root::created("friend");
    let file = root.file("no-program");
    write(&file, "text").unwrap();
    let mut command = root.command(&["start", "friend"]);
    let ended = Ended::of(command.env("YTORCH_SERVER", file).output().unwrap());
    ended.fails(4, &["could not be started", "ytorch start friend"]);
    assert_eq!(state(&root), "failed");
}

#[test]
fn a_relative_server_path_means_the_callers_folder() {
    let root = Root::created("friend");
    std::os::unix::fs::symlink(super::stand_in_server(), root.file("server")).unwrap();
    let mut command = root.command(&["start", "friend"]);
    Ended::of(command.env("YTORCH_SERVER", "./server").current_dir(root.path()).output().unwrap()).ok();
}

#[test]
fn a_taken_port_is_named_with_its_owner_and_mended_by_the_spec() {
    let root = Root::created("friend");
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].as_u64().unwrap();
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).unwrap();
    let own = format!("pid {}", std::process::id());
    root.run(&["start", "friend"]).fails(7, &[&own, "instance.toml"]);
    drop(listener);
    root.run(&["start", "friend"]).ok();
    let spec = root.file("friend/config/instance.toml");
    let other = super::free_port();
    let text = fs::read_to_string(&spec).unwrap().replace(&format!("port = {port}"), &format!("port = {other}"));
    write(&spec, text).unwrap();
    let url = root.run(&["start", "friend", "--json"]).ok().json()["url"].clone();
    assert_eq!(url, format!("http://127.0.0.1:{other}"));
    assert_eq!(state(&root), "running");
}

#[test]
fn a_busy_instance_says_who_holds_it() {
    let root = Root::created("friend");
    let mut lock = fs::File::create(root.file("friend/.lock")).unwrap();
    lock.lock().unwrap();
    write!(lock, "4711 ytorch start").unwrap();
    root.run(&["start", "friend"]).fails(5, &["`ytorch start` (pid 4711)"]);
}

#[test]
fn followed_logs_end_with_their_reader() {
    let root = Root::running("friend");
    let mut command = root.command(&["logs", "friend", "-f"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("ready on "), "{line}");
    drop(reader);
    let mut log = fs::OpenOptions::new().append(true).open(root.file("friend/logs/ytorch-server.log")).unwrap();
    writeln!(log, "one more").unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_server_whose_run_folder_is_gone_is_found_stopped_and_started() {
    let root = Root::running("friend");
    let supervisor = root.report("friend")["pid"].as_u64().unwrap();
    let lose_run = || fs::remove_dir_all(root.file("friend/run")).unwrap();
    lose_run();
    assert_eq!(state(&root), "unhealthy");
    let export = root.file("x.json");
    write(&export, "[]").unwrap();
    root.run(&["ingest", "--instance=friend", export.to_str().unwrap()]).ok();
    root.run(&["stop", "friend"]).ok();
    assert!(!is_supervisor(supervisor), "the supervisor would start the server again");
    assert_eq!(state(&root), "stopped");
    root.run(&["start", "friend"]).ok();
    lose_run();
    root.run(&["start", "friend"]).ok();
    assert_eq!(state(&root), "running");
    lose_run();
    root.run(&["teardown", "friend", "--purge", "--yes-delete-data-of=friend"]).ok();
    assert!(!root.file("friend").exists());
}

#[test]
fn a_port_that_was_edited_to_that_of_another_instance_is_refused_by_name() {
    let root = Root::created("friend");
    let port = super::free_port().to_string();
    root.run(&["create", "other", "--no-start", "--port", &port]).ok();
    let path = root.file("friend/config/instance.toml");
    let spec = fs::read_to_string(&path).unwrap();
    let edited: Vec<&str> = spec.lines().filter(|line| !line.starts_with("port")).collect();
    write(&path, format!("{}\nport = {port}\n", edited.join("\n"))).unwrap();
    let before = fs::read(&path).unwrap();
    root.run(&["start", "friend"]).fails(7, &["belongs to the instance `other`", "instance.toml"]);
    assert_eq!(fs::read(&path).unwrap(), before, "a refused start changed the spec");
}

/// Whether a process is a supervisor; what has ended and was not waited for yet has no arguments.
fn is_supervisor(pid: u64) -> bool {
    fs::read(format!("/proc/{pid}/cmdline"))
        .is_ok_and(|words| words.split(|byte| *byte == 0).any(|word| word == b"supervise"))
}
