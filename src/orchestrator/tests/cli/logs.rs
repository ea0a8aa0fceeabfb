//! `ytorch logs`: what is shown of a log, chosen by time, level and pattern. The logs are written by the test.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Stdio},
};

use ytorch_core::{Clock, Timestamp};

use super::{Root, write};

const LOG: &str = "friend/logs/ytorch-server.log";
const PANIC: &str =
    "2026-11-21T08:00:02.000000Z ERROR ytorch_telemetry: panic: it broke\n   0: first::place\n   1: second::place";

/// A log over three files, in the form for people.
fn with_log() -> Root {
    let root = Root::created("friend");
    let file = |name: &str, text: &str| write(root.file(&format!("{LOG}{name}")), text).unwrap();
    file(".2", "2026-11-20T22:30:00.000000Z  INFO ytorch_server: starting version=\"0.1.0\"\n");
    file(".1", &format!("2026-11-21T08:00:01.000000Z  WARN ytorch_web: slow (twice)\n{PANIC}\n"));
    file(
        "",
        "2026-11-21T08:00:03.000000Z DEBUG ytorch_store: read\n2026-11-21T08:00:04.000000Z  INFO ytorch_server: READY\n",
    );
    root
}

/// What is shown, each record by its last word.
fn shown(root: &Root, words: &[&str]) -> Vec<String> {
    let stdout = root.run(&[&["logs", "friend"], words].concat()).ok().stdout;
    let last_word = |line: &str| line.rsplit(' ').next().unwrap_or_default().to_owned();
    stdout.lines().map(last_word).collect()
}

#[test]
fn records_are_chosen_over_all_files() {
    let root = with_log();
    let all = ["version=\"0.1.0\"", "(twice)", "broke", "first::place", "second::place", "read", "READY"];
    assert_eq!(shown(&root, &[]), all);
    assert_eq!(shown(&root, &["--since", "2026-11-20T22:30:00Z"]), all);
    assert_eq!(shown(&root, &["--since", "2026-11-20T22:30:00.000001Z"]), all[1..]);
    assert_eq!(shown(&root, &["--since=2026-11-21T08:00:03Z"]), all[5..]);
    assert_eq!(shown(&root, &["-n", "3"]), all[2..]);
    assert_eq!(shown(&root, &["--level", "warn"]), all[1..5]);
    assert_eq!(shown(&root, &["--level", "info", "-n", "2"]), ["broke", "first::place", "second::place", "READY"]);
    assert_eq!(shown(&root, &["--grep", "second::"]), all[2..5]);
    assert_eq!(shown(&root, &["--grep", r"\(twice\)$|(?i)ready"]), ["(twice)", "READY"]);
    assert_eq!(shown(&root, &["--grep", "ytorch_", "--level", "error", "--since", "2026-11-21T00:00:00Z"]), all[2..5]);
    assert_eq!(shown(&root, &["--grep", "nowhere"]), [""; 0]);
}

#[test]
fn a_time_without_a_zone_is_local_and_a_duration_counts_from_now() {
    let root = with_log();
    let zone = |words: &[&str]| {
        let output =
            root.command(&[&["logs", "friend"], words].concat()).env("TZ", "America/New_York").output().unwrap();
        String::from_utf8(output.stdout).unwrap().lines().count()
    };
    // 22:30 in UTC is 17:30 in New York.
    assert_eq!(zone(&["--since", "2026-11-20T17:30"]), 7);
    assert_eq!(zone(&["--since", "2026-11-20T17:31"]), 6);
    let now = Clock::system().now();
    let ago = |minutes: i64| Timestamp::from_seconds(now.second() - minutes * 60);
    let text = format!("{} INFO x: hours\n{} INFO x: minutes\n", ago(90), ago(30));
    write(root.file(LOG), text).unwrap();
    assert_eq!(shown(&root, &["--since", "1h"]), ["minutes"]);
    assert_eq!(shown(&root, &["--since", "1h31m"]), ["hours", "minutes"]);
}

