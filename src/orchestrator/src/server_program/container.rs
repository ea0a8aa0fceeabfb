//! The server program of an image, run for one command: with no network, no rights, and the folders it needs at their
//! own paths. It serves nothing; engines do.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ytorch_core::{InstanceFolders, Zone};

use crate::{engine::systemd::manager::Scope, podman::Podman, spec::ReleaseId};

/// A file or folder that a command of the server needs beside its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// It is read.
    Read(PathBuf),
    /// It is written, or made.
    Write(PathBuf),
}

impl Shared {
    /// What is mounted, and how: what is not there yet is made in the folder that it will be in.
    fn volume(&self) -> String {
        let (path, mode) = match self {
            Self::Read(path) => (path.as_path(), "ro"),
            Self::Write(path) if path.exists() => (path.as_path(), "rw"),
            Self::Write(path) => (existing_parent(path), "rw"),
        };
        volume(path, mode)
    }
}

fn existing_parent(path: &Path) -> &Path {
    path.ancestors().skip(1).find(|parent| parent.is_dir()).unwrap_or(Path::new("/"))
}

fn volume(path: &Path, mode: &str) -> String {
    format!("{0}:{0}:{mode}", path.display())
}

/// `podman run` up to the image: the verb and what follows it are still to be added.
pub(super) fn command(
    podman: &Podman,
    release: &ReleaseId,
    folders: Option<&InstanceFolders>,
    shared: &[Shared],
) -> Command {
    let mut command = podman.command(["run", "--rm", "--pull", "never", "--network", "none", "--read-only"]);
    command.args(["--cap-drop", "all", "--security-opt", "no-new-privileges", "--log-driver", "none"]);
    command.args(match Scope::of_this_user() {
        Scope::User => ["--userns", "keep-id"],
        Scope::System => ["--user", "0:0"],
    });
    command.args(["--env", &format!("TZ={}", Zone::system().name())]);
    if let Some(folders) = folders {
        let environment = folders.config().join("app.env");
        if environment.is_file() {
            command.arg("--env-file").arg(environment);
        }
        command.args(["--volume", &volume(folders.root(), "rw")]);
    }
    for one in shared {
        command.args(["--volume", &one.volume()]);
    }
    command.arg(release.digits());
    command
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn a_command_sees_its_instance_and_the_named_files_at_their_own_paths() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        let folders = InstanceFolders::new(path("friend"));
        let podman = Podman::find(Some(OsStr::new("/bin/sh")), None).unwrap();
        let release: ReleaseId = "ab".repeat(32).parse().unwrap();
        let shared = [Shared::Read(path("export.zip")), Shared::Write(path("deep/down/new.tar.gz"))];
        let command = command(&podman, &release, Some(&folders), &shared);
        let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let text = words.join(" ");
        for expected in [
            "run --rm --pull never --network none --read-only --cap-drop all --security-opt no-new-privileges"
                .to_owned(),
            format!("--volume {0}:{0}:rw", path("friend").display()),
            format!("--volume {0}:{0}:ro", path("export.zip").display()),
            // A folder that is not there is made by the server, as it would be without a container.
            format!("--volume {0}:{0}:rw", home.path().display()),
        ] {
            assert!(text.contains(&expected), "{expected} is not in {text}");
        }
        assert_eq!(words.last().map(String::as_str), Some(release.digits()));
    }
}
