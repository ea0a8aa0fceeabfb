//! `ytorch ingest` and `reingest`, with and without a running (stand-in) server. They never read a real export.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::{Ended, Root, stand_in_server, write};

#[test]
fn without_a_server_the_import_runs_alone() {
    let root = Root::created("default");
    let export = root.file("watch-history.json");
    write(&export, "[]").unwrap();
    let ended = root.run(&["ingest", export.to_str().unwrap()]).ok();
    assert!(ended.stdout.contains("records read") && ended.stdout.contains("5\n"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "", "what takes no time needs no progress");
    let json = root.run(&["ingest", export.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!((&json["id"], &json["views_added"]), (&"7".into(), &5.into()));
    write(&export, "broken").unwrap();
    root.run(&["ingest", export.to_str().unwrap()]).fails(9, &["no export", "it is broken", "hint: another"]);
}

#[test]
fn what_takes_more_than_a_second_shows_how_far_it_is() {
    let root = Root::created("default");
    let export = root.file("x.json");
    write(&export, "[]").unwrap();
    let gate = root.file("default/config/import-waits");
    write(&gate, "").unwrap();
    let begun = Instant::now();
    let child = root.command(&["ingest", export.to_str().unwrap()]).stderr(Stdio::piped()).spawn().unwrap();
    // The import has begun some time before it is seen, so it has lasted for more than a second then.
    while !root.run(&["status"]).ok().stdout.contains("an import is running") {}
    let seen = Instant::now();
    while seen.elapsed() < Duration::from_secs(1) {
        root.run(&["status"]).ok();
    }
    fs::remove_file(&gate).unwrap();
    let ended = Ended::of(child.wait_with_output().unwrap()).ok();
    assert!(ended.stderr.contains("reading, 1 records: 50 %"), "after {:?}: {}", begun.elapsed(), ended.stderr);
}

#[test]
fn a_running_server_is_sent_the_files() {
    let root = Root::running("default");
    let folder = root.file("Takeout");
    fs::create_dir(&folder).unwrap();
    write(folder.join("a.json"), "first file").unwrap();
    write(folder.join("b.html"), "second file").unwrap();
    write(folder.join("c.csv"), "no export").unwrap();
    let json = root.run(&["ingest", folder.to_str().unwrap(), "--json"]).ok().json();
    assert_eq!(json["records_total"], 3);
    let body = fs::read_to_string(root.file("default/data/received")).unwrap();
    assert_eq!(body.matches("name=\"export\"").count(), 2);
    assert!(body.contains("first file") && body.contains("second file") && !body.contains("no export"), "{body}");
    write(folder.join("a.json"), "broken").unwrap();
    root.run(&["ingest", folder.to_str().unwrap()]).fails(9, &["no export", "it is broken", "hint: another"]);
    let ended = root.run(&["reingest", "--yes"]).ok();
    assert!(ended.stdout.contains("built again from"), "{}", ended.stdout);
}

#[test]
fn what_is_missing_is_said_before_anything_starts() {
    let root = Root::created("default");
    root.run(&["ingest", "/nowhere/x.zip"]).fails(6, &["/nowhere/x.zip", "nothing was started"]);
    root.run(&["ingest", "--instance=nobody", "/dev/null"]).fails(9, &["neither file nor folder"]);
    let empty = root.file("empty");
    fs::create_dir(&empty).unwrap();
    root.run(&["ingest", empty.to_str().unwrap()]).fails(9, &["no export in the folder"]);
    root.run(&["reingest"]).fails(8, &["--yes", "pages show the old data"]);
    let dry = root.run(&["reingest", "--dry-run"]).ok().stdout;
    assert!(dry.contains("from 0 source files"), "{dry}");
}

#[test]
fn an_import_alone_holds_off_a_start() {
    let root = Root::created("default");
    let export = root.file("x.json");
    write(&export, "[]").unwrap();
    let gate = root.file("default/config/import-waits");
    let wait_for_import = || while !root.run(&["status"]).ok().stdout.contains("an import is running") {};
    write(&gate, "").unwrap();
    let child = root.command(&["ingest", export.to_str().unwrap(), "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    wait_for_import();
    root.run(&["start"]).fails(5, &["`ytorch ingest`"]);
    fs::remove_file(&gate).unwrap();
    Ended::of(child.wait_with_output().unwrap()).ok();
    // The server's own command, of which `ytorch` knows only by the lock that it holds.
    write(&gate, "").unwrap();
    let folder = root.file("default");
    let arguments = ["import", "--instance-dir", folder.to_str().unwrap(), export.to_str().unwrap()];
    let mut child = Command::new(stand_in_server()).args(arguments).stdout(Stdio::null()).spawn().unwrap();
    wait_for_import();
    let pid = format!("process {}", child.id());
    for words in [&["start"][..], &["restart"], &["stop"], &["teardown"], &["ingest", export.to_str().unwrap()]] {
        root.run(words).fails(5, &["an import is running on `default`", &pid]);
    }
    fs::remove_file(&gate).unwrap();
    assert!(child.wait().unwrap().success());
    root.run(&["start"]).ok();
}
