//! What `deploy/release` made, in the folder that `YTORCH_TEST_RELEASE` names: whole, static, and its bill of materials is true.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use ytorch_tests::programs;

const PROGRAMS: [(&str, &str); 2] = [("ytorch", "ytorch-orchestrator"), ("ytorch-server", "ytorch-server")];

/// The folder of the release. Building one takes minutes, so this asks for one that was made before.
fn release() -> PathBuf {
    env::var_os("YTORCH_TEST_RELEASE").expect("run deploy/release and set YTORCH_TEST_RELEASE to its folder").into()
}

/// What a command prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().expect("the program is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn all_files_are_those_that_were_made() {
    let said = printed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(release()));
    for name in ["ytorch", "ytorch-server", "ytorch.cdx.json", "ytorch-server.cdx.json", "built-with.txt"] {
        assert!(said.contains(&format!("{name}: OK")), "{said}");
    }
}

#[test]
fn programs_need_no_shared_library() {
    for (program, _) in PROGRAMS {
        let headers = printed(Command::new("readelf").args(["-lW", "-dW"]).arg(release().join(program)));
        assert!(headers.contains("LOAD") && !headers.contains("INTERP") && !headers.contains("NEEDED"), "{headers}");
    }
}

#[test]
fn bills_of_materials_are_read_from_the_programs_and_agree_with_the_lock_file() {
    for (program, package) in PROGRAMS {
        let file = fs::read_to_string(release().join(format!("{program}.cdx.json"))).unwrap();
        let reader = programs::target().join("tools/bin/auditable2cdx");
        assert_eq!(
            file,
            printed(Command::new(reader).arg(release().join(program))),
            "the file tells of another program"
        );
        let bill: Value = serde_json::from_str(&file).unwrap();
        assert_eq!(bill["bomFormat"], "CycloneDX");
        assert_eq!(bill["metadata"]["component"]["name"], package);
        assert!(bill.get("serialNumber").is_none() && bill["metadata"].get("timestamp").is_none(), "not reproducible");
        let (resolved, locked) = (resolved(package), locked());
        let listed: BTreeSet<String> = bill["components"].as_array().unwrap().iter().map(component).collect();
        let missing: Vec<&String> = resolved.difference(&listed).collect();
        assert!(resolved.len() > 50 && missing.is_empty(), "{program} holds what its bill does not name: {missing:?}");
        // Some are named that the chosen features leave out: `cargo metadata`, where the list comes from, does not look that closely.
        let made_up: Vec<&String> = listed.difference(&locked).collect();
        assert!(made_up.is_empty(), "the bill of {program} names what Cargo.lock does not: {made_up:?}");
    }
}

/// All that the lock file names.
fn locked() -> BTreeSet<String> {
    let text = fs::read_to_string(programs::repository().join("Cargo.lock")).expect("as cargo writes it");
    let lock: toml::Table = text.parse().expect("as cargo writes it");
    let name = |package: &toml::Value| {
        format!(
            "{} {}",
            package["name"].as_str().expect("as cargo writes it"),
            package["version"].as_str().expect("as cargo writes it")
        )
    };
    lock["package"].as_array().expect("as cargo writes it").iter().map(name).collect()
}

/// `name version` of a component.
fn component(component: &Value) -> String {
    format!(
        "{} {}",
        component["name"].as_str().expect("as cargo writes it"),
        component["version"].as_str().expect("as cargo writes it")
    )
}

/// What cargo takes from the lock file for a package on this machine, as it is used or to build it.
fn resolved(package: &str) -> BTreeSet<String> {
    let about = printed(Command::new("rustc").arg("-vV"));
    let target = about.lines().find_map(|line| line.strip_prefix("host: ")).expect("as cargo writes it");
    let words =
        ["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--package", package];
    let tree = printed(programs::cargo().args(words).args(["--target", target]));
    let name = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
    };
    let own = format!("{package} ");
    tree.lines().filter_map(name).filter(|found| !found.starts_with(&own)).collect()
}

#[test]
fn no_path_of_whoever_built_it_is_inside() {
    let home = env::var("HOME").unwrap();
    for (program, _) in PROGRAMS {
        let bytes = fs::read(release().join(program)).unwrap();
        for path in [programs::repository(), Path::new(&home), programs::target().as_path()] {
            let path = format!("{}/", path.display());
            assert!(!bytes.windows(path.len()).any(|found| found == path.as_bytes()), "{program} holds {path}");
        }
    }
}
