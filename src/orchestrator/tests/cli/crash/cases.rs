//! What the crash matrix kills: every verb that does actions, with what was done before. It runs nothing.

use std::{fs, process::Command};

use crate::{Root, write};

/// One verb in one situation.
pub(super) struct Case {
    /// What is typed. `PORT`, `BACKUP`, `MOVED`, `NEWER` and `DECLARED` stand for the port, the backup, the moved folder, the
    /// newer program and the declaration of the matrix.
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
    /// How many actions at the beginning only make folders and files of an instance, which is the same on every engine: they
    /// are killed on `process` alone.
    pub files: usize,
    /// Engines on which it makes no sense, or would prove nothing more.
    pub except: &'static [&'static str],
}

/// Where a folder that is to be adopted lies: on the same disk, because a rename crosses none.
pub(super) const MOVED: &str = ".moved";

const CREATE: &[&str] = &["create", "friend", "--port", "PORT"];
const NOT_STARTED: &[&str] = &["create", "friend", "--port", "PORT", "--no-start"];

const WITH_UNITS: &[&str] = &["quadlet", "podman", "native"];

const UPGRADE: &[&str] = &["upgrade", "friend", "--release", "NEWER"];

const DECLARE: &[&str] = &["declare", "DECLARED"];

const USUAL: Case = Case {
    words: &[],
    before: &[CREATE],
    damage: None,
    data: &["precious"],
    ends: &["running"],
    least: 1,
    files: 0,
    except: &[],
};

/// Every verb that does actions. A new one belongs here, or below with a reason.
pub(super) const CASES: &[Case] = &[
    Case { words: CREATE, before: &[], least: 12, files: 10, ..USUAL },
    Case { words: NOT_STARTED, before: &[], ends: &["stopped"], least: 11, except: WITH_UNITS, ..USUAL },
    Case { words: CREATE, before: &[NOT_STARTED, &["teardown", "friend"]], least: 9, files: 7, ..USUAL },
    Case {
        words: &["create", "friend", "--port", "PORT", "--on-demand"],
        before: &[],
        // The question whether it is ready wakes it, and a reconcile asks no such question.
        ends: &["running", "idle"],
        least: 12,
        files: 11,
        except: &["process"],
        ..USUAL
    },
    Case { words: &["start", "friend"], before: &[NOT_STARTED], least: 2, ..USUAL },
    Case { words: &["stop", "friend"], ends: &["stopped"], least: 2, ..USUAL },
    Case { words: &["restart", "friend"], least: 2, ..USUAL },
    Case { words: &["set", "friend", "--host-name", "friend.example.org"], least: 2, ..USUAL },
    Case { words: DECLARE, before: &[], least: 13, files: 11, ..USUAL },
    Case { words: DECLARE, before: &[NOT_STARTED], least: 3, ..USUAL },
    Case { words: &["teardown", "friend"], ends: &["gone"], least: 4, ..USUAL },
    Case { words: &["purge", "friend", "--yes-delete-data-of=friend"], ends: &["gone"], least: 6, ..USUAL },
    Case { words: &["restore", "BACKUP"], before: &[], least: 8, files: 8, ..USUAL },
    Case { words: &["restore", "BACKUP", "--yes"], data: &["precious", "restored"], least: 10, files: 8, ..USUAL },
    Case { words: &["import", "BACKUP"], before: &[], least: 8, files: 8, ..USUAL },
    Case { words: &["clone", "source", "friend", "--port", "PORT"], before: &[], least: 8, files: 8, ..USUAL },
    Case {
        words: &["adopt", "MOVED", "--instance=friend"],
        before: &[CREATE, &["teardown", "friend"]],
        damage: Some(move_away),
        least: 9,
        files: 7,
        ..USUAL
    },
    Case {
        words: &["timers", "on"],
        before: &[&["create", "friend", "--port", "PORT", "--on-demand"], &["timers", "off"]],
        ends: &["running", "idle"],
        least: 8,
        except: &["process"],
        ..USUAL
    },
    Case {
        words: &["timers", "off"],
        before: &[&["create", "friend", "--port", "PORT", "--on-demand"], &["timers", "on"]],
        ends: &["running", "idle"],
        least: 8,
        except: &["process"],
        ..USUAL
    },
    // The release of a container is an image, of which these machines have one.
    Case { words: UPGRADE, least: 5, except: WITH_UNITS, ..USUAL },
    Case { words: UPGRADE, damage: Some(have_a_database), least: 7, except: WITH_UNITS, ..USUAL },
    Case { words: &["rollback", "friend"], before: &[CREATE, UPGRADE], least: 3, except: WITH_UNITS, ..USUAL },
    Case {
        words: &["rollback", "friend", "--with-database"],
        before: &[CREATE, UPGRADE, UPGRADE],
        damage: Some(have_a_snapshot),
        least: 4,
        except: WITH_UNITS,
        ..USUAL
    },
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
    ("export", READS),
    ("share", READS),
    ("completions", READS),
    ("man", READS),
    ("image", "Podman does it, and an instance names only images that are there"),
    ("jobs", SERVER),
    ("breakers", SERVER),
    ("secret", SERVER),
    ("ingest", SERVER),
    ("reingest", SERVER),
    ("backup", SERVER),
    ("maintain", SERVER),
    ("exec", "what it runs is the person's own"),
];

const READS: &str = "it changes nothing";
const SERVER: &str = "the server does it; tests/tests/faults.rs and backup.rs kill that";

/// The stand-in has no database; some bytes do.
fn have_a_database(root: &Root) {
    write(root.file("friend/data/db/ytorch.sqlite3"), "rows").unwrap();
}

/// As if there had been one before the upgrade.
fn have_a_snapshot(root: &Root) {
    have_a_database(root);
    fs::create_dir_all(root.file("friend/backups")).unwrap();
    write(root.file("friend/backups/.upgrade-a"), "rows of before").unwrap();
    let path = root.file("friend/config/instance.toml");
    let spec = fs::read_to_string(&path).unwrap();
    write(&path, spec.replace("generation", "previous_snapshot = \"backups/.upgrade-a\"\ngeneration")).unwrap();
}

/// Its folder is elsewhere, as after a move from another disk.
fn move_away(root: &Root) {
    let moved = root.file(MOVED);
    let _ = fs::remove_dir_all(&moved);
    fs::rename(root.file("friend"), moved).unwrap();
}

/// Everything that can be written again is lost, and nothing runs.
fn lose_everything_derived(root: &Root) {
    let report = root.file("friend/run/supervisor.json");
    if report.is_file() {
        let pid = root.report("friend")["pid"].to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
        // It is dead when the kernel has given its lock back; a lock that never comes ends the test by its own limit.
        fs::File::open(root.file("friend/run/supervisor.lock")).unwrap().lock().unwrap();
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
