//! For the crash matrix: `ytorch` kills itself before its n-th action if `YTORCH_DIE_BEFORE=n` is set. It is compiled into
//! builds for tests only (`debug_assertions`), never into a release.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// How many actions were done by this process.
static DONE: AtomicUsize = AtomicUsize::new(0);

/// Dies here, as by `kill -9`, if this is the action before which it shall.
pub(super) fn before_an_effect() {
    let number = DONE.fetch_add(1, Ordering::Relaxed);
    let last = std::env::var("YTORCH_DIE_BEFORE").ok().and_then(|text| text.parse::<usize>().ok());
    if last == Some(number) {
        // A signal that cannot be sent would show as a command that goes on to its end.
        let _ = kill_process(getpid(), Signal::KILL);
    }
}
