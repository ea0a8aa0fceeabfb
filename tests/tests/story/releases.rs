//! Other releases of the server, good and bad, as images or as programs. It runs none of them.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path};

use tempfile::TempDir;
use ytorch_tests::{Machine, programs};

use crate::Stage;

/// The same server by another name, and what cannot be run.
pub(crate) struct Releases {
    /// What they run at first, where it has to be named.
    pub(crate) first: Option<&'static str>,
    pub(crate) better: String,
    /// One that ends at once, and one that never becomes ready.
    pub(crate) bad: [String; 2],
}

/// Something that runs for ever: there is no shell in the image, so it comes with its library.
const SLEEPS: &str = "FROM localhost/ytorch:slim
COPY sleep /sleep
COPY ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2
COPY libc.so.6 /lib/x86_64-linux-gnu/libc.so.6
ENTRYPOINT [\"/sleep\", \"infinity\"]
CMD []
STOPSIGNAL SIGKILL
";

impl Releases {
    pub(crate) fn make<M: Machine>(stage: &Stage<M>) -> Self {
        if matches!(stage.engine, "quadlet" | "podman") {
            Self::images(&stage.machine)
        } else {
            Self::programs(&stage.machine)
        }
    }

    /// What was made must not be taken for the newest release by whoever comes next.
    pub(crate) fn forget<M: Machine>(stage: &Stage<M>) {
        if matches!(stage.engine, "quadlet" | "podman") {
            stage
                .machine
                .shell("podman image rm --force localhost/test:ends localhost/test:sleeps localhost/test:better")
                .ok();
        }
    }

    fn images<M: Machine>(machine: &M) -> Self {
        machine.shell("mkdir -p context && cp -L /usr/bin/sleep /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6 context").ok();
        let build = |tag: &str, text: &str| {
            let script = format!(
                "printf '%s' '{text}' >context/Containerfile && podman build --quiet --network=none --format=docker --tag=localhost/test:{tag} context"
            );
            machine.shell(&script).ok().lines().last().expect("it says the ID").to_owned()
        };
        let ends = build("ends", "FROM localhost/ytorch:slim\nENTRYPOINT [\"/ytorch-server\", \"nonsense\"]\n");
        let sleeps = build("sleeps", SLEEPS);
        let better = build("better", "FROM localhost/ytorch:slim\nLABEL x=1\n");
        Self { first: Some("localhost/ytorch:slim"), better, bad: [ends, sleeps] }
    }

    fn programs<M: Machine>(machine: &M) -> Self {
        let folder = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
        let make = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            write_program(&path, bytes);
            machine.give(&path, name)
        };
        // What follows a program's end is no part of it.
        let mut bytes = fs::read(programs::server()).expect("the server is built");
        bytes.push(b'x');
        let better = make("better", &bytes);
        let ends = make("ends", b"#!/bin/sh\necho it does not like it here >&2\nexit 1\n");
        Self { first: None, better, bad: [ends, make("sleeps", b"#!/bin/sh\nexec sleep infinity\n")] }
    }
}

fn write_program(path: &Path, bytes: &[u8]) {
    fs::File::create(path).and_then(|mut file| file.write_all(bytes)).expect("a temporary file can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}
