//! The crash matrix: every verb that changes an instance dies by SIGKILL before each of its actions, on every engine. Then
//! `reconcile`, or the same verb, mends what is left. What verbs of the server leave behind is not looked at here.

mod cases;

use std::{collections::BTreeSet, fs, io::Write as _, os::unix::process::ExitStatusExt as _};

use super::{Ended, Root, free_port, quick_folder, stand_in_server, write};
use cases::{CASES, Case, MOVED, WITHOUT_ACTIONS};

/// Whether the next command is told what to mend, or does its own work again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mending {
    Reconcile,
    SameVerb,
}

/// Longer than any plan: whoever is not killed by then does something without end.
const LONGEST: usize = 60;

/// An instance on some engine, killed again and again.
struct Matrix {
    root: Root,
    port: String,
    /// Of an instance that is made only so that left-overs are swept.
    sweeper: String,
    kills: usize,
}

impl Matrix {
    fn new(root: Root, engine: &str) -> Self {
        let matrix = Self { root, port: free_port().to_string(), sweeper: free_port().to_string(), kills: 0 };
        matrix.root.run(&["create", "source", "--no-start", "--port", &free_port().to_string()]).ok();
        fs::create_dir_all(matrix.root.file("backup/raw")).unwrap();
        write(matrix.root.file("backup/instance"), "friend").unwrap();
        write(matrix.root.file("backup/raw/export"), "restored").unwrap();
        let newer = matrix.root.file("newer");
        fs::copy(stand_in_server(), &newer).unwrap();
        // What follows the end of a program is no part of it, but makes it another release.
        fs::OpenOptions::new().append(true).open(&newer).unwrap().write_all(b"newer").unwrap();
        let declared = format!(
            r#"{{"name": "friend", "engine": "{engine}", "port": {}, "bind": "127.0.0.1", "settings": {{"time_zone": "UTC"}}}}"#,
            matrix.port
        );
        write(matrix.root.file("declared.json"), declared).unwrap();
        matrix
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        let backup = self.root.file("backup").display().to_string();
        let moved = self.root.file(MOVED).display().to_string();
        let newer = self.root.file("newer").display().to_string();
        let declared = self.root.file("declared.json").display().to_string();
        let meanings =
            [("PORT", &self.port), ("BACKUP", &backup), ("MOVED", &moved), ("NEWER", &newer), ("DECLARED", &declared)];
        let said = |word: &&str| meanings.iter().fold((*word).to_owned(), |word, (from, to)| word.replace(from, to));
        words.iter().map(said).collect()
    }

