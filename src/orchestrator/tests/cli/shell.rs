//! Completion and manual pages. A real bash completes; the scripts for the other shells are looked at.

use std::{fs, process::Command};

use super::{Ended, Root, write};

/// What bash offers for a line, the last word of which is being typed.
fn offered(root: &Root, words: &[&str]) -> Vec<String> {
    let script = root.run(&["completions", "bash"]).ok().stdout;
    write(root.file("ytorch.bash"), script).unwrap();
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let shell = format!(
        "source '{}'; COMP_WORDS=({}); COMP_CWORD={}; _ytorch_with_names ytorch \"${{COMP_WORDS[COMP_CWORD]}}\" \
         \"${{COMP_WORDS[COMP_CWORD-1]}}\"; complete -p ytorch; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        root.file("ytorch.bash").display(),
        quoted.join(" "),
        words.len() - 1,
    );
    let own = std::path::Path::new(env!("CARGO_BIN_EXE_ytorch")).parent().unwrap();
    let path = std::env::join_paths([own, "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", &shell]).env("PATH", path).env("YTORCH_ROOT", root.path());
    let ended = Ended::of(bash.output().unwrap()).ok();
    assert_eq!(ended.stderr, "");
    let mut lines = ended.stdout.lines().map(str::to_owned);
    let registered = lines.next().unwrap();
    assert!(registered.contains("-F _ytorch_with_names") && registered.ends_with(" ytorch"), "{registered}");
    lines.collect()
}

#[test]
fn bash_completes_words_and_names_of_instances() {
    let root = Root::created("friend");
    root.run(&["create", "family", "--no-start"]).ok();
    assert_eq!(offered(&root, &["ytorch", "rest"]), ["restart", "restore"]);
    assert_eq!(offered(&root, &["ytorch", "start", "f"]), ["family", "friend"]);
    assert_eq!(offered(&root, &["ytorch", "--json", "start", "fr"]), ["friend"]);
    assert_eq!(offered(&root, &["ytorch", "logs", "--instance", "fa"]), ["family"]);
    assert_eq!(offered(&root, &["ytorch", "logs", "--instance", "=", "fr"]), ["friend"]);
    assert_eq!(offered(&root, &["ytorch", "logs", "--instance", "="]), ["family", "friend"]);
    assert_eq!(offered(&root, &["ytorch", "logs", "--level", "f"]), [""], "a level is no instance");
    assert_eq!(offered(&root, &["ytorch", "set", "friend", "--netw"]), ["--network"]);
    let all = offered(&root, &["ytorch", ""]);
    assert!(all.iter().any(|word| word == "set") && !all.iter().any(|word| word.starts_with("__")), "{all:?}");
    let elsewhere = Root::created("other");
    let folder = elsewhere.path().to_str().unwrap();
    assert_eq!(offered(&root, &["ytorch", "--root", folder, "start", ""]).last().unwrap(), "other");
}

#[test]
fn the_other_shells_ask_for_names_too() {
    let root = Root::new();
    let zsh = root.run(&["completions", "zsh"]).ok().stdout;
    assert!(zsh.starts_with("#compdef ytorch\n\n_ytorch_names()"), "{}", &zsh[..80]);
    assert!(zsh.contains(":_ytorch_names'") && !zsh.contains("_users"));
    let fish = root.run(&["completions", "fish", "--json"]).ok().json()["script"].as_str().unwrap().to_owned();
    assert!(fish.contains("__fish_ytorch_using_subcommand start\" -f -a \"(ytorch __names)\""), "{fish}");
    assert!(!fish.contains("-a \"supervise\"") && !fish.contains("__fish_complete_users"));
    root.run(&["completions", "csh"]).fails(2, &["bash", "zsh", "fish"]);
}

#[test]
fn every_verb_has_a_page() {
    let root = Root::new();
    assert!(root.run(&["man"]).ok().stdout.contains(".TH ytorch 1"));
    let folder = root.file("man");
    let written = root.run(&["man", "--to", folder.to_str().unwrap(), "--json"]).ok().json();
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(written["pages"].as_array().unwrap().len(), names.len());
    for name in ["ytorch.1", "ytorch-set.1", "ytorch-backup-verify.1"] {
        assert!(names.iter().any(|page| page == name), "{name} is not in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("supervise") || name.contains("__")), "{names:?}");
    assert!(fs::read_to_string(folder.join("ytorch-set.1")).unwrap().contains("memory"));
    root.run(&["man", "--to", "/proc/nowhere"]).fails(3, &["--to DIR"]);
    // Who packs ytorch has no home.
    for words in [&["man"][..], &["completions", "zsh"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ytorch"));
        Ended::of(command.args(words).env_clear().output().unwrap()).ok();
    }
}
