//! The process that keeps a user's namespace for Podman: after it was killed nothing starts any more until
//! `podman system migrate`, which also stops every container. So it never does that beside a container of ours.

use std::fs;

use super::{Podman, Refusal};

/// Lets Podman make a new one if words say that it lost it and no container of ours runs; whether it did.
pub(crate) fn is_mended(podman: &Podman, words: &str) -> bool {
    Refusal::of(words) == Refusal::PauseProcess
        && !ours_run()
        && podman.command(["system", "migrate"]).output().is_ok_and(|output| output.status.success())
}

/// Podman cannot be asked in this state; the process beside each container says whose it is.
fn ours_run() -> bool {
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    let here = fs::read_link("/proc/self/ns/pid").ok();
    processes.flatten().any(|process| {
        // What runs inside of a container that is a machine of its own is that machine's.
        if fs::read_link(process.path().join("ns/pid")).ok() != here {
            return false;
        }
        let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        let is_keeper = arguments.next().is_some_and(|program| program.ends_with(b"conmon"));
        is_keeper && arguments.any(|argument| argument.starts_with(b"ytorch"))
    })
}
