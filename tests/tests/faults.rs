//! What may cost an error message and nothing else: kills, full disks, broken and hostile files.
//!
//! It does not prove what a good file gives; `truth` does.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use serde_json::Value;
use ytorch_tests::{Export, Instance, Recipe, Recount, generator, generator::Form, truth::Truth};

/// Memory that a server may use while it reads a file made to fill it, in KiB.
const MEMORY_LIMIT_KIB: u64 = 256 * 1024;

#[test]
fn a_server_killed_during_an_import_is_as_before_or_complete() {
    let export = Recipe::new(150_000, 1).json();
    let complete = Truth::of_file(&export.truth).count("views_distinct_second_video");
    let mut instance = Instance::start();
    let before = count(&instance.client().import(&Recipe::new(500, 9).json().files)["views_added"]);
    // Parts of the way through the file at which the server dies; the last kill comes when it says it is done.
    for part in [0.0, 0.3, 0.7, 0.95, 2.0] {
        let client = instance.client();
        let id = client.import_in_background(&export.files);
        client.import_when(id, |import| has_ended(import) || progress(import) > part);
        instance.kill_9();
        instance.start_again();
        let views = count(&instance.client().json("/api/v1/history/summary")["views"]);
        assert!(views == before || views == before + complete, "{views} views after a kill at {part}");
    }
    let client = instance.client();
    client.import(&export.files);
    assert_eq!(count(&client.json("/api/v1/history/summary")["views"]), before + complete);
}

#[test]
fn an_import_without_a_server_killed_half_way_is_as_before_or_complete() {
    let export = Recipe::new(150_000, 1).json();
    let complete = Truth::of_file(&export.truth).count("views_distinct_second_video");
    let mut instance = Instance::start();
    instance.stop();
    for lines in [1, 4, 12] {
        let mut command = instance.command("import");
        command.arg("--json").args(&export.files).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the server's program runs");
        let progress = BufReader::new(process.stdout.take().expect("standard output is piped")).lines();
        let read = progress.map_while(Result::ok).take(lines).count();
        assert!(read > 0, "an import says how far it is");
        process.kill().expect("an import can be killed");
        process.wait().expect("a killed import ends");
        instance.start_again();
        let views = count(&instance.client().json("/api/v1/history/summary")["views"]);
        assert!(views == 0 || views == complete, "{views} views after a kill at line {lines}");
        instance.stop();
    }
    let (output, _) = instance.run("import", &[&export.files[0]]);
    assert!(output.status.success(), "{output:?}");
    instance.start_again();
    assert_eq!(count(&instance.client().json("/api/v1/history/summary")["views"]), complete);
}

#[test]
fn two_imports_at_once_both_finish() {
    let exports = [Recipe::new(8_000, 1).json(), Recipe::new(8_000, 2).json()];
    let instance = Instance::start();
    let client = instance.client();
    thread::scope(|scope| {
        for export in &exports {
            scope.spawn(|| client.import(&export.files));
        }
    });
    let expected = Recount::read(&[&exports[0].json, &exports[1].json]).of_views().views;
    assert_eq!(count(&client.json("/api/v1/history/summary")["views"]), expected);
}

