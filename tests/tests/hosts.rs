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
    let format =
        "{{.Config.User}} {{.Config.StopSignal}} {{json .Config.Healthcheck.Test}} {{json .Config.Entrypoint}}";
    let config = host.as_alice(&["podman", "image", "inspect", "--format", format, &release]).ok();
    let health = r#"["CMD","/ytorch-server","health","--instance-dir","/"]"#;
    assert_eq!(config, format!("1000:1000 SIGTERM {health} [\"/ytorch-server\"]"));
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
fn images_are_loaded_and_listed_by_ytorch() {
    let host = Host::boot();
    assert!(host.as_alice(&["ytorch", "image", "list"]).ok().contains("no image of ytorch"));
    let loaded = host.as_alice(&["ytorch", "image", "load", "/images/ytorch-slim.tar", "--json"]);
    let release = loaded.json()["id"].as_str().expect("it says the ID").to_owned();
    let known =
        host.as_alice(&["podman", "image", "inspect", "--format", "sha256:{{.Id}}", "localhost/ytorch:slim"]).ok();
    assert_eq!(release, known);
    let listed = host.as_alice(&["ytorch", "image", "list", "--json"]).json();
    let image = &listed["images"][0];
    assert_eq!((image["id"].as_str(), image["target"].as_str()), (Some(release.as_str()), Some("slim")), "{listed}");
    let bytes = image["size_bytes"].as_u64().expect("it says the size");
    assert!((1_000_000..=30_000_000).contains(&bytes), "the image slim may take 30 MB, and takes {bytes}");
    // What is loaded twice is there once.
    host.as_alice(&["ytorch", "image", "load", "/images/ytorch-slim.tar"]).ok();
    let again = host.as_alice(&["ytorch", "image", "list", "--json"]).json();
    assert_eq!(again["images"].as_array().map(Vec::len), Some(1), "{again}");
    let broken = host.as_alice(&["ytorch", "image", "load", "/etc/hostname"]);
    assert!(broken.code == Some(2) && broken.stderr.contains("no archive of an image"), "{broken:?}");
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
