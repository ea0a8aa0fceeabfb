//! A look before the start, which must leave no trace.

use crate::program::{Instance, text};

fn checks(instance: &Instance) -> (Option<i32>, serde_json::Value) {
    let output = instance.run(&["check", "--json"]);
    let told = text(&output.stderr);
    let answer = serde_json::from_slice(&output.stdout).expect(&told);
    (output.status.code(), answer)
}

fn failed(answer: &serde_json::Value) -> Vec<&str> {
    let all = answer["checks"].as_array().unwrap();
    all.iter().filter(|check| check["ok"] == false).map(|check| check["name"].as_str().unwrap()).collect()
}

#[test]
fn a_new_a_stopped_and_a_running_instance_are_well_and_stay_as_they_are() {
    let instance = Instance::new();
    let (code, answer) = checks(&instance);
    assert_eq!((code, failed(&answer)), (Some(0), vec![]), "{answer}");
    assert!(instance.listing().is_empty(), "{:?}", instance.listing());

    let mut server = instance.serve(&[]);
    let before = instance.listing();
    let (code, answer) = checks(&instance);
    assert_eq!((code, failed(&answer)), (Some(0), vec![]), "{answer}");
    assert!(answer.to_string().contains(&format!("process {} holds", server.id())), "{answer}");
    assert_eq!(instance.listing(), before);

    server.signal(rustix::process::Signal::TERM);
    server.wait();
    let before = instance.listing();
    let (code, answer) = checks(&instance);
    assert_eq!((code, failed(&answer)), (Some(0), vec![]), "{answer}");
    assert_eq!(instance.listing(), before);
}

#[test]
fn what_would_stop_the_start_is_found() {
    let instance = Instance::new();
    instance.put("data/db/ytorch.sqlite3", &b"this is no database. ".repeat(500));
    instance.put("config/secrets/token", b"readable by all\n");
    let (code, answer) = checks(&instance);
    assert_eq!((code, failed(&answer)), (Some(3), vec!["token", "database"]), "{answer}");
}

#[test]
fn a_database_of_a_newer_version_is_found() {
    let instance = Instance::new();
    drop(instance.serve(&[]));
    let path = instance.folder().join("data/db/ytorch.sqlite3");
    let database = ytorch_store::rusqlite::Connection::open(path).unwrap();
    database.execute("insert into migration values ('jobs', 1000, 'x', 0)", []).unwrap();
    database.close().unwrap();
    let (code, answer) = checks(&instance);
    assert_eq!((code, failed(&answer)), (Some(3), vec!["database"]), "{answer}");
    assert_eq!(instance.run(&["serve", "--port", "0"]).status.code(), Some(3));
}
