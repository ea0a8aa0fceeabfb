//! Settings from their four places, and what is said of wrong ones.

use crate::program::{Instance, text};

#[test]
fn each_place_outdoes_the_one_before_it() {
    let instance = Instance::new();
    instance.put("config/server.toml", b"log_level = \"warn\"\ntime_zone = \"Asia/Tokyo\"\nport = 9001\n");
    let mut command = instance.command("settings");
    command
        .env("YTORCH_TIME_ZONE", "Europe/Berlin")
        .env("YTORCH_PORT", "9002")
        .env("YTORCH_HOST_NAMES", "nas, nas.lan");
    let output = command.args(["--port", "9003", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = |name: &str| {
        let all = answer["settings"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        format!("{} {} {}", one["value"], one["origin"].as_str().unwrap(), one["place"].as_str().unwrap())
    };
    assert_eq!(found("bind"), "\"127.0.0.1\" default ");
    assert_eq!(found("log_level"), "\"warn\" file config/server.toml:1");
    assert_eq!(found("time_zone"), "\"Europe/Berlin\" environment YTORCH_TIME_ZONE");
    assert_eq!(found("host_names"), "[\"nas\",\"nas.lan\"] environment YTORCH_HOST_NAMES");
    assert_eq!(found("port"), "9003 flag --port");
    assert_eq!(found("token"), "\"[secret]\" file config/secrets/token");
}

#[test]
fn a_setting_that_is_none_is_refused_with_its_line_and_the_nearest() {
    let instance = Instance::new();
    instance.put("config/server.toml", b"port = 9001\ntimezone = \"Asia/Tokyo\"\n");
    for verb in ["serve", "settings", "check", "reingest"] {
        let output = instance.run(&[verb]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("`config/server.toml`, line 2: there is no setting `timezone`"), "{told}");
        assert!(told.contains("did you mean `time_zone`?"), "{told}");
    }
}

#[test]
fn a_value_that_cannot_be_meant_is_refused_with_its_place() {
    let cases: &[(&str, &str, &str)] = &[
        ("port = \"many\"", "config/server.toml:1: `port`", "u16"),
        ("port = 70000", "config/server.toml:1: `port`", "u16"),
        ("\nbind = 7", "config/server.toml:2: `bind`", "7"),
        ("bind = \"localhost\"", "config/server.toml:1: `bind`", "IP address"),
        ("log_level = \"loud\"", "config/server.toml:1: `log_level`", "error, warn, info, debug, trace"),
        ("time_zone = \"Mars/Olympus\"", "config/server.toml:1: `time_zone`", "Europe/Berlin"),
        ("host_names = [\"http://nas\"]", "config/server.toml:1: `host_names`", "not a host name"),
        ("host_names = \"nas\"", "config/server.toml:1: `host_names`", "sequence"),
        ("upload_limit_bytes = -1", "config/server.toml:1: `upload_limit_bytes`", "-1"),
    ];
    for (content, place, reason) in cases {
        let instance = Instance::new();
        instance.put("config/server.toml", content.as_bytes());
        let output = instance.run(&["settings"]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{content}: {told}");
        assert!(told.contains(place) && told.contains(reason), "{content}: {told}");
    }
    let instance = Instance::new();
    let told = text(&instance.command("settings").env("YTORCH_PORT", "x").output().unwrap().stderr);
    assert!(told.contains("YTORCH_PORT: `port`"), "{told}");
    let told = text(&instance.run(&["settings", "--log-format", "xml"]).stderr);
    assert!(told.contains("--log-format: `log_format`") && told.contains("text, json"), "{told}");
}

#[test]
fn a_variable_that_is_no_setting_is_a_warning_only() {
    let instance = Instance::new();
    let mut command = instance.command("settings");
    let output = command.env("YTORCH_PROT", "1").env("YTORCH_ROOT", "/x").output().unwrap();
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("`YTORCH_PROT` is no setting"), "{told}");
    assert!(!told.contains("YTORCH_ROOT"), "{told}");
}

#[test]
fn showing_the_settings_changes_nothing() {
    let instance = Instance::new();
    assert!(instance.run(&["settings"]).status.success());
    assert!(instance.listing().is_empty(), "{:?}", instance.listing());
}
