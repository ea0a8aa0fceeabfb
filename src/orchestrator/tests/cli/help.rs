//! `-h` of every verb, and words that are not understood. It never makes an instance.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use super::{Ended, Root};

/// Every verb that help shows, from help itself: a new one cannot be forgotten.
fn verbs(help: &str) -> Vec<&str> {
    let all = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    // Lines of further words are indented more.
    all.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .map(|line| line.split_whitespace().next().unwrap())
        .collect()
}

#[test]
fn help_has_no_side_effect_and_needs_nothing() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let help = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ytorch"));
        // No PATH and no server: a child process could not even be found.
        command.args(arguments).env_clear().env("HOME", home.path()).current_dir(home.path());
        let ended = Ended::of(command.output().unwrap()).ok();
        assert!(ended.stdout.contains("Usage: ytorch"), "{}", ended.stdout);
        assert_eq!(ended.stderr, "");
        ended.stdout
    };
    let all = help(&["-h"]);
    let verbs = verbs(&all);
    assert!(verbs.len() > 35 && verbs.contains(&"create") && verbs.contains(&"version"), "{verbs:?}");
    for verb in verbs {
        help(&[verb, "-h"]);
        help(&[verb, "--help"]);
    }
    assert!(!all.contains("supervise"), "the hidden verb is shown");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn every_verb_is_documented() {
    let document = include_str!("../../../../docs/cli.md");
    for verb in verbs(&Root::new().run(&["-h"]).ok().stdout) {
        assert!(document.contains(&format!("### `ytorch {verb}")), "{verb} is not in docs/cli.md");
        let help = Root::new().run(&[verb, "-h"]).ok().stdout;
        for option in help.split(|letter: char| letter.is_whitespace() || letter == ',') {
            let name = option.split(['=', ']', '.', ':']).next().unwrap();
            if name.starts_with("--") && name.len() > 2 {
                assert!(document.contains(name), "{name} of {verb} is not in docs/cli.md");
            }
        }
    }
}

#[test]
fn wrong_words_are_a_usage_error_also_as_json() {
    let root = Root::new();
    root.run(&["crate"]).fails(2, &["create"]);
    let ended = root.run(&["start", "--jsno"]);
    assert_eq!(ended.code, 2);
    let ended = root.run(&["create", "--json", "--port", "0"]);
    assert_eq!((ended.code, ended.json()["error"]["code"].as_i64()), (2, Some(2)));
    root.run(&["status", "a", "--instance", "b"]).fails(2, &["two instances"]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let root = Root::new();
    for arguments in [&["list"][..], &["-h"], &["list", "--json"], &["status"], &["validate"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let errors = writer.try_clone().unwrap();
        let status = root.command(arguments).stdout(writer).stderr(errors).status().unwrap();
        assert_ne!(status.code(), Some(101), "{arguments:?} panicked");
        assert!(status.code().is_some(), "{arguments:?} died of a signal");
    }
}
