//! What systemd says about the units that are written. Their texts are held in `src/engine/systemd/text/tests.rs`, and
//! Podman's generator does not read them here.

use std::{fs, process::Command};

use super::{Ended, Root, free_port};

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("skipped: there is no systemd-analyze here");
        return;
    }
    for engine in ["quadlet", "podman", "native"] {
        let root = Root::on_a_machine(engine);
        root.run(&["create", "friend", "--port", &free_port().to_string()]).ok();
        let units = root.machine().units();
        let templates = fs::read_dir(&units).unwrap().flatten().map(|entry| entry.path());
        for template in templates.filter(|path| path.is_file()) {
            // A template is only looked at as one of its instances.
            let unit = template.display().to_string().replace("@.", "@friend.");
            let mut command = Command::new("systemd-analyze");
            command.args(["verify", "--man=no", &unit]).env("SYSTEMD_UNIT_PATH", format!("{}:", units.display()));
            let told = command.output().unwrap();
            let words = String::from_utf8_lossy(&told.stderr).into_owned();
            let prefix = template.file_name().unwrap().to_string_lossy().split('@').next().unwrap().to_owned();
            // Of keys that this systemd is too old for, and of units that are not ours, nothing is said here; the service of a
            // quadlet is made by Podman's generator, so that its socket has none yet.
            let others = ["Restart", ".service not found", "not loaded"];
            let is_ours = |line: &&str| line.contains(&prefix) && !others.iter().any(|other| line.contains(other));
            let wrong: Vec<&str> = words.lines().filter(is_ours).collect();
            assert!(wrong.is_empty(), "{unit}: {wrong:?}");
        }
    }
}

#[test]
fn a_folder_with_a_blank_is_refused_before_anything_is_written() {
    let root = Root::on_a_machine("quadlet");
    let folder = root.file("a b");
    let mut command = root.command(&["create", "friend", "--no-start"]);
    let ended = Ended::of(command.env("YTORCH_ROOT", &folder).output().unwrap());
    ended.fails(3, &["the engine `quadlet` does not work here", "cannot stand in a unit"]);
    assert!(!folder.join("friend").exists());
}
