//! Real machines: systemd, rootless Podman and the image of the server work on the hosts that the other tests stand on.
//! It makes no instance.

use std::{
    fs::{self, File},
    io::Write as _,
};

use tempfile::TempDir;
use ytorch_tests::Host;

#[test]
fn a_host_boots_and_alice_runs_the_image_without_rights() {
    let host = Host::boot();
    let failed = || host.as_root(&["systemctl", "--failed"]);
    assert_eq!(host.as_root(&["systemctl", "is-system-running"]).stdout.trim(), "running", "{:?}", failed());
    assert_eq!(host.as_alice(&["systemctl", "--user", "is-system-running"]).ok(), "running");
    assert_eq!(host.as_alice(&["id", "-un"]).ok(), "alice");
    let info = ["podman", "info", "--format", "{{.Host.Security.Rootless}} {{.Store.GraphDriverName}}"];
    assert_eq!(host.as_alice(&info).ok(), "true overlay");

    let release = host.load_slim();
    let run = ["podman", "run", "--rm", "--read-only", "--network=none", "--userns=keep-id", "--cap-drop=all"];
    let told = host.as_alice(&[&run[..], &[&release, "--version"]].concat()).ok();
    let ours = host.as_alice(&["ytorch-server", "--version"]).ok();
    assert_eq!(told, ours, "the image is of another version than the program");
    // Nothing else is in it: no shell, no library.
    let shell = host.as_alice(&[&run[..], &["--entrypoint=/bin/sh", &release, "-c", "true"]].concat());
    assert_eq!(shell.code, Some(127), "{shell:?}");
}

#[test]
fn a_host_keeps_its_files_and_images_over_restarts() {
    let host = Host::boot();
    let release = host.load_slim();
    let folder = TempDir::with_prefix("ytorch-tests-").expect("the folder for temporary files works");
    let file = folder.path().join("letter");
    File::create(&file).and_then(|mut file| file.write_all(b"to alice")).expect("a file can be written");
    host.give(&file, "letter");
    assert_eq!(host.as_alice(&["stat", "--format=%U %s", "letter"]).ok(), "alice 8");
    let boot = || host.as_root(&["cut", "-d", " ", "-f", "22", "/proc/1/stat"]).ok();
    let first = boot();
    host.restart();
    assert_ne!(boot(), first, "it did not restart");
    host.crash();
    assert_eq!(host.as_alice(&["podman", "image", "exists", &release]).ok(), "");
    let back = folder.path().join("back");
    host.take("/home/alice/letter", &back);
    assert_eq!(fs::read_to_string(back).expect("the folder for temporary files works"), "to alice");
}

#[test]
fn hosts_side_by_side_reach_each_other_and_share_nothing() {
    let (one, other) = (Host::boot(), Host::boot());
    assert_ne!(one.address(), other.address());
    one.as_root(&["touch", "/home/alice/mine"]).ok();
    assert_eq!(other.as_alice(&["test", "-e", "/home/alice/mine"]).code, Some(1));
    one.as_alice(&["systemd-run", "--user", "--quiet", "python3", "-m", "http.server", "8080", "--directory=/etc"])
        .ok();
    let url = format!("http://{}:8080/hostname", one.address());
    let ask = ["curl", "--silent", "--fail", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", &url];
    let page = other.as_alice(&ask).ok();
    assert_eq!(page, one.as_root(&["cat", "/etc/hostname"]).ok());
}
