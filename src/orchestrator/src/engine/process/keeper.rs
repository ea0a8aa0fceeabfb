//! The supervisor of a server, as the kernel knows it: also one whose `run/`, with its lock, was deleted under it. It
//! sends nothing.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt as _,
};

/// The supervisor whose child a process is; `None` if it has none (any more), or where there is no `/proc`.
pub(super) fn of_server(pid: u32) -> Option<u32> {
    parent(pid).filter(|parent| is_supervisor(*parent))
}

/// Whether a process is a supervisor that has not ended. One that only waits for its own parent has no arguments left.
pub(super) fn is_supervisor(pid: u32) -> bool {
    arguments(pid).get(1).is_some_and(|verb| verb == "supervise")
}

fn arguments(pid: u32) -> Vec<OsString> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|argument| OsStr::from_bytes(argument).to_owned()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it can hold anything, even a bracket: what follows the last one is the state and the parent.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
