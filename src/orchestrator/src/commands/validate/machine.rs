//! Checks of the machine: folders, programs, ports, time zones. It looks at no instance.

use std::{env, net::IpAddr, path::Path};

use rustix::fs::{Access, access};
use ytorch_core::{Problem, Zone, disk};

use super::Check;
use crate::{
    commands::{Context, server_program},
    ports::{self, FIRST_PORT},
    server_program::ServerProgram,
    size,
};

/// Less free space than this is worth a word; less than the second, an import will not fit.
const ROOMY_BYTES: u64 = 2 * 1024 * 1024 * 1024;
const TIGHT_BYTES: u64 = 256 * 1024 * 1024;

pub(super) fn checks(context: &Context) -> Vec<Check> {
    let existing = nearest_existing(context.root.path());
    let mut checks = vec![root_folder(context.root.path(), existing), disk_space(existing)];
    checks.extend(server());
    checks.extend([free_port(), time_zones(), home(), path(), leftovers(context)]);
    checks
}

fn nearest_existing(path: &Path) -> &Path {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"))
}

fn root_folder(root: &Path, existing: &Path) -> Check {
    let hint = "make it writable for you, or name another one: --root DIR, or YTORCH_ROOT";
    if !existing.is_dir() {
        return Check::fail("root folder", format!("{} is not a folder", existing.display()), hint);
    }
    match access(existing, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) if existing == root => Check::ok("root folder", format!("{} is writable", root.display())),
        Ok(()) => Check::ok("root folder", format!("{} will be made by the first create", root.display())),
        Err(error) => Check::fail("root folder", format!("{} is not writable: {error}", existing.display()), hint),
    }
}

fn disk_space(folder: &Path) -> Check {
    let free_bytes = match disk::free_bytes(folder) {
        Ok(free_bytes) => free_bytes,
        Err(error) => return Check::warn("disk space", error.to_string(), "look with `df`"),
    };
    let found = format!("{} free", size::in_words(free_bytes));
    match free_bytes {
        0..TIGHT_BYTES => Check::fail("disk space", found, "free some space: an import needs room for a database"),
        TIGHT_BYTES..ROOMY_BYTES => Check::warn("disk space", found, "a large export may not fit"),
        _ => Check::ok("disk space", found),
    }
}

fn server() -> Vec<Check> {
    let program = match server_program() {
        Ok(program) => program,
        Err(problem) => return vec![without(problem)],
    };
    let own = env!("CARGO_PKG_VERSION");
    let place = program.path().display();
    let check = match program.version() {
        Ok(version) if version == own => Check::ok("server", format!("{place}, version {version}")),
        Ok(version) => Check::fail(
            "server",
            format!("{place} has version {version}, ytorch has {own}"),
            "install both programs from one build",
        ),
        Err(problem) => Check::failed("server", problem),
    };
    vec![check]
}

/// Where images are used, no server program is needed beside them.
fn without(problem: Problem) -> Check {
    match ServerProgram::of_newest_image() {
        Some(ServerProgram::Image { release, .. }) => {
            Check::ok("server", format!("none beside ytorch; the newest image is {}", release.short()))
        }
        _ => Check::failed("server", problem),
    }
}

fn free_port() -> Check {
    let loopback = IpAddr::from([127, 0, 0, 1]);
    let last = FIRST_PORT + 99;
    match (FIRST_PORT..=last).find(|port| ports::can_bind(loopback, *port)) {
        Some(port) => Check::ok("ports", format!("port {port} is free")),
        None => Check::warn(
            "ports",
            format!("no port from {FIRST_PORT} to {last} is free"),
            "create looks further up; or name one with --port",
        ),
    }
}

fn time_zones() -> Check {
    match Zone::named("Europe/Berlin") {
        Ok(_) => Check::ok("time zones", format!("known; this machine is in {}", Zone::system().name())),
        Err(error) => Check::fail("time zones", error.to_string(), "install the package tzdata"),
    }
}

fn home() -> Check {
    match env::var_os("HOME").filter(|home| !home.is_empty()) {
        Some(home) => Check::ok("home", home.to_string_lossy()),
        None => Check::warn("home", "HOME is not set", "without it, --root or YTORCH_ROOT must be given"),
    }
}

fn path() -> Check {
    let own = env::current_exe().ok();
    let folder = own.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let search = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&search).any(|entry| entry == folder) {
        return Check::ok("PATH", format!("has {}", folder.display()));
    }
    let hint = format!("add it: export PATH=\"{}:$PATH\"", folder.display());
    Check::warn("PATH", format!("lacks {}, where ytorch is", folder.display()), hint)
}

fn leftovers(context: &Context) -> Check {
    let leftovers = context.root.leftovers();
    if leftovers.is_empty() {
        return Check::ok("left-overs", "none");
    }
    let names: Vec<String> = leftovers.iter().map(|path| path.display().to_string()).collect();
    Check::warn("left-overs", names.join(", "), "of an interrupted command; the next create deletes them")
}