    fn run(&self, words: &[&str]) -> Ended {
        let words = self.words(words);
        self.root.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Makes everything as it should be before the verb: whatever was there is gone.
    fn prepare(&self, case: &Case) {
        self.run(&["purge", "friend", "--yes-delete-data-of=friend"]);
        for entry in fs::read_dir(self.root.path()).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with(".ytorch-replaced-") {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
        for words in case.before {
            self.run(words).ok();
            let raw = self.root.file("friend/data/raw");
            if raw.is_dir() {
                write(raw.join("export"), "precious").unwrap();
            }
        }
        if let Some(damage) = case.damage {
            damage(&self.root);
        }
    }

    /// Runs the verb until it kills itself; whether it did.
    fn dies_before(&self, number: usize, case: &Case) -> bool {
        let words = self.words(case.words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.root.command(&words).env("YTORCH_DIE_BEFORE", number.to_string()).output().unwrap();
        let is_killed = output.status.signal() == Some(9);
        assert!(is_killed || output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        is_killed
    }

    /// What must be so at any moment.
    fn assert_sound(&self, case: &Case, place: &str) {
        let listed = self.root.run(&["list", "--json"]).ok().json();
        let instances = listed["instances"].as_array().unwrap();
        assert!(instances.iter().all(|instance| instance["state"] != "broken"), "{place}: {listed}");
        let ports: BTreeSet<u64> = instances.iter().map(|instance| instance["port"].as_u64().unwrap()).collect();
        assert_eq!(ports.len(), instances.len(), "{place}: a port twice: {listed}");
        let folder = self.root.file("friend");
        let is_there =
            folder.join("config/instance.toml").is_file() || folder.join("config/instance.removed.toml").is_file();
        assert!(is_there || !folder.exists(), "{place}: half an instance");
        if is_there && !case.before.is_empty() {
            let export = fs::read_to_string(folder.join("data/raw/export")).unwrap_or_default();
            assert!(case.data.contains(&export.as_str()), "{place}: the data is {export:?}");
        }
    }

    /// Mends, and checks that there is nothing left to mend.
    fn mend(&self, mending: Mending, case: &Case, place: &str) {
        let ended = match mending {
            Mending::Reconcile => self.run(&["reconcile", "friend"]),
            Mending::SameVerb => self.run(case.words),
        };
        // One that is there already, or is no more, is what some verbs find after having done everything.
        assert!([0, 6, 8].contains(&ended.code), "{place}: {} {}", ended.stdout, ended.stderr);
        self.assert_sound(case, place);
        let again = self.run(&["reconcile", "friend", "--json"]);
        if again.code != 6 {
            let again = again.ok().json();
            let is_settled = again["instances"][0]["changed"] == false;
            assert!(is_settled || mending == Mending::SameVerb, "{place}: a second reconcile did something: {again}");
        }
    }

    /// The verb is done again to its end, and what that should be is so.
    fn finish(&self, case: &Case, place: &str) {
        let ended = self.run(case.words);
        assert!([0, 6, 8].contains(&ended.code), "{place}: {} {}", ended.stdout, ended.stderr);
        self.assert_sound(case, place);
        let seen = self.run(&["status", "friend", "--json"]);
        let state = if seen.code == 0 { seen.json()["state"].as_str().unwrap().to_owned() } else { "gone".to_owned() };
        assert!(case.ends.contains(&state.as_str()), "{place}: {state} {} {}", seen.stdout, seen.stderr);
        self.run(&["create", "sweeper", "--no-start", "--port", &self.sweeper]).ok();
        self.run(&["purge", "sweeper", "--yes-delete-data-of=sweeper"]).ok();
        for entry in fs::read_dir(self.root.path()).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_rest =
                [".staging-", ".ytorch-purged-", ".ytorch-restoring-"].iter().any(|rest| name.starts_with(rest));
            assert!(!is_rest, "{place}: {name} was left");
        }
    }

    fn run_case(&mut self, case: &Case) {
        let first = if self.root.machine.is_some() { case.files } else { 0 };
        for number in first..LONGEST {
            // Each point is mended in one of the two ways; the engines, which differ in nothing here, take turns.
            let mending = if (number + self.kills).is_multiple_of(2) { Mending::Reconcile } else { Mending::SameVerb };
            self.prepare(case);
            if !self.dies_before(number, case) {
                assert!(number >= case.least, "{} has only {number} actions", case.words[0]);
                return;
            }
            let place = format!("{:?} killed before action {number}, {mending:?}", case.words);
            self.kills += 1;
            self.assert_sound(case, &place);
            self.mend(mending, case, &place);
            self.finish(case, &place);
        }
        panic!("{:?} has no end", case.words);
    }
}

fn matrix(root: Root, engine: &str) {
    let mut matrix = Matrix::new(root, engine);
    for case in CASES.iter().filter(|case| !case.except.contains(&engine)) {
        matrix.run_case(case);
    }
    assert!(matrix.kills > 50, "only {} kills", matrix.kills);
}

#[test]
fn kills_on_the_engine_quadlet_are_mended() {
    matrix(Root::on_a_machine("quadlet"), "quadlet");
}

#[test]
fn kills_on_the_engine_podman_are_mended() {
    matrix(Root::on_a_machine("podman"), "podman");
}

#[test]
fn kills_on_the_engine_native_are_mended() {
    matrix(Root::on_a_machine("native"), "native");
}

#[test]
fn kills_on_the_engine_process_are_mended() {
    matrix(Root { machine: None, folder: quick_folder() }, "process");
}

#[test]
fn every_verb_is_in_the_matrix_or_says_why_not() {
    let help = Root::new().run(&["--help"]).ok().stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let verbs = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let verbs = verbs.filter(|verb| !verb.is_empty());
    let known = |verb: &str| {
        CASES.iter().any(|case| case.words[0] == verb) || WITHOUT_ACTIONS.iter().any(|(name, _)| *name == verb)
    };
    let unknown: Vec<&str> = verbs.filter(|verb| !known(verb)).collect();
    assert!(unknown.is_empty(), "new verbs belong into the crash matrix: {unknown:?}");
}
