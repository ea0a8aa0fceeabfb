//! Podman's generator, which makes services of quadlets: what it says about a folder of them. It installs nothing.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::manager::Scope;

/// Where it is; Debian and Fedora agree.
const PLACES: [&str; 2] = ["/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet"];

/// The generator of this machine. `YTORCH_QUADLET` names another one.
pub(crate) fn find() -> Option<PathBuf> {
    let given = env::var_os("YTORCH_QUADLET").filter(|text| !text.is_empty()).map(PathBuf::from);
    given.into_iter().chain(PLACES.map(PathBuf::from)).find(|path| path.is_file())
}

/// Lets it read the quadlets of a folder without writing anything.
///
/// # Errors
/// With its own words, if it would drop one: systemd then only says that there is no such unit.
pub(crate) fn check(program: &Path, folder: &Path, scope: Scope) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg("-dryrun").env("QUADLET_UNIT_DIRS", folder).stdin(Stdio::null());
    if scope == Scope::User {
        command.arg("-user");
    }
    let told = command.output().map_err(|error| format!("could not run {}: {error}", program.display()))?;
    if told.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&told.stderr);
    // It also says what it reads, and that a variable is no full name of an image.
    let is_reason = |line: &&str| line.contains("converting") || line.contains("unsupported") || line.contains("error");
    let lines: Vec<&str> = words.lines().map(str::trim).filter(is_reason).collect();
    Err(if lines.is_empty() { words.trim().to_owned() } else { lines.join("\n    ") })
}
