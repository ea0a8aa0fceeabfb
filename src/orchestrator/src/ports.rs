//! Ports: which are free, and who has one that is not. It keeps no table; specs and the kernel know.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, SocketAddr, TcpListener},
    path::Path,
};

use ytorch_core::{ExitCode, InstanceName, Problem};

use crate::spec::Spec;

/// The first port that is given out.
pub(crate) const FIRST_PORT: u16 = 8100;

/// Whether a server could listen there now.
pub(crate) fn can_bind(bind: IpAddr, port: u16) -> bool {
    TcpListener::bind(SocketAddr::new(bind, port)).is_ok()
}

/// Chooses the port of an instance: the one asked for, or the first from 8100 up that no spec and no program has.
///
/// `preferred` is taken first where it is free and none was asked for.
pub(crate) fn allocate(
    specs: &[Spec],
    asked: Option<u16>,
    preferred: Option<u16>,
    is_free: impl Fn(u16) -> bool,
) -> Result<u16, Problem> {
    let used: BTreeMap<u16, &InstanceName> = specs.iter().map(|spec| (spec.port, &spec.name)).collect();
    if let Some(port) = asked {
        if let Some(name) = used.get(&port) {
            return Err(belongs_to(port, name).hint("leave out --port to get a free one"));
        }
        return if is_free(port) { Ok(port) } else { Err(taken(port, "leave out --port to get a free one")) };
    }
    let mut candidates = preferred.into_iter().chain(FIRST_PORT..=u16::MAX);
    candidates.find(|port| !used.contains_key(port) && is_free(*port)).ok_or_else(|| {
        Problem::new(ExitCode::PortTaken, format!("no port from {FIRST_PORT} up is free"))
            .hint("name one: ytorch create --port N")
    })
}

/// Whether no other instance has the port of this one, which somebody may have edited.
pub(crate) fn is_nobody_elses(specs: &[Spec], spec: &Spec) -> Result<(), Problem> {
    match specs.iter().find(|other| other.port == spec.port && other.name != spec.name) {
        Some(other) => Err(belongs_to(spec.port, &other.name)),
        None => Ok(()),
    }
}

fn belongs_to(port: u16, name: &InstanceName) -> Problem {
    Problem::new(ExitCode::PortTaken, format!("port {port} belongs to the instance `{name}`"))
}

/// The problem of a port that another program has; names it where the kernel tells.
pub(crate) fn taken(port: u16, hint: &str) -> Problem {
    let problem = Problem::new(ExitCode::PortTaken, format!("port {port} is taken")).hint(hint);
    match owner(port) {
        Some((pid, name)) => problem.detail(format!("`{name}` (pid {pid}) listens on it")),
        None => problem.detail("another program listens on it, or it is not allowed for you"),
    }
}

/// The process that listens on a port: its id and name. `None` where there is no `/proc`, or it is another user's.
fn owner(port: u16) -> Option<(u32, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    let inode = tables.iter().flat_map(|table| table.lines()).find_map(|line| listening_inode(line, port))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|text| text.parse::<u32>().ok()) else { continue };
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|to| to == Path::new(&socket)));
        if holds {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

/// The inode in a line of `/proc/net/tcp`, if it is a socket that listens (state 0A) on the port.
fn listening_inode(line: &str, port: u16) -> Option<&str> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (_, local_port) = local.rsplit_once(':')?;
    let matches = *state == "0A" && u16::from_str_radix(local_port, 16).ok()? == port;
    matches.then_some(inode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Desired, tests::example};

    #[test]
    fn the_first_port_that_neither_a_spec_nor_a_program_has_is_given() {
        let specs = [example(Desired::Stopped)];
        assert_eq!(allocate(&specs, None, None, |port| port != 8101).unwrap(), 8102);
        assert_eq!(allocate(&specs, None, Some(9000), |_| true).unwrap(), 9000);
        assert_eq!(allocate(&specs, None, Some(8100), |_| true).unwrap(), 8101);
        assert_eq!(allocate(&specs, Some(8200), None, |_| true).unwrap(), 8200);
    }

    #[test]
    fn a_taken_port_is_refused_with_its_owner() {
        let specs = [example(Desired::Stopped)];
        let problem = allocate(&specs, Some(8100), None, |_| true).unwrap_err();
        assert_eq!(problem.code, ExitCode::PortTaken);
        assert!(problem.what.contains("`friend`"), "{problem}");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!can_bind("127.0.0.1".parse().unwrap(), port));
        let problem = allocate(&[], Some(port), None, |port| can_bind("127.0.0.1".parse().unwrap(), port)).unwrap_err();
        assert_eq!(problem.code, ExitCode::PortTaken);
        assert!(problem.to_string().contains(&format!("pid {}", std::process::id())), "{problem}");
    }

    #[test]
    fn no_free_port_at_all_is_a_problem() {
        assert_eq!(allocate(&[], None, None, |_| false).unwrap_err().code, ExitCode::PortTaken);
    }
}
