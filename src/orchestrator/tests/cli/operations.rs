//! Jobs, breakers, secrets, maintenance and health of a running instance, with a stand-in server.

use super::{Root, write};

#[test]
fn an_instance_is_named_in_every_way_and_must_run() {
    let root = Root::created("friend");
    let words: [&[&str]; 9] = [
        &["breakers", "friend"],
        &["breakers", "--instance=friend"],
        &["breakers", "reset", "friend"],
        &["breakers", "reset", "--instance=friend", "--service", "notify"],
        &["jobs", "friend", "--state", "failed"],
        &["jobs", "cancel", "9", "--instance=friend"],
        &["secret", "list", "--instance=friend"],
        &["secret", "set", "notify_token", "--instance=friend"],
        &["secret", "rotate-key", "--instance=friend"],
    ];
    for words in words {
        root.run(words).fails(4, &["does not run", "ytorch start friend"]);
    }
    root.run(&["jobs", "nobody"]).fails(6, &["nobody"]);
    root.run(&["jobs", "friend", "--state", "lost"]).fails(2, &["queued"]);
    root.run(&["jobs", "cancel", "zero"]).fails(2, &["zero"]);
    root.run(&["secret", "set", "notify_token", "hunter2"]).fails(2, &["hunter2"]);
}

#[test]
fn breakers_are_shown_and_closed() {
    let root = Root::running("friend");
    assert!(root.run(&["breakers", "reset", "friend"]).ok().stdout.contains("closed already"));
    write(root.file("friend/config/degraded"), "").unwrap();
    let shown = root.run(&["breakers", "friend"]).ok().stdout;
    assert!(shown.contains("open") && shown.contains("it answered 500") && shown.contains("reset friend"), "{shown}");
    let health = |words: &[&str]| root.run(words).ok();
    assert!(health(&["list"]).stdout.contains("degraded"));
    assert!(health(&["status", "friend"]).stdout.contains("breaker.notify: open"));
    root.run(&["breakers", "reset", "friend", "--service", "other"]).fails(6, &["no such"]);
    let reset = root.run(&["breakers", "reset", "--instance=friend", "--json"]).ok().json();
    assert_eq!(reset["reset"][0]["state"], "closed");
    let seen = health(&["status", "friend", "--json"]).json();
    assert_eq!(
        (&seen["health"], &seen["jobs"]["pending"], &seen["jobs"]["failed"]),
        (&"ok".into(), &4.into(), &2.into())
    );
    assert!(health(&["list"]).stdout.contains(" ok "));
    assert!(health(&["status", "friend"]).stdout.contains("ytorch backup friend"));
}

#[test]
fn jobs_are_shown_chosen_and_changed() {
    let root = Root::running("friend");
    assert!(root.run(&["jobs", "friend"]).ok().stdout.contains("no such jobs"));
    let shown = root.run(&["jobs", "friend", "--state", "failed", "--kind", "a&b", "-n", "5"]).ok().stdout;
    assert!(shown.contains("tidy: the disk is full"), "{shown}");
    let told = root.run(&["jobs", "cancel", "9", "--instance", "friend"]).ok().stdout;
    assert!(told.contains("told to give up"), "{told}");
    root.run(&["jobs", "retry", "9", "--instance", "friend"]).fails(5, &["the job is done"]);
    root.run(&["jobs", "retry", "8", "--instance", "friend"]).fails(6, &["no such"]);
}

#[test]
fn maintenance_of_a_running_instance_is_its_servers_job() {
    let root = Root::running("friend");
    let done = root.run(&["maintain", "friend", "--json"]).ok().json();
    assert_eq!((&done["state"], &done["instance"]), (&"done".into(), &"friend".into()));
    assert!(root.run(&["maintain", "friend"]).ok().stdout.contains("all is well"));
    write(root.file("friend/config/job-fails"), "").unwrap();
    root.run(&["maintain", "friend"]).fails(3, &["failed", "the disk is full", "ytorch logs friend"]);
}

#[test]
fn a_secret_without_a_value_is_not_sent() {
    let root = Root::running("friend");
    root.run(&["secret", "set", "notify_token", "--instance=friend"]).fails(2, &["holds no secret", "<FILE"]);
}
