//! What exists is documented: dependencies, verbs, settings, addresses, exit codes. It does not judge the words.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use ytorch_tests::{API_READS, API_WRITES, Instance, Ytorch, programs};

#[test]
fn every_dependency_says_what_it_is_for() {
    let manifest = read("Cargo.toml").parse::<toml::Table>().unwrap();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let foreign: BTreeSet<&str> =
        dependencies.keys().map(String::as_str).filter(|name| !name.starts_with("ytorch-")).collect();
    assert!(foreign.len() > 20, "the dependencies were not read: {foreign:?}");
    let document = read("docs/dependencies.md");
    let described: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, rest)| {
            assert!(rest.split('|').filter(|cell| !cell.trim().is_empty()).count() >= 2, "`{name}` needs two cells");
            name
        })
        .collect();
    assert_eq!(described, foreign, "docs/dependencies.md and the root Cargo.toml differ");
}

#[test]
fn every_verb_is_in_the_documents() {
    let ytorch = Ytorch::new();
    let help = ytorch.must(&["--help"]).stdout;
    let verbs: Vec<&str> = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.trim().is_empty())
        .filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next().filter(|_| !line.starts_with("   ")))
        .collect();
    assert!(verbs.len() >= 12, "the verbs were not read: {help}");
    let document = read("docs/cli.md");
    for verb in verbs {
        assert!(document.contains(&format!("ytorch {verb}")), "docs/cli.md does not name `ytorch {verb}`");
    }
}

#[test]
fn every_exit_code_is_in_the_documents() {
    let document = read("docs/cli.md");
    for code in 0..=9 {
        assert!(document.contains(&format!("| {code} |")), "docs/cli.md has no row for the exit code {code}");
    }
}

#[test]
fn every_setting_is_in_the_documents() {
    let instance = Instance::prepare(&[]);
    let (output, _) = instance.run("settings", &[Path::new("--json")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
    let settings = listing["settings"].as_array().unwrap();
    let names: Vec<&str> = settings.iter().filter_map(|setting| setting["name"].as_str()).collect();
    assert!(names.contains(&"time_zone") && names.contains(&"log_level"), "the settings were not read: {listing}");
    let documents = all_documents();
    for name in names {
        assert!(documents.contains(&format!("`{name}`")), "no document names the setting `{name}`");
    }
}

#[test]
fn every_address_of_the_api_is_in_the_documents() {
    let documents = all_documents();
    for path in API_READS.iter().chain(API_WRITES) {
        assert!(documents.contains(path), "no document names `{path}`");
    }
    for path in ["/healthz", "/readyz", "/status", "/metrics", "/metrics.json"] {
        assert!(documents.contains(&format!("GET {path}`")), "no document names `{path}`");
    }
}

#[test]
fn the_image_is_of_this_version_and_built_by_the_pinned_toolchain() {
    let version = read("Cargo.toml").parse::<toml::Table>().unwrap()["workspace"]["package"]["version"].clone();
    let toolchain = read("rust-toolchain.toml").parse::<toml::Table>().unwrap()["toolchain"]["channel"].clone();
    let file = read("Containerfile");
    let arguments = |name: &str| -> Vec<String> {
        let lines = file.lines().filter_map(|line| line.strip_prefix(&format!("ARG {name}=")));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(arguments("VERSION"), [version.as_str().unwrap()]);
    assert_eq!(arguments("RUST_VERSION"), [toolchain.as_str().unwrap()]);
}

fn read(path: &str) -> String {
    fs::read_to_string(programs::repository().join(path)).unwrap_or_else(|error| format!("{path}: {error}"))
}

/// All of `docs/*.md` in one text.
fn all_documents() -> String {
    let entries = fs::read_dir(programs::repository().join("docs")).expect("there are documents");
    let is_document = |path: &Path| path.extension().is_some_and(|extension| extension == "md");
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| is_document(path));
    paths.map(|path| fs::read_to_string(path).expect("a document can be read")).collect()
}
