//! What programs say they were built from, and the stamp that tells them their commit.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test by it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use ytorch_tests::programs;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Copies of both programs, side by side as they are installed.
fn installed() -> (TempDir, [PathBuf; 2]) {
    let home = TempDir::with_prefix("ytorch-tests-").unwrap();
    let copy = |program: PathBuf| {
        let to = home.path().join(program.file_name().unwrap());
        fs::copy(program, &to).unwrap();
        to
    };
    let both = [copy(programs::ytorch()), copy(programs::server())];
    (home, both)
}

fn run(program: &Path, words: &[&str]) -> Output {
    // Nothing of the environment counts: neither a home nor another server.
    Command::new(program).args(words).env_clear().output().unwrap()
}

fn stamp(commit: &str, programs: &[&Path]) -> Output {
    Command::new(programs::repository().join("deploy/stamp")).arg(commit).args(programs).output().unwrap()
}

fn verbose(ytorch: &Path) -> Value {
    let told = run(ytorch, &["version", "--verbose", "--json"]);
    assert!(told.status.success(), "{told:?}");
    serde_json::from_slice(&told.stdout).unwrap()
}

#[test]
fn both_programs_say_what_they_were_built_from() {
    let (home, [ytorch, server]) = installed();
    let lock = fs::read(programs::repository().join("Cargo.lock")).unwrap();
    let lock = Sha256::digest(lock).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let told = verbose(&ytorch);
    assert_eq!(told["server"]["program"], server.to_str().unwrap());
    for build in [&told["build"], &told["server"]["build"]] {
        assert_eq!(build["lock_sha256"], lock, "{build}");
        assert_eq!(build["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(build["commit"], Value::Null, "nobody stamped it: {build}");
        assert!(build["toolchain"].as_str().unwrap().starts_with("rustc 1."), "{build}");
        assert!(build["target"].as_str().unwrap().contains("-linux-"), "{build}");
    }
    let short = run(&ytorch, &["version"]);
    assert_eq!(String::from_utf8(short.stdout).unwrap(), concat!("ytorch ", env!("CARGO_PKG_VERSION"), "\n"));

    fs::remove_file(server).unwrap();
    let alone = run(&ytorch, &["version", "--verbose"]);
    let words = String::from_utf8(alone.stdout).unwrap();
    assert!(alone.status.success() && words.contains(&lock) && words.contains("ytorch-server is not known"), "{words}");
    drop(home);
}

#[test]
fn a_stamp_is_the_only_difference_between_two_commits() {
    let (_home, [ytorch, server]) = installed();
    let before = [fs::read(&ytorch).unwrap(), fs::read(&server).unwrap()];
    let done = stamp(&format!("{COMMIT}-dirty"), &[&ytorch, &server]);
    assert!(done.status.success(), "{done:?}");
    for (program, before) in [&ytorch, &server].into_iter().zip(&before) {
        let after = fs::read(program).unwrap();
        assert_eq!(after.len(), before.len());
        let places: Vec<usize> = (0..after.len()).filter(|&at| after[at] != before[at]).collect();
        assert!(!places.is_empty() && places.last().unwrap() - places[0] < 46, "{places:?}");
    }
    let told = verbose(&ytorch);
    for build in [&told["build"], &told["server"]["build"]] {
        assert_eq!(build["commit"], format!("{COMMIT}-dirty"));
    }
    let words = run(&server, &["version"]);
    assert!(String::from_utf8(words.stdout).unwrap().contains(COMMIT));
}

#[test]
fn a_stamp_is_refused_where_it_would_say_something_wrong() {
    let (_home, [ytorch, _]) = installed();
    let whole = fs::read(&ytorch).unwrap();
    let refused = |commit: &str, program: &Path, code: i32| {
        let answer = stamp(commit, &[program]);
        let words = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(answer.status.code(), Some(code), "{commit}: {words}");
        assert!(words.starts_with("deploy/stamp: "), "{words}");
    };
    for commit in ["", "main", &COMMIT[1..], &COMMIT.to_uppercase(), "0123456789abcdef0123456789abcdef01234567/dirty"] {
        refused(commit, &ytorch, 2);
    }
    refused(COMMIT, Path::new("/no/such/program"), 6);
    refused(COMMIT, Path::new("/bin/sh"), 3);
    assert!(stamp("unknown", &[&ytorch]).status.success());
    assert_eq!(fs::read(&ytorch).unwrap(), whole, "something was written");
    assert!(stamp(COMMIT, &[&ytorch]).status.success());
    refused(COMMIT, &ytorch, 3);
}