#[test]
fn a_log_in_json_is_chosen_from_in_the_same_way() {
    let root = Root::created("friend");
    let record = |level: &str, text: &str| {
        format!(r#"{{"time":"2026-11-21T08:00:00.000000Z","level":"{level}","component":"x","message":"{text}"}}"#)
    };
    write(root.file(LOG), format!("{}\n{}\n", record("info", "first"), record("error", "second"))).unwrap();
    assert_eq!(root.run(&["logs", "friend", "--level=warn"]).ok().stdout, format!("{}\n", record("error", "second")));
    let answer = root.run(&["logs", "friend", "--json", "--grep", "first"]).ok().json();
    assert_eq!(answer["records"].as_array().unwrap().len(), 1);
    assert_eq!((&answer["records"][0]["message"], &answer["records"][0]["component"]), (&"first".into(), &"x".into()));
}

#[test]
fn records_of_a_log_for_people_are_objects_with_json() {
    let answer = with_log().run(&["logs", "friend", "--json", "--level", "error"]).ok().json();
    let expected = serde_json::json!([{
        "time": "2026-11-21T08:00:02.000000Z", "level": "error",
        "text": "ytorch_telemetry: panic: it broke\n   0: first::place\n   1: second::place",
    }]);
    assert_eq!(answer["records"], expected);
    assert_eq!(answer["instance"], "friend");
}

#[test]
fn what_cannot_be_meant_is_a_usage_error_that_says_where() {
    let root = with_log();
    let lines = "    slow (twice\n         ^\nerror: unclosed group";
    root.run(&["logs", "friend", "--grep", "slow (twice"]).fails(2, &["`--grep slow (twice`", lines, "hint:"]);
    root.run(&["logs", "friend", "--since", "soon"]).fails(2, &["`--since soon`", "2h", "2026-11-21T08:00"]);
    root.run(&["logs", "friend", "--level", "loud"]).fails(2, &["loud", "error, warn, info, debug, trace"]);
    let ended = root.run(&["logs", "friend", "--json", "--grep", "["]);
    assert_eq!((ended.code, &ended.json()["error"]["code"]), (2, &2.into()));
}

/// A running `ytorch logs -f`. Dropping it ends it.
struct Following {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Following {
    fn start(root: &Root, words: &[&str]) -> Self {
        let mut command = root.command(&[&["logs", "friend", "-f"], words].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(root: &Root, text: &str) {
    let mut log = OpenOptions::new().append(true).open(root.file(LOG)).unwrap();
    log.write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_follows_is_chosen_too_and_stays_together() {
    let root = with_log();
    let mut following = Following::start(&root, &["--level", "error", "-n", "5"]);
    for line in PANIC.lines() {
        assert_eq!(following.line(), line);
    }
    let later = PANIC.replace("08:00:02", "08:00:05");
    append(&root, &format!("2026-11-21T08:00:04.500000Z  INFO x: unwanted\n   as is this\n{later}\n"));
    for line in later.lines() {
        assert_eq!(following.line(), line);
    }
    // A rotation loses nothing, and the older files are not shown again.
    std::fs::rename(root.file(LOG), root.file(&format!("{LOG}.0"))).unwrap();
    File::create(root.file(LOG)).unwrap();
    append(&root, "2026-11-21T08:00:06.000000Z ERROR x: after the rotation\n");
    assert_eq!(following.line(), "2026-11-21T08:00:06.000000Z ERROR x: after the rotation");
}

#[test]
fn with_json_each_record_that_follows_is_a_line() {
    let root = with_log();
    let mut following = Following::start(&root, &["--json", "--grep", "place", "--since", "2026-11-21T08:00:00Z"]);
    let record = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    assert_eq!(record(&following.line())["level"], "error");
    append(&root, "2026-11-21T08:00:07.000000Z  INFO x: elsewhere\n2026-11-21T08:00:08.000000Z  INFO x: this place\n");
    assert_eq!(record(&following.line())["text"], "x: this place");
}
