//! Every text that `ytorch render units` prints, word for word: `tests/golden/ENGINE-SCOPE-VARIANT.txt`. With
//! `YTORCH_WRITE_GOLDEN=1` the files are written anew. systemd does not read them here; `tests/cli/units.rs` has it do so.

use std::{fs, path::PathBuf};

use ytorch_core::files::{Access, write_atomically};

use super::*;
use crate::{
    engine::systemd::manager::Manager,
    spec::{Limits, tests::example},
};

/// What is set in a variant, and whether its container has a network.
fn variants() -> [(&'static str, Spec, bool); 5] {
    let usual = Spec { release: Some("1f".repeat(32).parse().unwrap()), ..example(Desired::Running) };
    let limits = Limits { memory_bytes: Some(1 << 29), tasks: Some(100), cpu_percent: Some(150) };
    let on_demand = Spec { desired: Desired::OnDemand, idle_exit_seconds: Some(300), ..usual.clone() };
    let host_names = vec!["friend.example.org".to_owned(), "f.example.org".to_owned()];
    [
        ("usual", usual.clone(), false),
        ("limited", Spec { limits, ..usual.clone() }, false),
        ("on-demand", on_demand, false),
        ("named", Spec { host_names, ..usual.clone() }, false),
        ("outside", Spec { bind: "::".parse().unwrap(), ..usual }, true),
    ]
}

fn rendered(kind: Kind, scope: Scope, spec: &Spec, outside: bool) -> String {
    let home = Path::new("/home/alice");
    let root = home.join("projectDeployments");
    let names = Names::new(kind, &root, Some(home), &Manager::example(scope));
    let setting = Setting {
        names: &names,
        root: root.to_str().unwrap(),
        scope,
        podman: "/usr/bin/podman",
        time_zone: "Europe/Berlin",
    };
    let folders = InstanceFolders::new(root.join(spec.name.as_str()));
    let files = shared(&setting).into_iter().chain(own(&setting, spec, &folders, outside));
    let texts: Vec<String> = files.map(|file| format!("==> {} <==\n{}\n", file.path.display(), file.text)).collect();
    texts.concat()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for (kind, engine) in [(Kind::Quadlet, "quadlet"), (Kind::Podman, "podman"), (Kind::Native, "native")] {
        for (scope, whose) in [(Scope::User, "user"), (Scope::System, "system")] {
            for (variant, spec, outside) in variants() {
                cases.push((format!("{engine}-{whose}-{variant}.txt"), rendered(kind, scope, &spec, outside)));
            }
        }
    }
    cases
}

#[test]
fn what_is_rendered_is_what_was_agreed() {
    let mut different = Vec::new();
    for (name, text) in cases() {
        let path = golden().join(&name);
        if std::env::var_os("YTORCH_WRITE_GOLDEN").is_some() {
            write_atomically(&path, text.as_bytes(), Access::Shared).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != text {
            different.push(name);
        }
    }
    assert!(different.is_empty(), "after a look at the change: YTORCH_WRITE_GOLDEN=1 writes {different:?}");
}

#[test]
fn every_golden_file_is_of_a_case() {
    let known: Vec<String> = cases().into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(golden()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // A hidden one is being written, by the test above.
        assert!(known.contains(&name) || name == "timers.txt" || name.starts_with('.'), "{name} belongs to no case");
    }
}
