//! `ytorch create` without a start: files, ports, refusals. It never runs a server.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use super::{Root, free_port};

#[test]
fn an_instance_is_a_folder_with_a_spec_and_private_secrets() {
    let root = Root::new();
    let answer = root.run(&["create", "friend", "--no-start", "--time-zone", "Europe/Berlin", "--json"]).ok().json();
    assert_eq!(answer["instance"], "friend");
    let folder = root.file("friend");
    for inside in ["config", "config/secrets", "data/raw", "data/db", "logs", "run"] {
        let mode = fs::metadata(folder.join(inside)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{inside}");
    }
    let token = folder.join("config/secrets/token");
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);
    let token = fs::read_to_string(token).unwrap();
    assert_eq!(root.run(&["token", "friend"]).ok().stdout, token);
    assert_eq!(token.trim().len(), 64);
    let settings = fs::read_to_string(folder.join("config/server.toml")).unwrap();
    assert!(settings.ends_with("\ntime_zone = \"Europe/Berlin\"\n"), "{settings}");
    let spec = fs::read_to_string(folder.join("config/instance.toml")).unwrap();
    let port = answer["port"].as_u64().unwrap();
    assert!(spec.contains(&format!("port = {port}\n")) && spec.contains("desired = \"stopped\""), "{spec}");
    let seen = root.run(&["status", "friend", "--json"]).ok().json();
    assert_eq!((seen["state"].as_str(), seen["port"].as_u64()), (Some("stopped"), Some(port)));
}

#[test]
fn a_dry_run_says_what_and_changes_nothing() {
    let root = Root::new();
    let ended = root.run(&["create", "--dry-run"]).ok();
    assert!(ended.stdout.contains("would write a new token"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("would start the server\n"), "{}", ended.stdout);
    let actions = root.run(&["create", "--dry-run", "--json"]).ok().json()["actions"].clone();
    assert_eq!(actions.as_array().unwrap().last().unwrap()["step"], "start");
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn what_cannot_be_made_is_refused_with_its_own_code() {
    let root = Root::created("friend");
    root.run(&["create", "friend"]).fails(8, &["exists already", "ytorch start friend", "ytorch open friend"]);
    root.run(&["create", "../x"]).fails(2, &["only lower-case letters"]);
    root.run(&["create", "x", "--time-zone", "Mars/Olympus"]).fails(2, &["Mars/Olympus"]);
    fs::create_dir(root.file("photos")).unwrap();
    root.run(&["create", "photos"]).fails(8, &["is not an instance of ytorch"]);
    root.run(&["teardown", "photos", "--purge", "--yes-delete-data-of=photos"]).fails(8, &["not an instance"]);
    assert!(root.file("photos").is_dir());
    let port = root.run(&["status", "friend", "--json"]).ok().json()["port"].to_string();
    root.run(&["create", "other", "--port", &port]).fails(7, &["belongs to the instance `friend`"]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let own = format!("pid {}", std::process::id());
    root.run(&["create", "other", "--port", &port]).fails(7, &[&own]);
    assert!(!root.file("other").exists());
    let ended = root.run(&["create", "friend", "--json"]);
    assert_eq!((ended.code, ended.json()["error"]["code"].as_i64()), (8, Some(8)));
}

#[test]
fn a_root_that_cannot_be_made_is_unfit() {
    let root = Root::new();
    let file = root.file("file");
    fs::File::create(&file).unwrap();
    root.run(&["create", "--no-start", "--root", file.to_str().unwrap()]).fails(3, &["--root"]);
}

#[test]
fn a_missing_instance_names_the_nearest() {
    let root = Root::created("friend");
    root.run(&["start", "freind"]).fails(6, &["there is no instance `freind`", "there is `friend`"]);
    for verb in ["stop", "restart", "status", "open", "token", "logs", "config", "teardown", "validate"] {
        root.run(&[verb, "nobody"]).fails(6, &["nobody"]);
    }
}

#[test]
fn many_creates_at_once_get_ports_of_their_own() {
    let root = Root::new();
    let commands: Vec<_> = (0..24)
        .map(|number| {
            let mut command = root.command(&["create", &format!("n{number}"), "--no-start", "--json"]);
            command.stdout(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for command in commands {
        assert!(command.wait_with_output().unwrap().status.success());
    }
    let listed = root.run(&["list", "--json"]).ok().json();
    let ports: BTreeSet<u64> =
        listed["instances"].as_array().unwrap().iter().map(|seen| seen["port"].as_u64().unwrap()).collect();
    assert_eq!(ports.len(), 24);
    let hidden = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with(".staging");
    assert!(!fs::read_dir(root.path()).unwrap().any(|entry| hidden(entry.unwrap())), "a staging folder was left");
}

#[test]
fn what_an_interrupted_create_left_goes_and_what_only_looks_like_it_stays() {
    let root = Root::new();
    fs::create_dir_all(root.file(".staging-friend-4711/config")).unwrap();
    for foreign in [".staging-photos-1/album", ".staging-photos/config", ".staging"] {
        fs::create_dir_all(root.file(foreign)).unwrap();
    }
    assert!(root.run(&["validate"]).ok().stdout.contains("warn  left-overs"));
    root.run(&["create", "friend", "--no-start"]).ok();
    let mut names: Vec<_> = fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [".lock", ".staging", ".staging-photos", ".staging-photos-1", "friend"]);
}

#[test]
fn a_broken_spec_is_listed_and_stops_nobody_else() {
    let root = Root::created("friend");
    fs::create_dir_all(root.file("odd/config")).unwrap();
    fs::File::create(root.file("odd/config/instance.toml")).unwrap();
    let listed = root.run(&["list"]).ok().stdout;
    assert!(listed.contains("odd") && listed.contains("broken") && listed.contains("stopped"), "{listed}");
    root.run(&["logs", "odd"]).ok();
    assert!(!root.run(&["token", "odd"]).stderr.contains("could not understand"), "a token needs no spec");
    root.run(&["start", "odd"]).fails(3, &["could not understand"]);
    root.run(&["create", "third", "--no-start", "--port", &free_port().to_string()]).ok();
}

#[test]
fn validate_says_what_to_do_for_each_check() {
    let root = Root::created("friend");
    let fine = root.run(&["validate", "friend"]).ok().stdout;
    assert!(fine.contains("ok    server") && fine.contains("ok    token"), "{fine}");
    let token = root.file("friend/config/secrets/token");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = root.run(&["validate", "friend", "--json"]);
    assert_eq!(ended.code, 3);
    let failed: Vec<String> = ended.json()["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["outcome"] == "fail")
        .map(|check| format!("{} {}", check["name"], check["hint"]))
        .collect();
    assert!(failed.iter().any(|check| check.contains("chmod 600")), "{failed:?}");
    let mut command = root.command(&["validate"]);
    let ended = super::Ended::of(command.env("YTORCH_SERVER", "/nowhere").output().unwrap());
    assert_eq!(ended.code, 3);
    assert!(ended.stdout.contains("fail  server"), "{}", ended.stdout);
}

#[test]
fn config_shows_the_spec_and_the_servers_settings() {
    let root = Root::created("friend");
    let shown = root.run(&["config", "friend"]).ok().stdout;
    assert!(shown.contains("config/instance.toml") && shown.contains("time_zone"), "{shown}");
    let json = root.run(&["config", "friend", "--json"]).ok().json();
    assert_eq!((&json["spec"]["name"], &json["settings"][0]["origin"]), (&"friend".into(), &"default".into()));
}
