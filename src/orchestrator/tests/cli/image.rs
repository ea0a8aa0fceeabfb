//! `ytorch image` with a stand-in for Podman that answers as versions 4.3 and 5.4 did. It never runs the real one.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use super::{Ended, Root, write};

const IDENTITY: &str = "50d48cae94a50eaa3692f4dd5d10417ba76a0a56421b6c79dafe57e6b7fb7197";
const OTHER: &str = "c1e7d00025fa6b9f94fef40e1302622c3e34b04bdc2721756b8ceb1b46a2ba14";

/// A root with a Podman that writes its arguments down and then does what this shell text says.
struct Stage {
    root: Root,
}

impl Stage {
    fn new(script: &str) -> Self {
        let root = Root::new();
        let program = root.file(".podman");
        let text = format!("#!/bin/sh\necho \"$*\" >>\"$0.told\"\n{script}\n");
        write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    fn run(&self, words: &[&str]) -> Ended {
        Ended::of(self.root.command(words).env("YTORCH_PODMAN", self.root.file(".podman")).output().unwrap())
    }

    /// What Podman was told, a line for each time.
    fn told(&self) -> Vec<String> {
        let text = fs::read_to_string(self.root.file(".podman.told")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A folder that looks like the source of ytorch, without a history.
    fn source(&self) -> PathBuf {
        let folder = self.root.file(".source");
        fs::create_dir_all(&folder).unwrap();
        write(folder.join("Containerfile"), "FROM scratch\n").unwrap();
        folder
    }
}

/// An item of `podman image ls` as 4.3 writes it, with labels.
fn listed(identity: &str, created: i64) -> String {
    let labels = r#"{"dev.ytorch.target":"slim","org.opencontainers.image.version":"0.1.0","org.opencontainers.image.revision":"abc"}"#;
    format!(
        r#"{{"Id":"{identity}","ParentId":"","RepoTags":null,"Size":16123456,"SharedSize":0,"Labels":{labels},"Containers":0,"Names":["localhost/ytorch:slim"],"Created":{created}}}"#
    )
}

/// The answer of `podman image inspect` as both versions write it.
fn inspected(labels: &str) -> String {
    format!(
        r#"[{{"Id":"{IDENTITY}","RepoTags":["localhost/ytorch:slim"],"Size":16123456,"Created":"2026-11-21T13:46:12Z","Labels":{labels}}}]"#
    )
}

const OURS: &str = r#"{"dev.ytorch.target":"slim","org.opencontainers.image.version":"0.1.0"}"#;

#[test]
fn a_list_shows_who_uses_what_and_what_is_missing() {
    let list = format!("echo '[{},{}]'", listed(OTHER, 1_795_267_000), listed(IDENTITY, 1_795_267_809));
    let stage = Stage::new(&list);
    for (name, engine, release) in
        [("anna", "quadlet", IDENTITY), ("ben", "podman", &"0".repeat(64)), ("cleo", "process", "")]
    {
        fs::create_dir_all(stage.root.file(name).join("config")).unwrap();
        let release = if release.is_empty() { String::new() } else { format!("release = \"sha256:{release}\"\n") };
        let spec = format!(
            "name = \"{name}\"\ngeneration = 1\ndesired = \"stopped\"\nengine = \"{engine}\"\nport = 1\nbind = \"127.0.0.1\"\n{release}"
        );
        write(stage.root.file(name).join("config/instance.toml"), spec).unwrap();
    }
    let text = stage.run(&["image", "list"]).ok().stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with(&IDENTITY[..12]) && lines[1].ends_with("anna"), "{text}");
    assert!(lines[1].contains("15.3 MiB") && lines[2].ends_with('-'), "{text}");
    assert!(lines[3].contains("`ben` runs 000000000000, which Podman does not have"), "{text}");
    let json = stage.run(&["image", "list", "--json"]).ok().json();
    assert_eq!(json["images"][0]["id"], format!("sha256:{IDENTITY}"));
    assert_eq!(json["images"][0]["used_by"], serde_json::json!(["anna"]));
    assert_eq!(json["images"][0]["created_at"], "2026-11-21T13:30:09Z");
    assert_eq!(json["missing"][0]["instance"], "ben");
    assert!(stage.told()[0].contains("--filter label=dev.ytorch.target"), "{:?}", stage.told());
}

#[test]
fn no_image_is_no_error_whatever_podman_writes() {
    for nothing in ["echo '[]'", "echo null", "true"] {
        assert!(Stage::new(nothing).run(&["image", "list"]).ok().stdout.contains("ytorch image build"));
    }
}

#[test]
fn an_archive_is_loaded_and_its_image_named() {
    let script = |labels: &str| {
        format!("case $1 in load) echo 'Loaded image: localhost/ytorch:slim';; *) echo '{}';; esac", inspected(labels))
    };
    let stage = Stage::new(&script(OURS));
    let file = stage.root.file(".archive.tar");
    let file = file.to_str().unwrap();
    stage.run(&["image", "load", file]).fails(6, &["could not read", file, "podman save"]);
    write(file, "").unwrap();
    assert!(stage.run(&["image", "load", "--dry-run", file]).ok().stdout.contains("would load"));
    assert!(stage.told().is_empty());
    let loaded = stage.run(&["image", "load", "--json", file]).ok().json();
    assert_eq!(
        (loaded["id"].as_str(), loaded["version"].as_str()),
        (Some(&*format!("sha256:{IDENTITY}")), Some("0.1.0"))
    );
    assert_eq!(stage.told()[0], format!("load --quiet --input {file}"));

    let foreign = Stage::new(&script("{}"));
    foreign.run(&["image", "load", file]).fails(2, &["no image of ytorch", "podman image rm localhost/ytorch:slim"]);
}

#[test]
fn an_image_is_loaded_from_a_program_that_writes_it() {
    // Podman takes what it is given, and fails without.
    let script = format!(
        "case $1 in load) [ \"$(cat)\" = image ] && echo 'Loaded image: localhost/ytorch:slim';; *) echo '{}';; esac",
        inspected(OURS)
    );
    let stage = Stage::new(&script);
    let file = stage.root.file(".stream");
    let becomes = |text: &str| {
        write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let file_word = file.to_str().unwrap();
    becomes("#!/bin/sh\necho image\n");
    let loaded = stage.run(&["image", "load", "--json", file_word]).ok().json();
    assert_eq!(loaded["id"].as_str(), Some(&*format!("sha256:{IDENTITY}")));
    assert_eq!(stage.told()[0], "load --quiet");
    // An image that is whole for Podman is none if its writer failed.
    becomes("#!/bin/sh\necho image\nexit 3\n");
    stage.run(&["image", "load", file_word]).fails(3, &[file_word, "exit status: 3"]);
    becomes("#!/bin/sh\necho other\n");
    stage.run(&["image", "load", file_word]).fails(3, &["`podman load` ended with"]);
}

#[test]
fn a_build_is_told_what_was_asked_and_names_its_image() {
    let script = format!(
        "case $1 in build) echo 'STEP 1/1: FROM scratch' >&2; echo {IDENTITY};; *) echo '{}';; esac",
        inspected(OURS)
    );
    let stage = Stage::new(&script);
    stage.run(&["image", "build", "--context", "/"]).fails(6, &["no Containerfile in `/`", "--context DIR"]);
    let source = stage.source();
    let source = source.to_str().unwrap();
    let words = ["image", "build", "--context", source, "--build-arg", "BUILD_BASE=mine"];
    let dry = stage.run(&[&words[..], &["--dry-run"]].concat()).ok().stdout;
    assert!(dry.contains("build --format=docker --target=slim") && stage.told().is_empty(), "{dry}");
    let built = stage.run(&[&words[..], &["--", "--network=host"]].concat()).ok();
    assert!(built.stdout.contains(&format!("built sha256:{IDENTITY} (slim 0.1.0, 15.3 MiB")), "{}", built.stdout);
    assert!(built.stderr.contains("STEP 1/1"), "{}", built.stderr);
    let told = &stage.told()[0];
    assert!(told.ends_with(&format!("--build-arg=BUILD_BASE=mine --network=host {source}")), "{told}");
    assert_eq!(stage.run(&[&words[..], &["--quiet"]].concat()).ok().stderr, "");
}

#[test]
fn what_podman_refuses_is_said_in_plain_words() {
    let cases = [
        ("writing blob: storing blob: write /var/tmp/x: no space left on device", 3, "the disk is full"),
        ("payload does not match any of the supported image formats", 2, "no archive of an image"),
        ("inspecting object: x: image not known", 6, "image not known"),
        ("invalid internal status, try resetting the pause process", 3, "podman system migrate"),
        ("something nobody has seen", 3, "something nobody has seen"),
    ];
    for (words, code, said) in cases {
        let stage =
            Stage::new(&format!("echo 'time=\"x\" level=warning msg=y' >&2; echo 'Error: {words}' >&2; exit 125"));
        let file = stage.root.file(".archive.tar");
        write(&file, "").unwrap();
        let ended = stage.run(&["image", "load", file.to_str().unwrap()]).fails(code, &[said, "hint:", words]);
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    }
}

#[test]
fn without_podman_it_is_said_where_it_was_looked_for() {
    let root = Root::new();
    let mut command = root.command(&["image", "list"]);
    let ended = Ended::of(command.env_remove("YTORCH_PODMAN").env("PATH", "/nowhere").output().unwrap());
    ended.fails(3, &["`podman` was not found", "/nowhere", "YTORCH_PODMAN"]);
}
