//! The logs by the files that they leave, one process per test, because a process has one set of logs.
//! It does not look at colours.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::Path,
    process::{Command, Output},
};

use ytorch_core::{Clock, Timestamp};
use ytorch_telemetry::{LogFormat, LogLevel, LogSettings, start};

const FOLDER: &str = "YTORCH_TEST_LOG_FOLDER";

/// Runs the test `name` of this file again in a process of its own, which then takes the other branch.
fn in_own_process(name: &str, folder: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .unwrap()
}

fn settings(folder: &Path, format: LogFormat) -> LogSettings {
    LogSettings {
        files_kept: 5,
        path: folder.join("x.log"),
        level: LogLevel::Info,
        format,
        instance: "friend".to_owned(),
        clock: Clock::fixed(Timestamp::from_micros(1_500_000)),
    }
}

fn records(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn json_records_have_the_promised_fields() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let logging = start(settings(Path::new(&folder), LogFormat::Json));
        let span = tracing::info_span!(target: "ytorch_test", "request", request = 7, instance = "forged");
        span.in_scope(|| tracing::info!(target: "ytorch_test", count = 3, time = "forged", "done \"well\"\nreally"));
        tracing::debug!(target: "ytorch_test", "too fine");
        tracing::info!(target: "hyper", "of no interest");
        drop(logging);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = in_own_process("json_records_have_the_promised_fields", folder.path());
    assert!(output.status.success());
    let records = records(&folder.path().join("x.log"));
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:01.500000Z", "level": "info", "component": "ytorch_test", "instance": "friend",
        "request": 7, "count": 3, "message": "done \"well\"\nreally",
    });
    assert_eq!(records, [expected]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("count=3"), "nothing for people: {output:?}");
}

#[test]
fn a_panic_is_logged_and_the_log_is_written_out() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let _logging = start(settings(Path::new(&folder), LogFormat::Json));
        let number = "x".parse::<u8>();
        number.expect("it is a number");
    }
    let folder = tempfile::tempdir().unwrap();
    let output = in_own_process("a_panic_is_logged_and_the_log_is_written_out", folder.path());
    assert!(!output.status.success());
    let records = records(&folder.path().join("x.log"));
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["message"], "panic: it is a number: ParseIntError { kind: InvalidDigit }");
    assert_eq!(records[0]["level"], "error");
    assert!(records[0]["place"].as_str().unwrap().contains("tests/logs.rs:"));
}

#[test]
fn neither_a_lost_standard_error_nor_a_lost_folder_stops_the_program() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        // `/dev/full` refuses every byte, like a full disk; and a file stands where the folder should be.
        let logging = start(settings(Path::new(&folder), LogFormat::Text));
        for number in 0..100 {
            tracing::error!(target: "ytorch_test", number, "not written anywhere");
        }
        drop(logging);
        std::process::exit(42);
    }
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    std::fs::File::create(&in_the_way).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "neither_a_lost_standard_error_nor_a_lost_folder_stops_the_program", "--nocapture"])
        .env(FOLDER, &in_the_way)
        .stdout(std::process::Stdio::null())
        .stderr(full)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(42));
}