#[test]
fn an_import_beside_a_running_server_is_refused() {
    let instance = Instance::start();
    let (output, _) = instance.run("import", &[&Recipe::new(500, 9).json().files[0]]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
}

#[test]
fn a_read_only_database_stops_the_start() {
    let mut instance = Instance::start();
    instance.client().import(&Recipe::new(500, 9).json().files);
    instance.stop();
    instance.mount("mount --bind \"$1/data/db\" \"$1/data/db\" && mount -o remount,ro,bind \"$1/data/db\"");
    let (status, words) = instance.start_in_vain();
    assert_eq!(status.code(), Some(3), "{words}");
    assert!(words.contains("ytorch.sqlite3") || words.contains("data/db"), "the message names no file: {words}");
    assert!(words.contains("hint"), "the message says not what to do: {words}");
    instance.mount("true");
    instance.start_again();
    assert!(count(&instance.client().json("/api/v1/history/summary")["views"]) > 0);
}

#[test]
fn a_damaged_database_stops_the_start() {
    let mut instance = Instance::start();
    instance.client().import(&Recipe::new(2_000, 9).json().files);
    instance.stop();
    let whole = fs::read(instance.database()).unwrap();
    let damages: [(&str, Vec<u8>); 2] =
        [("text", b"this is no database\n".repeat(500)), ("half", whole[..whole.len() / 2].to_vec())];
    for (name, bytes) in damages {
        File::create(instance.database()).unwrap().write_all(&bytes).unwrap();
        let (status, words) = instance.start_in_vain();
        assert_eq!(status.code(), Some(3), "{name}: {words}");
        assert!(words.contains("ytorch.sqlite3"), "{name}: the message names no file: {words}");
        assert_eq!(fs::read(instance.database()).unwrap(), bytes, "{name}: a damaged database must not be touched");
    }
    File::create(instance.database()).unwrap().write_all(&whole).unwrap();
    instance.start_again();
}

#[test]
fn a_full_disk_fails_the_import_and_nothing_else() {
    let mut instance = Instance::prepare(&["--time-zone", "UTC", "--disk-floor-bytes", "0"]);
    instance.mount("mkdir -p \"$1/data\" && mount -t tmpfs -o size=12m,mode=0700 tmpfs \"$1/data\"");
    instance.start_again();
    let client = instance.client();
    client.import(&Recipe::new(500, 9).json().files);
    let before = client.all_views("");
    // The file alone is larger than the disk; then one that fits while its rows do not.
    for export in [Recipe::new(40_000, 1).json(), Recipe::new(60_000, 2).make(Form::Zip)] {
        let reply = client.upload(&export.files, &[]);
        let words = problem(&reply.json());
        assert!(words.contains("disk") || words.contains("space"), "{}", reply.body);
        assert!(!words.ends_with("hint:"), "the message says not what to do: {words}");
        assert_eq!(client.get("/healthz").status, 200);
        assert_eq!(client.all_views(""), before);
    }
    client.import(&Recipe::new(400, 8).json().files);
}

#[test]
fn a_disk_that_is_nearly_full_refuses_uploads_and_is_not_ready() {
    let instance = Instance::start_with(&["--time-zone", "UTC", "--disk-floor-bytes", &i64::MAX.to_string()]);
    let client = instance.client();
    let reply = client.upload(&Recipe::new(500, 9).json().files, &[]);
    assert_eq!(reply.status, 507, "{}", reply.body);
    let ready = client.get("/readyz");
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &Value::Bool(false)), "{}", ready.body);
    assert_eq!(client.get("/healthz").status, 200);
}

#[test]
fn archives_that_grow_without_end_are_read_in_bounded_memory() {
    let instance = Instance::start();
    let client = instance.client();
    for file in [generator::hostile("bomb", "bomb.zip", None), generator::hostile("zeros-gz", "zeros.tgz", None)] {
        let reply = client.upload(std::slice::from_ref(&file), &[]);
        assert!(problem(&reply.json()).len() > 10, "{}: {}", file.display(), reply.body);
    }
    assert!(instance.peak_memory_kib() < MEMORY_LIMIT_KIB, "{} KiB", instance.peak_memory_kib());
    client.import(&Recipe::new(500, 9).json().files);
}

#[test]
fn two_gigabytes_of_zeros_are_refused_in_bounded_memory() {
    let mut instance = Instance::start();
    instance.stop();
    let file = instance.folder().join("watch-history.json");
    File::create(&file).unwrap().set_len(2 << 30).unwrap();
    let (output, peak_kib) = instance.run("import", &[&file]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(9), "{words}");
    assert!(words.contains("watch-history.json"), "the message names no file: {words}");
    assert!(peak_kib > 0 && peak_kib < MEMORY_LIMIT_KIB, "{peak_kib} KiB");
}

