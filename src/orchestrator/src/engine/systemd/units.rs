//! How the two units of an instance are, read from what `systemctl show` tells. Pure.

use std::net::SocketAddr;

use ytorch_core::Timestamp;

use super::manager::Properties;
use crate::{
    engine::{Activity, Report},
    spec::Spec,
};

/// The properties that are asked for.
pub(crate) const PROPERTIES: [&str; 12] = [
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "Listen",
    "NeedDaemonReload",
    "StatusText",
    "MainPID",
    "NRestarts",
    "ActiveEnterTimestamp",
    "ExecMainStatus",
    "ExecMainStartTimestamp",
];

/// Where a unit is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It does nothing, or is not known.
    Inactive,
    /// It starts, or waits to be started again.
    Starting,
    /// It does what it should.
    Active,
    /// It ends.
    Stopping,
    /// It gave up.
    Failed,
}

/// The socket and the service of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Units {
    /// The socket.
    pub socket: Life,
    /// What the socket listens on, as systemd tells it.
    pub listen: String,
    /// The service.
    pub service: Life,
    /// The generation that the server says it serves.
    pub generation: Option<u64>,
    /// Whether files changed that systemd has not read yet.
    pub stale: bool,
}

impl Units {
    /// The units, as systemd tells them; what it does not know is inactive.
    pub(crate) fn of(socket: Option<&Properties>, service: Option<&Properties>) -> Self {
        let word = |properties: Option<&Properties>, name: &str| {
            properties.and_then(|properties| properties.get(name)).cloned().unwrap_or_default()
        };
        let is_stale = |properties| word(properties, "NeedDaemonReload") == "yes";
        Self {
            socket: life(&word(socket, "ActiveState")),
            listen: word(socket, "Listen"),
            service: life(&word(service, "ActiveState")),
            generation: generation(&word(service, "StatusText")),
            stale: is_stale(socket) || is_stale(service),
        }
    }

    /// Whether the socket holds the port of a spec.
    pub(crate) fn holds(&self, spec: &Spec) -> bool {
        let wanted = format!("{} (Stream)", SocketAddr::new(spec.bind, spec.port));
        self.socket == Life::Active && self.listen.lines().any(|address| address == wanted)
    }

    /// What works on the instance.
    pub(crate) fn activity(&self) -> Activity {
        match (self.service, self.socket) {
            (Life::Active | Life::Starting | Life::Stopping, _) => Activity::Kept,
            (_, Life::Active | Life::Starting) => Activity::Listening,
            _ => Activity::Nothing,
        }
    }
}

/// What the service says, in the words of every engine.
pub(crate) fn report(units: &Units, spec: &Spec, service: &Properties) -> Report {
    let number = |name: &str| service.get(name).and_then(|text| text.parse::<i64>().ok());
    let pid = number("MainPID").and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    let started = service.get("ActiveEnterTimestamp").and_then(|text| instant(text));
    Report {
        pid: pid.unwrap_or(0),
        started: started.map(|at| at.to_string()).unwrap_or_default(),
        // One that is starting is of the newest generation; one that says nothing is of none.
        generation: units.generation.unwrap_or(if units.service == Life::Starting { spec.generation } else { 0 }),
        port: spec.port,
        bind: spec.bind,
        server_pid: pid.filter(|_| units.service == Life::Active),
        restarts: number("NRestarts").and_then(|restarts| u32::try_from(restarts).ok()).unwrap_or(0),
        last_exit: number("ExecMainStatus").and_then(|code| i32::try_from(code).ok()),
        given_up: units.service == Life::Failed,
    }
}

fn life(active_state: &str) -> Life {
    match active_state {
        "active" | "reloading" | "refreshing" => Life::Active,
        "activating" => Life::Starting,
        "deactivating" => Life::Stopping,
        "failed" => Life::Failed,
        _ => Life::Inactive,
    }
}

/// `… (generation 3)`, at the end of what the server says of itself.
fn generation(status: &str) -> Option<u64> {
    status.rsplit_once("(generation ")?.1.strip_suffix(')')?.parse().ok()
}

/// `@1700000000`, as `--timestamp=unix` has it.
fn instant(text: &str) -> Option<Timestamp> {
    text.strip_prefix('@')?.parse().ok().map(Timestamp::from_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Desired, tests::example};

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_systemd_tells_is_understood() {
        let socket = properties(&[
            ("ActiveState", "active"),
            ("Listen", "/run/user/1000/ytorch/friend.sock (Stream)\n127.0.0.1:8100 (Stream)"),
            ("NeedDaemonReload", "no"),
        ]);
        let service = properties(&[
            ("ActiveState", "active"),
            ("StatusText", "serving 127.0.0.1:8100 (generation 3)"),
            ("MainPID", "812"),
            ("NRestarts", "2"),
            ("ActiveEnterTimestamp", "@1700000000"),
            ("ExecMainStatus", "0"),
        ]);
        let spec = example(Desired::Running);
        let units = Units::of(Some(&socket), Some(&service));
        assert!(units.holds(&spec));
        assert!(!units.holds(&Spec { port: 810, ..spec.clone() }));
        assert_eq!((units.activity(), units.generation, units.stale), (Activity::Kept, Some(3), false));
        let report = report(&units, &spec, &service);
        assert_eq!((report.server_pid, report.restarts, report.given_up), (Some(812), 2, false));
        assert_eq!(report.started, "2023-11-14T22:13:20.000000Z");
    }

    #[test]
    fn a_socket_alone_listens_and_nothing_is_nothing() {
        let active = properties(&[("ActiveState", "active")]);
        let failed = properties(&[("ActiveState", "failed"), ("NeedDaemonReload", "yes")]);
        assert_eq!(Units::of(Some(&active), Some(&failed)).activity(), Activity::Listening);
        assert!(Units::of(Some(&active), Some(&failed)).stale);
        let nothing = Units::of(None, None);
        assert_eq!((nothing.activity(), nothing.service), (Activity::Nothing, Life::Inactive));
    }
}
