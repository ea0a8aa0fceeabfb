//! Backups, restores, drills and maintenance, from outside: what comes back is what was there, and a kill or a damaged
//! file costs a message. What is inside of an archive, the crate's own tests look at.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader},
    os::unix::fs::{FileExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use ytorch_tests::{Answer, Client, Instance, Recipe, Recount, Ytorch, programs::processes_with};

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn a_backup_of_a_running_instance_comes_back_under_a_new_name() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    let client = ytorch.client("friend");
    client.import(&Recipe::new(3_000, 1).json().files);
    let made = ytorch.must(&["backup", "friend", "--json"]).json();
    let file = path(&made);
    assert_eq!(file.parent().unwrap(), ytorch.root().join("friend/backups"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let verified = ytorch.must(&["backup", "verify", text(&file), "--json"]).json();
    assert_eq!(verified["counts"], made["counts"]);
    assert_eq!(made["counts"]["history_view"], client.json("/api/v1/history/summary")["views"]);

    let restored = ytorch.must(&["restore", text(&file), "--instance=copy", "--json"]).json();
    assert_eq!(restored["replaced"], Value::Null);
    assert_ne!(restored["port"], ytorch.must(&["status", "friend", "--json"]).json()["port"]);
    let copy = ytorch.client("copy");
    assert_eq!(ytorch.must(&["token", "copy"]).stdout, ytorch.must(&["token", "friend"]).stdout);
    assert_eq!(figures(&copy), figures(&client));
    assert_eq!(copy.all_views(""), client.all_views(""));
    // Its raw files came along, or it could not be built again.
    ytorch.must(&["reingest", "copy", "--yes"]);
    assert_eq!(copy.all_views(""), client.all_views(""));
}

#[test]
fn an_import_under_way_is_in_the_backup_from_before_or_after() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    let client = ytorch.client("friend");
    let exports = [Recipe::new(500, 9).json(), Recipe::new(150_000, 1).json()];
    let before = number(&client.import(&exports[0].files)["views_added"]);
    let id = client.import_in_background(&exports[1].files);
    client.import_when(id, |import| import["status"] != "queued");
    let made = ytorch.must(&["backup", "--instance=friend", "--json"]).json();
    let ended = client.import_when(id, |import| import["status"] == "done");
    let complete = Recount::read(&[&exports[0].json, &exports[1].json]).of_views().views;
    assert_eq!(number(&client.json("/api/v1/history/summary")["views"]), complete, "{ended:?}");
    let in_it = number(&made["counts"]["history_view"]);
    assert!(in_it == before || in_it == complete, "{in_it} views are in the backup");
    ytorch.must(&["backup", "drill", text(&path(&made))]);

    // The restored instance goes on with the import, whose file came along.
    ytorch.must(&["restore", text(&path(&made)), "--instance=copy"]);
    let copy = ytorch.client("copy");
    copy.import_when(id, |import| import["status"] == "done");
    // All but the imports, of which one was run twice.
    assert_eq!(figures(&copy)[..3], figures(&client)[..3]);
}

#[test]
fn a_restore_in_place_needs_a_yes_and_keeps_what_was_there() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    ytorch.client("friend").import(&Recipe::new(500, 9).json().files);
    let then = figures(&ytorch.client("friend"));
    let file = path(&ytorch.must(&["backup", "friend", "--json"]).json());
    ytorch.client("friend").import(&Recipe::new(1_000, 2).json().files);
    let now = figures(&ytorch.client("friend"));
    assert_ne!(then, now);

    let refused = ytorch.run(&["restore", text(&file)]);
    failed(&refused, 8, "--yes");
    assert_eq!(figures(&ytorch.client("friend")), now);
    let port = ytorch.must(&["status", "friend", "--json"]).json()["port"].clone();
    let restored = ytorch.must(&["restore", text(&file), "--yes", "--json"]).json();
    assert_eq!((&restored["port"], &restored["started"]), (&port, &Value::Bool(true)));
    assert_eq!(figures(&ytorch.client("friend")), then);
    let away = PathBuf::from(restored["replaced"].as_str().unwrap());
    assert!(away.join("data/db/ytorch.sqlite3").is_file());

    // The backup is still where it was, and a second time is as good as the first.
    ytorch.must(&["restore", text(&file), "--yes"]);
    assert_eq!(figures(&ytorch.client("friend")), then);
    let list = ytorch.must(&["list", "--json"]).json();
    assert_eq!(list["instances"].as_array().unwrap().len(), 1);

    // What was replaced can be had back by hand.
    ytorch.must(&["stop", "friend"]);
    fs::rename(ytorch.root().join("friend"), ytorch.root().join("away")).unwrap();
    fs::rename(&away, ytorch.root().join("friend")).unwrap();
    ytorch.must(&["start", "friend"]);
    assert_eq!(figures(&ytorch.client("friend")), now);
}

