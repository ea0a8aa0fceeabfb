//! What a server can see and do, as the kernel tells it. What it is told to do, the units' texts show.

use ytorch_tests::Machine;

use crate::{Stage, person::Person};

/// The server of `anna` has no rights and sees nothing of `bert`, as far as its engine promises that.
pub(crate) fn assert_locked_in<M: Machine>(stage: &Stage<M>, anna: &Person, bert: &Person) {
    if stage.engine == "process" {
        return;
    }
    let pid = server(stage, anna.name);
    let status = stage.machine.as_root(&format!("cat /proc/{pid}/status")).ok();
    for line in
        ["NoNewPrivs:\t1", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapBnd:\t0000000000000000"]
    {
        assert!(status.contains(line), "{line} is not in\n{status}");
    }
    if stage.engine == "native" {
        let exposure = "systemd-analyze --user security --no-pager ytorch-native@anna.service | tail -n 1";
        println!("{}", stage.machine.shell(exposure).ok());
    }
    assert_not_visible(stage, pid, bert);
    assert_read_only(stage, pid);
    let has_systemd = stage.machine.as_root("test -d /run/systemd/system").code == Some(0);
    if has_systemd && stage.engine != "native" {
        let devices = stage.machine.as_root(&format!("tail -n +3 /proc/{pid}/net/dev")).ok();
        assert!(devices.lines().all(|line| line.trim().starts_with("lo:")), "it has a network:\n{devices}");
    }
}

/// The process of the server itself; Podman's units are those of the container's keeper.
fn server<M: Machine>(stage: &Stage<M>, name: &str) -> u64 {
    if stage.engine == "native" {
        return stage.server(name);
    }
    let container = format!("$(podman ps --quiet --filter label=dev.ytorch.instance={name})");
    let told = stage.machine.shell(&format!("podman inspect --format '{{{{.State.Pid}}}}' {container}")).ok();
    told.parse().unwrap_or_else(|_| panic!("no server runs: {told}"))
}

/// Nothing of the other one's folder is anywhere in what the server sees.
fn assert_not_visible<M: Machine>(stage: &Stage<M>, pid: u64, other: &Person) {
    let root = stage.machine.root();
    let mounts = stage.machine.as_root(&format!("cat /proc/{pid}/mountinfo")).ok();
    assert!(!mounts.contains(&format!("{root}/{}", other.name)), "{mounts}");
    let seen = stage.machine.as_root(&format!("ls -A /proc/{pid}/root{root} 2>/dev/null || true")).ok();
    assert!(!seen.contains(other.name), "{seen}");
}

/// It cannot change its own program, its settings, or what is outside of its folders.
fn assert_read_only<M: Machine>(stage: &Stage<M>, pid: u64) {
    let config =
        if stage.engine == "native" { format!("{}/anna/config", stage.machine.root()) } else { "/config".to_owned() };
    let mounts = stage.machine.as_root(&format!("cat /proc/{pid}/mountinfo")).ok();
    for place in ["/", &config] {
        let line = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some(place));
        let options = line.and_then(|line| line.split(' ').nth(5)).expect("every folder is mounted");
        assert!(options.split(',').any(|option| option == "ro"), "`{place}` can be written: {options}");
    }
}

/// No unit and no container of any instance is left.
pub(crate) fn assert_nothing_left<M: Machine>(stage: &Stage<M>) {
    if matches!(stage.engine, "quadlet" | "podman") {
        let left = stage.machine.shell("podman ps --all --quiet --filter label=dev.ytorch.instance").ok();
        assert_eq!(left, "");
    }
    if stage.machine.as_root("test -d /run/systemd/system").code == Some(0) {
        let units = "systemctl --user list-units --all --plain --no-legend 'ytorch*@*'";
        assert_eq!(stage.machine.shell(units).ok(), "");
    }
}
