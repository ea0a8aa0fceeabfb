//! The guide for operators, done to the letter on a fresh host: every command of its blocks, in their order. It judges no
//! words; a command that fails, or a result that the guide promises and that is not there, fails the test.

use std::fs;

use serde_json::Value;
use ytorch_tests::{Host, Recipe, generator::Form, programs};

/// A block of the guide: who runs it, and what.
struct Block {
    user: String,
    text: String,
}

/// The blocks that begin with ```` ```sh alice ```` or ```` ```sh root ````.
fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(user) = line.strip_prefix("```sh ") else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(Block { user: user.to_owned(), text: text.join("\n") });
    }
    blocks
}

#[test]
fn every_command_of_the_guide_works_in_its_order() {
    let path = programs::repository().join("docs/operator.md");
    let guide = fs::read_to_string(&path).expect("the guide is there");
    let blocks = blocks(&guide);
    assert!(blocks.len() > 12, "the guide has lost its blocks: {}", blocks.len());

    let host = Host::boot();
    let export = Recipe::new(500, 1).make(Form::Zip);
    host.give(&export.files[0], "friends-takeout.zip");
    host.as_alice(&["ln", "-s", "/images/ytorch-slim.tar", "/home/alice/ytorch-slim.tar"]).ok();
    for Block { user, text } in &blocks {
        let words = ["bash", "-e", "-o", "pipefail", "-c", text];
        let answer = match user.as_str() {
            "alice" => host.as_alice(&words),
            "root" => host.as_root(&words),
            other => panic!("nobody is called {other}"),
        };
        assert_eq!(answer.code, Some(0), "{user}:\n{text}\n{answer:?}");
    }

    let listed: Value = serde_json::from_str(&host.as_alice(&["ytorch", "list", "--json"]).ok()).expect("it is JSON");
    let states: Vec<(&str, &str)> = listed["instances"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["name"].as_str().unwrap_or_default(), one["state"].as_str().unwrap_or_default()))
        .collect();
    for name in ["friend", "friend-moved", "friend-trial"] {
        assert!(states.contains(&(name, "running")), "{name} does not run: {states:?}");
    }
    // They were asked whether they are ready, and end when nobody has asked anything for ten minutes.
    for name in ["anna", "hugo"] {
        let answers = ["running", "idle"].iter().any(|state| states.contains(&(name, state)));
        assert!(answers, "{name} would not answer: {states:?}");
    }
    assert!(!states.iter().any(|(name, _)| *name == "gina"), "{states:?}");
    let url = |name: &str| {
        let found = listed["instances"].as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
        found.and_then(|one| one["url"].as_str()).unwrap_or_default().to_owned()
    };
    // What was restored, moved and cloned is the friend's history, and anna has none of it.
    let views = |name: &str| {
        let token = host.as_alice(&["ytorch", "token", name]).ok();
        let bearer = format!("Authorization: Bearer {}", token.trim());
        let address = format!("{}/api/v1/history/summary", url(name));
        let told = host.as_alice(&["curl", "--silent", "--fail", "--header", &bearer, &address]).ok();
        serde_json::from_str::<Value>(&told).expect("it is JSON")["views"].as_u64()
    };
    let friends = views("friend");
    assert!(friends > Some(300), "{friends:?}");
    assert_eq!([views("friend-moved"), views("friend-trial"), views("anna")], [friends, friends, Some(0)]);
}
