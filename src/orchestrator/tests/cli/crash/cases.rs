//! What the crash matrix kills: every verb that does actions, with what was done before. It runs nothing.

use std::{fs, process::Command};

use crate::Root;

/// One verb in one situation.
pub(super) struct Case {
    /// What is typed. `PORT`, `BACKUP` and `FOLDER` stand for those of the matrix.
    pub words: &'static [&'static str],
    /// The commands before it.
    pub before: &'static [&'static [&'static str]],
    /// What happened to the instance before it.
    pub damage: Option<fn(&Root)>,
    /// What may be in its data at any moment.
    pub data: &'static [&'static str],
    /// How the instance is in the end.
    pub ends: &'static [&'static str],
    /// How many actions there are at least: fewer would mean that the matrix kills nothing.
    pub least: usize,
    /// Engines on which it makes no sense.
    pub except: &'static [&'static str],
}

const CREATE: &[&str] = &["create", "friend", "--port", "PORT"];
const NOT_STARTED: &[&str] = &["create", "friend", "--port", "PORT", "--no-start"];

const USUAL: Case = Case {
    words: &[],
    before: &[CREATE],
    damage: None,
    data: &["precious"],
    ends: &["running"],
    least: 1,
    except: &[],
};

/// Every verb that does actions. A new one belongs here, or below with a reason.
pub(super) const CASES: &[Case] = &[
    Case { words: CREATE, before: &[], least: 12, ..USUAL },
    Case { words: NOT_STARTED, before: &[], ends: &["stopped"], least: 11, ..USUAL },
    Case { words: CREATE, before: &[NOT_STARTED, &["teardown", "friend"]], least: 9, ..USUAL },
    Case {
        words: &["create", "friend", "--port", "PORT", "--on-demand"],
        before: &[],
        // The question whether it is ready wakes it, and a reconcile asks no such question.
        ends: &["running", "idle"],
        least: 12,
        except: &["process"],
        ..USUAL
    },
    Case { words: &["start", "friend"], before: &[NOT_STARTED], least: 2, ..USUAL },
    Case { words: &["stop", "friend"], ends: &["stopped"], least: 2, ..USUAL },
    Case { words: &["restart", "friend"], least: 2, ..USUAL },
    Case { words: &["set", "friend", "--host-name", "friend.example.org"], least: 2, ..USUAL },
    Case { words: &["teardown", "friend"], ends: &["gone"], least: 4, ..USUAL },
    Case { words: &["purge", "friend", "--yes-delete-data-of=friend"], ends: &["gone"], least: 6, ..USUAL },
    Case { words: &["restore", "BACKUP"], before: &[], least: 8, ..USUAL },
    Case { words: &["restore", "BACKUP", "--yes"], data: &["precious", "restored"], least: 10, ..USUAL },
    Case { words: &["import", "BACKUP"], before: &[], least: 8, ..USUAL },
    Case { words: &["clone", "other", "friend"], before: &[], least: 8, ..USUAL },
    Case { words: &["adopt", "FOLDER"], before: &[NOT_STARTED, &["teardown", "friend"]], least: 9, ..USUAL },
    Case { words: &["reconcile", "friend"], damage: Some(lose_everything_derived), ..USUAL },
];

/// Verbs that do no action, and why a kill of them costs nothing, or is proved elsewhere.
pub(super) const WITHOUT_ACTIONS: &[(&str, &str)] = &[
    ("status", READS),
    ("list", READS),
    ("inspect", READS),
    ("open", READS),
    ("token", READS),
    ("logs", READS),
    ("config", READS),
    ("validate", READS),
    ("render", READS),
    ("share", READS),
    ("completions", READS),
    ("man", "it writes pages, each whole or not at all"),
    ("jobs", SERVER),
    ("breakers", SERVER),
    ("secret", SERVER),
    ("ingest", SERVER),
    ("reingest", SERVER),
    ("backup", SERVER),
    ("export", SERVER),
    ("maintain", SERVER),
    ("image", "Podman does it"),
    ("exec", "what it runs is the person's own"),
];

const READS: &str = "it changes nothing";
const SERVER: &str = "the server does it; tests/tests/faults.rs and backup.rs kill that";

/// Everything that can be written again is lost, and nothing runs.
fn lose_everything_derived(root: &Root) {
    let report = root.file("friend/run/supervisor.json");
    if report.is_file() {
        let pid = root.report("friend")["pid"].to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        return;
    }
    root.machine().stop_everything();
    for folder in ["systemd", "containers"] {
        let _ = fs::remove_dir_all(root.machine().configuration().join(folder));
    }
    for file in ["app.env", "unit.env"] {
        let _ = fs::remove_file(root.file("friend/config").join(file));
    }
}
