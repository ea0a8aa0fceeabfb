//! Keeps the memory of a long-running server small. It allocates nothing itself.

use std::os::unix::process::CommandExt as _;

/// The variable by which glibc's allocator is told how many arenas it may have.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// One for the threads that answer and one for the threads that work.
const MOST_ARENAS: &str = "2";

/// Starts this program anew, in the same process, with few arenas; returns if it has them already or that fails.
///
/// glibc gives each of many threads an arena of its own, and every one keeps what the largest import once needed there: a
/// server to which exports keep coming would grow to several times its size. The allocator reads its limit only at a
/// start, and calling `mallopt` would need unsafe code. (mimalloc was tried: it stays flat, at twice the memory of an idle
/// server.)
pub(crate) fn limit_arenas() {
    if std::env::var_os(ARENAS).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_else(|| program.clone().into_os_string());
    // Returns only if it failed, and then the server runs as it is.
    let _ = std::process::Command::new(program).arg0(name).args(arguments).env(ARENAS, MOST_ARENAS).exec();
}
