//! The order of the crates: who may use whom. It reads `cargo metadata` and compiles nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use ytorch_tests::programs;

/// The rows of the table in ARCHITECTURE.md, lowest first. A crate may use crates of lower rows only.
const ROWS: &[&[&str]] = &[
    &["ytorch-core", "ytorch-chart", "ytorch-telemetry"],
    &["ytorch-store", "ytorch-web"],
    &["ytorch-jobs", "ytorch-backup"],
    &["ytorch-pipeline"],
    // The pipelines: see `row`.
    &[],
    &["ytorch-server", "ytorch-orchestrator"],
];
const PIPELINES: usize = 4;

/// Within the lowest row, `core` is what everyone uses.
const FOUNDATION: &str = "ytorch-core";

/// What the orchestrator may know of the workspace: the tool that starts instances stays small.
const ORCHESTRATOR_MAY: [&str; 2] = ["ytorch-core", "ytorch-telemetry"];

#[test]
fn every_crate_uses_lower_rows_only() {
    for package in workspace_packages() {
        let name = text(&package["name"]);
        if name == "ytorch-tests" {
            continue;
        }
        let own = row(&package);
        for used in used_in_workspace(&package) {
            let other = row_of_name(&used);
            let may = other < own || (used == FOUNDATION && name != FOUNDATION);
            assert!(may, "`{name}` (row {own}) must not use `{used}` (row {other})");
        }
    }
}

#[test]
fn the_tests_know_the_product_from_outside_only() {
    let packages = workspace_packages();
    let tests = packages.iter().find(|package| package["name"] == "ytorch-tests").unwrap();
    assert_eq!(used_in_workspace(tests), BTreeSet::new());
}

#[test]
fn the_orchestrator_uses_neither_the_database_nor_the_web_server() {
    let packages = workspace_packages();
    let orchestrator = packages.iter().find(|package| package["name"] == "ytorch-orchestrator").unwrap();
    for used in used_in_workspace(orchestrator) {
        assert!(ORCHESTRATOR_MAY.contains(&used.as_str()), "the orchestrator must not use `{used}`");
    }
    let tree = tree_of("ytorch-orchestrator");
    assert!(tree.contains("serde"), "the tree of the orchestrator was not read: {tree:?}");
    for heavy in ["rusqlite", "libsqlite3-sys", "axum", "hyper", "tokio", "prometheus"] {
        assert!(!tree.contains(heavy), "the orchestrator compiles `{heavy}`");
    }
}

#[test]
fn every_crate_of_the_table_exists_and_is_in_one_row() {
    let names: BTreeSet<String> = workspace_packages().iter().map(|package| text(&package["name"])).collect();
    let mut listed = BTreeSet::new();
    for name in ROWS.iter().copied().flatten() {
        assert!(listed.insert(*name), "`{name}` is in two rows");
        assert!(names.contains(*name), "`{name}` is in the table and not in the workspace");
    }
}

fn row(package: &Value) -> usize {
    let manifest = text(&package["manifest_path"]);
    if manifest.contains("/src/pipelines/") { PIPELINES } else { row_of_name(&text(&package["name"])) }
}

fn row_of_name(name: &str) -> usize {
    if let Some(row) = ROWS.iter().position(|row| row.contains(&name)) {
        return row;
    }
    let packages = workspace_packages();
    let package = packages.iter().find(|package| package["name"] == name).expect("it is in the workspace");
    assert!(text(&package["manifest_path"]).contains("/src/pipelines/"), "give `{name}` a row in the table");
    PIPELINES
}

/// The crates of the workspace that a crate uses in any way, in its tests too.
fn used_in_workspace(package: &Value) -> BTreeSet<String> {
    let dependencies = package["dependencies"].as_array().expect("a package has dependencies").iter();
    dependencies.map(|dependency| text(&dependency["name"])).filter(|name| name.starts_with("ytorch-")).collect()
}

fn workspace_packages() -> Vec<Value> {
    metadata(&["--no-deps"])["packages"].as_array().expect("the workspace has packages").clone()
}

/// The names of all packages that are compiled for a package, its tests aside.
fn tree_of(name: &str) -> BTreeSet<String> {
    let metadata = metadata(&[]);
    let packages: BTreeMap<&str, &str> = pairs(&metadata["packages"], "id", "name").collect();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("the dependencies are resolved");
    let by_id: BTreeMap<&str, &Value> = nodes.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let (start, _) = packages.iter().find(|(_, package)| **package == name).expect("it is in the workspace");
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![*start];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        names.insert(packages[id].to_owned());
        for dependency in by_id[id]["deps"].as_array().expect("a node has dependencies") {
            let kinds = dependency["dep_kinds"].as_array().expect("a dependency has kinds");
            if kinds.iter().any(|kind| kind["kind"].is_null()) {
                open.extend(dependency["pkg"].as_str());
            }
        }
    }
    names
}

fn pairs<'value>(
    list: &'value Value,
    key: &'static str,
    value: &'static str,
) -> impl Iterator<Item = (&'value str, &'value str)> {
    list.as_array().into_iter().flatten().filter_map(move |item| Some((item[key].as_str()?, item[value].as_str()?)))
}

fn metadata(arguments: &[&str]) -> Value {
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = programs::cargo()
        .args(["metadata", "--format-version", "1"])
        .args(platform)
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo answers in JSON")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