#[test]
fn one_that_is_stopped_or_torn_down_is_restored_too() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    ytorch.client("friend").import(&Recipe::new(500, 9).json().files);
    let then = figures(&ytorch.client("friend"));
    ytorch.must(&["stop", "friend"]);
    let outside = ytorch.root().join("outside");
    let file = path(&ytorch.must(&["backup", "friend", "--to", text(&outside), "--json"]).json());
    assert_eq!(file.parent(), Some(outside.as_path()));
    let restored = ytorch.must(&["restore", text(&file), "--yes", "--json"]).json();
    assert_eq!(restored["started"], false);
    assert_eq!(ytorch.must(&["status", "friend", "--json"]).json()["state"], "stopped");
    ytorch.must(&["teardown", "friend"]);
    failed(&ytorch.run(&["restore", text(&file)]), 8, "--yes");
    ytorch.must(&["restore", text(&file), "--yes"]);
    assert_eq!(figures(&ytorch.client("friend")), then);
    // To a root that has never seen it.
    let other = Ytorch::new();
    other.must(&["restore", text(&file), "--no-start"]);
    other.must(&["start", "friend"]);
    assert_eq!(figures(&other.client("friend")), then);
}

#[test]
fn a_backup_killed_at_any_moment_leaves_nothing_that_looks_like_one() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--no-start"]);
    large_source(&ytorch.root().join("friend"));
    let backups = ytorch.root().join("friend/backups");
    for reports in [1, 2, 4] {
        let mut command = server(&ytorch, "backup", "friend");
        let mut process = command.arg("--json").stdout(Stdio::piped()).spawn().expect("the server's program runs");
        let lines = BufReader::new(process.stdout.take().expect("standard output is piped")).lines();
        let said: Vec<String> = lines.map_while(Result::ok).take(reports).collect();
        process.kill().expect("a backup can be killed");
        process.wait().expect("a killed backup ends");
        assert!(said.len() == reports && said.iter().all(|line| line.contains("progress")), "it ended: {said:?}");
        assert_eq!(visible(&backups), [""; 0]);
        assert_eq!(entries(&backups).len(), 1, "an earlier left-over was not swept");
        assert_eq!(ytorch.must(&["backup", "list", "friend", "--json"]).json()["backups"], Value::Array(Vec::new()));
    }
    failed(&ytorch.run(&["backup", "drill", "--instance=friend"]), 6, "ytorch backup");
    ytorch.must(&["backup", "friend"]);
    assert_eq!(entries(&backups), visible(&backups));
    assert_eq!(visible(&backups).len(), 1);
    ytorch.must(&["backup", "drill", "--instance=friend"]);
    assert_eq!(entries(&backups).len(), 1, "the drill left something");
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_instance_and_the_next_sweeps() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    ytorch.client("friend").import(&Recipe::new(500, 9).json().files);
    let then = figures(&ytorch.client("friend"));
    large_source(&ytorch.root().join("friend"));
    let file = path(&ytorch.must(&["backup", "friend", "--json"]).json());
    let restoring = || entries(&ytorch.root()).into_iter().find(|name| name.starts_with(".ytorch-restoring-"));
    let mut process = ytorch.command(&["restore", text(&file), "--yes"]).stdout(Stdio::null()).spawn().unwrap();
    let folder = ytorch.root().join(until("nothing is unpacked", restoring));
    let child = until("no server unpacks", || processes_with(&folder, "ytorch-server").into_iter().next());
    process.kill().unwrap();
    process.wait().unwrap();
    assert_eq!(figures(&ytorch.client("friend")), then);
    // As long as its server's program still unpacks, the folder is nobody's to sweep.
    ytorch.create("second", &["--no-start"]);
    let was_alive = processes_with(&folder, "ytorch-server").contains(&child);
    assert!(folder.is_dir() || !was_alive);
    // It may have come to its end by itself meanwhile.
    let _ = kill_process(Pid::from_raw(i32::try_from(child).unwrap()).unwrap(), Signal::KILL);
    until("the killed program is still there", || processes_with(&folder, "ytorch-server").is_empty().then_some(()));
    ytorch.create("third", &["--no-start"]);
    assert_eq!(restoring(), None);
    ytorch.must(&["restore", text(&file), "--yes"]);
    assert_eq!(figures(&ytorch.client("friend")), then);
    assert_eq!(restoring(), None);
}

