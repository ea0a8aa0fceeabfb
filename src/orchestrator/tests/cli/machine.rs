//! A stand-in machine with systemd and Podman (`tests/stand_in/machine.py`) and what tests do to it. It contains nothing.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{stand_in, stand_in_server, write};

/// The image that Podman has there.
pub(super) const IMAGE: &str = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";

/// A machine. Dropping it ends everything that runs there.
pub(super) struct Machine {
    process: Child,
    folder: TempDir,
    engine: &'static str,
}

impl Machine {
    pub(super) fn boot(engine: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for inside in ["bin", "etc"] {
            fs::create_dir(folder.path().join(inside)).unwrap();
        }
        for name in ["systemctl", "journalctl", "podman", "quadlet"] {
            symlink(stand_in("stand_in_program"), folder.path().join("bin").join(name)).unwrap();
        }
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/machine.py");
        let mut process = Command::new("python3")
            .arg("-B")
            .args([&program, folder.path(), &folder.path().join("etc"), &stand_in_server()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the stand-in machine needs python3");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the stand-in machine did not come up");
        Self { process, folder, engine }
    }

    /// Where unit files are written.
    pub(super) fn units(&self) -> PathBuf {
        let systemd = self.configuration().join("systemd");
        ["system", "user"].map(|scope| systemd.join(scope)).into_iter().find(|path| path.is_dir()).unwrap()
    }

    /// What is in /etc of other machines, or in ~/.config.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.path().join("etc")
    }

    /// Lets a command run on this machine.
    pub(super) fn surround(&self, command: &mut Command) {
        let bin = self.folder.path().join("bin");
        let search = std::env::var_os("PATH").unwrap_or_default();
        let search = std::iter::once(bin.clone()).chain(std::env::split_paths(&search));
        command
            .env("PATH", std::env::join_paths(search).unwrap())
            .env("YTORCH_ENGINE", self.engine)
            .env("YTORCH_SYSTEMCTL", bin.join("systemctl"))
            .env("YTORCH_PODMAN", bin.join("podman"))
            .env("YTORCH_QUADLET", bin.join("quadlet"))
            .env("YTORCH_SYSTEM_CONFIG", self.configuration())
            .env("XDG_CONFIG_HOME", self.configuration())
            .env("XDG_RUNTIME_DIR", self.folder.path());
    }

    /// Stops every unit, as somebody might by hand.
    pub(super) fn stop_everything(&self) {
        self.systemctl(&["stop", "*.socket", "*.service"]);
    }

    /// Asks systemd, as a person might.
    pub(super) fn systemctl(&self, words: &[&str]) {
        assert!(Command::new(self.folder.path().join("bin/systemctl")).args(words).status().unwrap().success());
    }

    /// Lets calls whose words contain these end like this: `{program, words, code, stdout, stderr, times}` each.
    pub(super) fn rule(&self, rules: &Value) {
        write(self.folder.path().join("rules.json"), rules.to_string()).unwrap();
    }

    /// Gives Podman another image, newer than the one it has.
    pub(super) fn add_image(&self, digits: &str) {
        write(self.folder.path().join("images"), digits).unwrap();
    }

    /// Lets calls of `systemctl` with this word wait until they are released.
    pub(super) fn hold(&self, word: &str) {
        write(self.folder.path().join("hold"), word).unwrap();
    }

    /// Lets them go on.
    pub(super) fn release(&self) {
        fs::remove_file(self.folder.path().join("hold")).unwrap();
    }

    /// Waits until a program was called like this.
    pub(super) fn wait_for_call(&self, call: &str) {
        let is_made = || fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default().contains(call);
        for _ in 0..2000 {
            if is_made() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("nobody called `{call}`");
    }

    /// Every call so far, a line each, and forgets them.
    pub(super) fn calls(&self) -> Vec<String> {
        let path = self.folder.path().join("calls");
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
