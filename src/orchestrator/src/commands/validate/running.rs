//! Checks of what an instance needs to be run by its engine: image or program, units, room, network. It mends nothing and
//! asks no server.

use std::fs::{self, OpenOptions};

use ytorch_core::{InstanceFolders, disk};

use super::Check;
use crate::{
    commands::{Context, engine},
    engine::{
        choice::Facts,
        derived::{DerivedFile, Found},
        systemd::{
            generator,
            manager::{Manager, Scope},
        },
    },
    outside,
    podman::Podman,
    programs, size,
    spec::{EngineName, Spec},
};

pub(super) fn checks(context: &Context, spec: &Spec) -> Vec<Check> {
    let folders = context.root.folders(&spec.name);
    let mut checks = Vec::new();
    checks.extend(unfinished_upgrade(spec));
    if spec.engine == EngineName::Process {
        return checks;
    }
    if let Err(why) = Facts::of_this_machine(context.root.path()).fits(spec.engine) {
        checks.push(Check::fail(
            "engine",
            format!("{}: {why}", spec.engine),
            "`ytorch validate` names what each needs",
        ));
    }
    let (release, image_bytes) = release(context, spec);
    checks.push(release);
    checks.push(room(&folders, image_bytes));
    match engine(&folders, spec.engine).files(&folders, spec) {
        Ok(files) => {
            checks.extend(units(spec, &files));
            checks.extend(generated(spec, &files));
        }
        Err(problem) => checks.push(Check::failed("units", problem)),
    }
    checks.extend(network(&folders, spec));
    checks
}

fn unfinished_upgrade(spec: &Spec) -> Option<Check> {
    let trial = spec.trial.as_ref()?;
    Some(Check::warn(
        "upgrade",
        format!("one that began {} is not finished", trial.started),
        format!("ytorch reconcile {}", spec.name),
    ))
}

/// What is run, and how large it is.
fn release(context: &Context, spec: &Spec) -> (Check, u64) {
    let name = &spec.name;
    let Some(release) = &spec.release else {
        return (Check::fail("release", "the spec names none", format!("ytorch upgrade {name}")), 0);
    };
    if spec.engine == EngineName::Native {
        let path = programs::place(context.root.path(), release);
        return match fs::metadata(&path) {
            Ok(file) => (Check::ok("release", path.display().to_string()), file.len()),
            Err(error) => {
                (Check::fail("release", format!("{}: {error}", path.display()), format!("ytorch upgrade {name}")), 0)
            }
        };
    }
    let told = Podman::of_this_machine()
        .and_then(|podman| podman.json(["image", "inspect", "--format", "json", "--", release.digits()]));
    match told {
        Ok(told) => {
            let bytes = told[0]["Size"].as_u64().unwrap_or(0);
            (Check::ok("release", format!("image {} ({})", release.short(), size::in_words(bytes))), bytes)
        }
        Err(error) => (Check::failed("release", error.into()), 0),
    }
}

/// An upgrade keeps a copy of the database, and beside the new image there is the old one.
fn room(folders: &InstanceFolders, image_bytes: u64) -> Check {
    let database_bytes = fs::metadata(folders.data().join("db/ytorch.sqlite3")).map_or(0, |file| file.len());
    let needed = image_bytes + 2 * database_bytes;
    match disk::free_bytes(folders.root()) {
        Ok(free_bytes) => enough(free_bytes, needed),
        Err(error) => Check::warn("room", error.to_string(), "look with `df`"),
    }
}

fn enough(free_bytes: u64, needed_bytes: u64) -> Check {
    let (free, needed) = (size::in_words(free_bytes), size::in_words(needed_bytes));
    if free_bytes >= needed_bytes {
        return Check::ok("room", format!("an upgrade needs {needed}, {free} are free"));
    }
    Check::fail("room", format!("an upgrade needs {needed}, only {free} are free"), "make room: podman image prune")
}

/// Whether the files that follow from the spec are as they should be.
fn units(spec: &Spec, files: &[DerivedFile]) -> Vec<Check> {
    let found: Vec<(&DerivedFile, Found)> = files.iter().map(|file| (file, file.find())).collect();
    let those = |wanted: &[Found]| {
        let some = found.iter().filter(|(_, found)| wanted.contains(found));
        some.map(|(file, _)| file.path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    let (by_hand, older) = (those(&[Found::ByHand]), those(&[Found::Absent, Found::Older]));
    let mut checks = Vec::new();
    if !by_hand.is_empty() {
        let hint =
            format!("to have ytorch's own again: rm {} && ytorch reconcile {}", by_hand.replace(',', ""), spec.name);
        checks.push(Check::warn("units", format!("changed by hand, and left alone: {by_hand}"), hint));
    }
    if spec.desired.serves() && !older.is_empty() {
        let found = format!("missing, or of another spec: {older}");
        checks.push(Check::warn("units", found, format!("ytorch reconcile {}", spec.name)));
    }
    if checks.is_empty() {
        checks.push(Check::ok("units", "as the spec says"));
    }
    checks
}

/// Lets Podman's generator read the quadlet that would be written: systemd tells nobody why it made no service of one.
fn generated(spec: &Spec, files: &[DerivedFile]) -> Option<Check> {
    if spec.engine != EngineName::Quadlet {
        return None;
    }
    let generator = generator::find()?;
    let quadlet = files.iter().find(|file| file.path.extension().is_some_and(|extension| extension == "container"))?;
    let folder = std::env::temp_dir().join(format!(".ytorch-validate-{}", std::process::id()));
    let copy = DerivedFile { path: folder.join(quadlet.path.file_name()?), text: quadlet.text.clone() };
    let checked = match copy.write() {
        Ok(()) => generator::check(&generator, &folder, Scope::of_this_user()),
        Err(error) => Err(error.to_string()),
    };
    // What is left there is of no worth.
    let _ = fs::remove_dir_all(&folder);
    Some(match checked {
        Ok(()) => Check::ok("quadlet", "Podman's generator accepts it"),
        Err(words) => {
            Check::fail("quadlet", words, "this Podman does not know it: `podman version`; use --engine podman")
        }
    })
}

fn network(folders: &InstanceFolders, spec: &Spec) -> Option<Check> {
    let is_container = spec.engine.is_container();
    if !is_container || Manager::of_this_user().scope() != Scope::User || !outside::is_wanted(folders, spec) {
        return None;
    }
    Some(match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Check::ok("network", "containers can reach the outside"),
        Err(error) => {
            let hint =
                "sudo modprobe tun && sudo chmod 666 /dev/net/tun; or leave it out: ytorch set NAME --network none";
            Check::warn("network", format!("/dev/net/tun: {error}"), hint)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        commands::validate::Outcome,
        spec::{Desired, ReleaseId, tests::example},
    };

    #[test]
    fn room_is_told_in_numbers() {
        assert_eq!(enough(10, 10).outcome, Outcome::Ok);
        let check = enough(1 << 20, 3 << 20);
        assert_eq!(check.outcome, Outcome::Fail);
        assert!(check.found.contains("needs 3.0 MiB, only 1.0 MiB"), "{}", check.found);
    }

    #[test]
    fn an_unfinished_upgrade_is_told() {
        let release: ReleaseId = "ab".repeat(32).parse().unwrap();
        let spec = example(Desired::Running).trying(&release, &release, None, "at noon".to_owned());
        let check = unfinished_upgrade(&spec).unwrap();
        assert_eq!((check.outcome, check.hint.as_deref()), (Outcome::Warn, Some("ytorch reconcile friend")));
        assert!(unfinished_upgrade(&example(Desired::Running)).is_none());
    }
}