#[test]
fn files_that_are_no_backups_are_refused_everywhere() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--no-start"]);
    let file = path(&ytorch.must(&["backup", "friend", "--json"]).json());
    let damaged = ytorch.root().join("damaged.tar.gz");
    fs::copy(&file, &damaged).unwrap();
    let middle = fs::metadata(&file).unwrap().len() / 2;
    let opened = OpenOptions::new().write(true).open(&damaged).unwrap();
    opened.write_all_at(&[0x5a; 16], middle).unwrap();
    let cut = ytorch.root().join("cut.tar.gz");
    fs::copy(&file, &cut).unwrap();
    OpenOptions::new().write(true).open(&cut).unwrap().set_len(middle).unwrap();
    let foreign = Recipe::new(500, 9).make(ytorch_tests::generator::Form::Tgz).files[0].clone();
    let before = ytorch.listing();
    for bad in [&damaged, &cut, &foreign] {
        failed(&ytorch.run(&["backup", "verify", text(bad)]), 9, "hint");
        failed(&ytorch.run(&["backup", "drill", text(bad)]), 9, "hint");
        failed(&ytorch.run(&["restore", text(bad), "--instance=copy"]), 9, "hint");
    }
    failed(&ytorch.run(&["restore", "/no/such/file"]), 6, "hint");
    failed(&ytorch.run(&["backup", "verify", "/no/such/file"]), 6, "hint");
    let without_locks =
        |lines: Vec<String>| -> Vec<String> { lines.into_iter().filter(|line| !line.contains(".lock")).collect() };
    assert_eq!(without_locks(ytorch.listing()), without_locks(before));
    fs::create_dir(ytorch.root().join("foreign")).unwrap();
    failed(&ytorch.run(&["restore", text(&file), "--instance=foreign", "--yes"]), 8, "hint");
    // A file is never replaced, neither by a backup nor by its name.
    failed(&ytorch.run(&["backup", "friend", "--to", text(&file)]), 8, "exists already");
}

#[test]
fn a_dry_run_of_each_changes_nothing() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--no-start"]);
    ytorch.must(&["ingest", "--instance=friend", text(&Recipe::new(500, 9).json().files[0])]);
    let file = path(&ytorch.must(&["backup", "friend", "--json"]).json());
    let before = ytorch.listing();
    let verbs: [&[&str]; 5] = [
        &["backup", "friend", "--dry-run"],
        &["restore", text(&file), "--dry-run"],
        &["restore", text(&file), "--instance=other", "--dry-run"],
        &["maintain", "friend", "--dry-run"],
        &["backup", "list", "friend"],
    ];
    for words in verbs {
        ytorch.must(words);
        assert_eq!(ytorch.listing(), before, "{words:?}");
        assert!(!ytorch.must(&[words, &["--json"]].concat()).json().is_null());
        assert_eq!(ytorch.listing(), before, "{words:?}");
    }
}

#[test]
fn maintenance_sweeps_and_leaves_every_view() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--time-zone", "UTC"]);
    let client = ytorch.client("friend");
    client.import(&Recipe::new(2_000, 1).json().files);
    let views = client.all_views("");
    let folder = ytorch.root().join("friend");
    let leftover = folder.join("data/raw/.incoming-999999999-0");
    File::create(&leftover).unwrap().set_len(1_000).unwrap();
    let found = ytorch.must(&["maintain", "friend", "--dry-run", "--json"]).json();
    assert_eq!((found["faults"].as_array().map(Vec::len), number(&found["leftover_bytes"])), (Some(0), 1_000));
    assert!(leftover.exists());
    // The running server does it as a job.
    let done = ytorch.must(&["maintain", "friend", "--json"]).json();
    assert_eq!((&done["state"], &done["kind"]), (&"done".into(), &"platform_maintain".into()));
    assert!(!leftover.exists());
    File::create(&leftover).unwrap().set_len(1_000).unwrap();
    ytorch.must(&["stop", "friend"]);
    let done = ytorch.must(&["maintain", "friend", "--json"]).json();
    assert_eq!((&done["analyzed"], done["swept"].as_array().map(Vec::len)), (&Value::Bool(true), Some(1)));
    assert!(!leftover.exists());
    ytorch.must(&["start", "friend"]);
    assert_eq!(ytorch.client("friend").all_views(""), views);
}

