//! `ytorch logs` on logs that a real server wrote, in both forms. It does not test how records are chosen from files.

use std::{fs::OpenOptions, io::Write as _};

use serde_json::Value;
use ytorch_tests::Ytorch;

#[test]
fn every_record_of_a_real_server_is_understood() {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &[]);
    assert!(ytorch.client("friend").get("/history").status == 200);
    is_understood(&ytorch, "READY address=127.0.0.1:");
    ytorch.must(&["stop", "friend"]);
    let settings = ytorch.root().join("friend/config/server.toml");
    let mut settings = OpenOptions::new().create(true).append(true).open(settings).unwrap();
    settings.write_all(b"log_format = \"json\"\n").unwrap();
    ytorch.must(&["start", "friend"]);
    // One file holds both forms now.
    is_understood(&ytorch, "READY address=127.0.0.1:");
    is_understood(&ytorch, "\"message\":\"READY\"");
    let ready = ytorch.must(&["logs", "friend", "--json", "--grep", "READY", "-n", "1"]).json();
    assert_eq!(
        (&ready["records"][0]["message"], &ready["records"][0]["instance"]),
        (&"READY".into(), &"friend".into())
    );
}

fn is_understood(ytorch: &Ytorch, expected: &str) {
    let all = ytorch.must(&["logs", "friend", "--since", "1h", "--level", "trace"]).stdout;
    assert!(all.contains(expected), "{all}");
    let json = ytorch.must(&["logs", "friend", "--json", "-n", "1000"]).json();
    let records = json["records"].as_array().expect("there are records");
    let told = |record: &Value| record["time"].is_string() && record["level"] == "info";
    assert!(records.len() >= 3 && records.iter().all(told), "{json}");
    // Nothing was left out for want of a time or a level, and nothing was taken for a part of something else.
    assert_eq!(all.lines().count(), records.len(), "{all}");
    let none = ytorch.must(&["logs", "friend", "--level", "error"]);
    assert_eq!(none.stdout, "");
}