#[test]
fn names_in_an_archive_are_never_used_as_paths() {
    let history = Recipe::new(500, 9).json();
    let file = generator::hostile("tricks", "tricks.zip", Some(&history.json));
    let instance = Instance::start();
    let client = instance.client();
    let reply = client.upload(&[file], &[]);
    assert!(reply.status < 500, "{}", reply.body);
    let home = instance.folder().join("..");
    let found = Command::new("find").arg(home).args(["-name", "*evil*"]).output().unwrap();
    assert!(found.status.success() && found.stdout.is_empty(), "{found:?}");
    assert!(!PathBuf::from("/evil-absolute.json").exists());
}

#[test]
fn a_folder_of_unrelated_files_is_no_export() {
    let mut instance = Instance::start();
    instance.stop();
    let folder = generator::hostile("unrelated", "unrelated", None);
    let (output, peak_kib) = instance.run("import", &[&folder]);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("hint"), "{output:?}");
    assert!(peak_kib < MEMORY_LIMIT_KIB, "{peak_kib} KiB");
}

#[test]
fn files_cut_in_half_are_said_to_be_cut() {
    let recipe = Recipe::new(1_000, 1);
    let half = |export: &Export, name: &str| generator::hostile("half", name, Some(&export.files[0]));
    let files = [
        half(&recipe.json(), "half.json"),
        half(&recipe.make(Form::Html), "half.html"),
        half(&recipe.make(Form::Zip), "half.zip"),
        half(&recipe.make(Form::Tgz), "half.tgz"),
    ];
    let instance = Instance::start();
    let client = instance.client();
    for file in files {
        let reply = client.upload(std::slice::from_ref(&file), &[]);
        let answer = reply.json();
        let rejected = answer["rejected"].as_u64().unwrap_or(0);
        assert!(rejected > 0 || problem(&answer).len() > 10, "{}: {}", file.display(), reply.body);
    }
    let whole = client.import(&recipe.json().files);
    let views = count(&client.json("/api/v1/history/summary")["views"]);
    assert_eq!(views, Recount::read(&[&recipe.json().json]).of_views().views, "{whole}");
}

/// The words of a problem: of a failed import, or of an answer that is an error.
fn problem(answer: &Value) -> String {
    let problem = if answer["error"].is_object() { &answer["error"] } else { &answer["problem"] };
    let text = |name: &str| problem[name].as_str().unwrap_or_default();
    if problem.is_null() {
        return String::new();
    }
    format!("{} {} hint:{}", text("what"), text("detail"), text("hint"))
}

fn has_ended(import: &Value) -> bool {
    import["status"] == "done" || import["status"] == "failed"
}

#[expect(clippy::cast_precision_loss, reason = "only the rough part of the way matters")]
fn progress(import: &Value) -> f64 {
    let number = |name: &str| import["progress"][name].as_u64().unwrap_or(0) as f64;
    number("bytes_done") / number("bytes_total").max(1.0)
}

fn count(value: &Value) -> u64 {
    value.as_u64().expect("a count is a whole number")
}

#[test]
fn a_database_that_is_gone_is_built_again_from_the_kept_files() {
    let mut instance = Instance::start();
    let (first, second) = (Recipe::new(1_500, 1).wild().json(), Recipe::new(700, 2).json());
    instance.client().import(&first.files);
    let before = instance.client().all_views("");
    instance.stop();
    for suffix in ["", "-wal", "-shm"] {
        let mut name = instance.database().into_os_string();
        name.push(suffix);
        let _ = fs::remove_file(name);
    }
    instance.start_again();
    let client = instance.client();
    assert_eq!(client.json("/api/v1/history/summary")["views"], 0);
    let reply = client.post("/api/v1/history/reingest", &[], "");
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(client.all_views(""), before);
    // What only the reingest knows is not forgotten by the next one.
    client.import(&second.files);
    let both = client.all_views("");
    assert_eq!(client.post("/api/v1/history/reingest", &[], "").status, 201);
    assert_eq!(client.all_views(""), both);
}