#[test]
fn maintenance_of_a_damaged_database_says_so_and_ends_with_its_own_code() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--no-start"]);
    ytorch.must(&["ingest", "--instance=friend", text(&Recipe::new(2_000, 1).json().files[0])]);
    let database = ytorch.root().join("friend/data/db/ytorch.sqlite3");
    let file = OpenOptions::new().write(true).open(&database).unwrap();
    let pages = file.metadata().unwrap().len() / 8192;
    for page in pages / 2..pages {
        // The offsets of cells, which then point nowhere.
        file.write_all_at(&[0x11; 64], page * 8192 + 8).unwrap();
    }
    for words in [&["maintain", "friend", "--dry-run"][..], &["maintain", "friend"], &["backup", "friend"]] {
        let answer = ytorch.run(words);
        assert_eq!(answer.code, Some(3), "{words:?}: {answer:?}");
        assert!(format!("{}{}", answer.stdout, answer.stderr).contains("damaged"), "{words:?}: {answer:?}");
    }
    assert_eq!(entries(&ytorch.root().join("friend/backups")), [""; 0]);
}

#[test]
fn a_full_disk_fails_the_backup_and_nothing_else() {
    let mut instance = Instance::start();
    instance.client().import(&Recipe::new(2_000, 1).json().files);
    let (output, _) = instance.run("backup", &[Path::new("--disk-floor-bytes"), Path::new(&i64::MAX.to_string())]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("disk is too full"), "{output:?}");
    assert_eq!(entries(&instance.folder().join("backups")), [""; 0]);
    assert_eq!(instance.client().get("/healthz").status, 200);
    instance.stop();
    // Too small; and one on which a second file no longer fits, which only shows when it is written.
    for size in ["size=64k", "size=256m,nr_inodes=2"] {
        instance.mount(&format!("mkdir -p \"$1/backups\" && mount -t tmpfs -o {size},mode=0700 tmpfs \"$1/backups\""));
        let (output, _) = instance.run("backup", &[Path::new("--disk-floor-bytes"), Path::new("0")]);
        assert_eq!(output.status.code(), Some(3), "{size}: {output:?}");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(words.contains("disk is too full") && words.contains("hint"), "{size}: {words}");
    }
    instance.mount("true");
}

/// A source that takes a while to back up and no room on the disk: a gibibyte of zeros.
fn large_source(folder: &Path) {
    let file = File::create(folder.join("data/raw/zeros")).expect("the instance's folder can be written");
    file.set_len(1 << 30).expect("a file with a hole takes no room");
}

/// A command of `ytorch-server` on an instance of this root.
fn server(ytorch: &Ytorch, verb: &str, name: &str) -> std::process::Command {
    let mut command = ytorch_tests::instance::clean(std::process::Command::new(ytorch_tests::programs::server()));
    command.arg(verb).arg("--instance-dir").arg(ytorch.root().join(name));
    command
}

fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The names in a folder, sorted; none if it is not there.
fn entries(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn visible(folder: &Path) -> Vec<String> {
    entries(folder).into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// What the API counts, without what differs from instance to instance.
fn figures(client: &Client) -> Vec<Value> {
    let paths =
        ["/api/v1/history/summary", "/api/v1/history/years", "/api/v1/history/channels", "/api/v1/history/imports"];
    paths.iter().map(|path| client.json(path)).collect()
}

fn path(made: &Value) -> PathBuf {
    made["path"].as_str().expect("a backup that was made has a path").into()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a count is a whole number")
}

fn failed(answer: &Answer, code: i32, words: &str) {
    assert_eq!(answer.code, Some(code), "{answer:?}");
    assert!(answer.stderr.contains(words) && answer.stderr.contains("hint"), "{answer:?}");
}
