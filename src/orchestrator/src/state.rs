//! How an instance is, in one word and a reason. Pure but for its one question to the server; it mends nothing.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::{Value, json};
use ytorch_core::{Clock, InstanceFolders, Timestamp, Zone};

use crate::{
    engine::{Activity, Observed, Report},
    lock::is_locked,
    server_client::{Health, ServerClient},
    size,
    spec::{Desired, Spec},
};

/// A server may be silent this long after its start.
const STARTING: Duration = Duration::from_secs(20);

/// How an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It serves.
    Running,
    /// It will serve soon.
    Starting,
    /// Nothing runs; the first request starts it.
    Idle,
    /// It does not serve and should not.
    Stopped,
    /// It should serve and does not.
    Failed,
    /// A server lives but does not serve as it should.
    Unhealthy,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Running => "running",
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// All that `status` and `list` show of an instance.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Status {
    name: String,
    /// The one word.
    pub state: State,
    reason: Option<String>,
    desired: Desired,
    engine: String,
    port: u16,
    bind: String,
    url: String,
    pid: Option<u32>,
    since: Option<String>,
    restarts: u32,
    version: Option<String>,
    /// Of a server that answers: `ok`, `degraded` or `not ready`.
    health: Option<&'static str>,
    degraded: Vec<String>,
    /// What is to say of an upgrade that is not finished.
    upgrade: Option<String>,
    data_bytes: u64,
    folder: String,
}

impl Status {
    /// Looks at an instance; its server gets `patience` to answer.
    pub(crate) fn of(
        spec: &Spec,
        folders: &InstanceFolders,
        observed: &Observed,
        clock: &Clock,
        patience: Duration,
    ) -> Self {
        let serves = matches!(observed.activity, Activity::Kept | Activity::Orphan { .. });
        let health = if serves { ServerClient::new(spec, patience).health() } else { None };
        let ours = health.as_ref().filter(|health| health.instance == spec.name.as_str());
        let report = observed.report.as_ref().filter(|_| observed.activity == Activity::Kept);
        let (state, reason) = judge(spec, observed, health.as_ref(), clock.now());
        let pid = match observed.activity {
            Activity::Nothing | Activity::Listening => None,
            Activity::Kept => report.and_then(|report| report.server_pid),
            Activity::Orphan { pid } | Activity::Importing { pid, .. } => Some(pid),
        };
        Self {
            name: spec.name.to_string(),
            state,
            reason,
            desired: spec.desired,
            engine: spec.engine.to_string(),
            port: spec.port,
            bind: spec.bind.to_string(),
            url: spec.url(),
            pid,
            since: report.map(|report| report.started.clone()),
            restarts: report.map_or(0, |report| report.restarts),
            health: ours.map(word_of),
            degraded: ours.map(|health| health.degraded.clone()).unwrap_or_default(),
            version: health.map(|health| health.version),
            upgrade: unfinished(spec, folders),
            data_bytes: size::folder_bytes(&folders.data()),
            folder: folders.root().display().to_string(),
        }
    }

    /// Whether the server of this very instance answered, so that it may be given the token.
    pub(crate) fn answers(&self) -> bool {
        self.health.is_some()
    }

    /// The object of `--json`.
    pub(crate) fn to_json(&self) -> Value {
        json!(self)
    }

    /// Headings and cells of `list`.
    pub(crate) const HEADINGS: [&str; 7] = ["NAME", "STATE", "HEALTH", "URL", "SINCE", "VERSION", "DATA"];

    /// The row of `list`.
    pub(crate) fn row(&self) -> [String; 7] {
        let dash = || "-".to_owned();
        [
            self.name.clone(),
            self.state.to_string(),
            self.health.map_or_else(dash, str::to_owned),
            self.url.clone(),
            self.since.as_deref().map_or_else(dash, local),
            self.version.clone().unwrap_or_else(dash),
            size::in_words(self.data_bytes),
        ]
    }

    /// The lines of `status`.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![("instance", self.name.clone()), ("state", self.state.to_string())];
        let mut add = |name, text: Option<String>| lines.extend(text.map(|text| (name, text)));
        add("reason", self.reason.clone());
        add("health", self.health.map(|word| [&[word.to_owned()], self.degraded.as_slice()].concat().join("; ")));
        add("url", Some(self.url.clone()));
        add("engine", Some(self.engine.clone()));
        add("process", self.pid.map(|pid| pid.to_string()));
        add("since", self.since.as_deref().map(local));
        add("restarts", (self.restarts > 0).then(|| self.restarts.to_string()));
        add("version", self.version.clone());
        add("upgrade", self.upgrade.clone());
        add("data", Some(size::in_words(self.data_bytes)));
        add("folder", Some(self.folder.clone()));
        lines
    }
}

/// Only who holds the lock works on it; the journal alone may be of a command that was killed.
fn unfinished(spec: &Spec, folders: &InstanceFolders) -> Option<String> {
    let started = local(&spec.trial.as_ref()?.started);
    Some(if is_locked(&folders.root().join(".lock")) {
        format!("under way since {started}")
    } else {
        format!("one from {started} was interrupted: ytorch reconcile {}", spec.name)
    })
}

fn word_of(health: &Health) -> &'static str {
    match health {
        Health { ready: Err(_), .. } => "not ready",
        Health { degraded, .. } if degraded.is_empty() => "ok",
        Health { .. } => "degraded",
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<jiff::Timestamp>().ok().map(Timestamp::from)
}

/// An instant on the person's clock.
pub(crate) fn local(text: &str) -> String {
    instant(text).map_or_else(|| text.to_owned(), |at| Zone::system().local(at).strftime("%Y-%m-%d %H:%M").to_string())
}

fn judge(spec: &Spec, observed: &Observed, health: Option<&Health>, now: Timestamp) -> (State, Option<String>) {
    let name = &spec.name;
    match observed.activity {
        Activity::Importing { pid, work } => (State::Stopped, Some(format!("{work} is running (pid {pid})"))),
        Activity::Orphan { pid } => {
            let reason = format!("nothing keeps its server any more, which lives (pid {pid}): ytorch start {name}");
            (State::Unhealthy, Some(reason))
        }
        Activity::Listening if spec.desired == Desired::OnDemand => (State::Idle, None),
        Activity::Listening if spec.desired == Desired::Running => {
            (State::Failed, Some(format!("its port is held, but its server does not run: ytorch start {name}")))
        }
        Activity::Listening => {
            (State::Unhealthy, Some(format!("its port is held, but should not be: ytorch stop {name}")))
        }
        Activity::Nothing if spec.desired.serves() => (State::Failed, Some(why_failed(spec, observed))),
        Activity::Nothing if spec.desired == Desired::Removed => {
            (State::Stopped, Some(format!("its teardown was interrupted: ytorch teardown {name}")))
        }
        Activity::Nothing => (State::Stopped, None),
        Activity::Kept => judge_kept(spec, observed.report.as_ref(), health, now),
    }
}

fn why_failed(spec: &Spec, observed: &Observed) -> String {
    match &observed.report {
        Some(Report { given_up: true, last_exit: Some(code), .. }) => {
            format!("the server ended at its start (exit status {code}): ytorch logs {}", spec.name)
        }
        _ => format!("it should run and does not (was the machine restarted?): ytorch start {}", spec.name),
    }
}

fn judge_kept(
    spec: &Spec,
    report: Option<&Report>,
    health: Option<&Health>,
    now: Timestamp,
) -> (State, Option<String>) {
    let silent = |why: String| match report {
        Some(Report { server_pid: None, last_exit: Some(code), .. }) if *code != 0 => {
            (State::Failed, Some(format!("the server ended with exit status {code} and is started again")))
        }
        Some(report) if is_young(report, now) => (State::Starting, None),
        _ => (State::Unhealthy, Some(why)),
    };
    match health {
        None => silent("its server does not answer".to_owned()),
        Some(health) if health.instance != spec.name.as_str() => {
            (State::Unhealthy, Some(format!("the instance `{}` answers on its port", health.instance)))
        }
        Some(Health { ready: Err(why), .. }) => silent(why.clone()),
        Some(Health { ready: Ok(()), .. }) => (State::Running, None),
    }
}

fn is_young(report: &Report, now: Timestamp) -> bool {
    let Some(started) = instant(&report.started) else { return false };
    let age_micros = now.as_micros().saturating_sub(started.as_micros());
    i128::from(age_micros) < i128::try_from(STARTING.as_micros()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::tests::example;

    #[test]
    fn every_state_has_its_word() {
        let spec = example(Desired::Running);
        let started = Timestamp::from_seconds(1_000);
        let report = Report {
            pid: 1,
            started: started.to_string(),
            generation: 3,
            port: 8100,
            bind: spec.bind,
            server_pid: Some(2),
            restarts: 0,
            last_exit: None,
            given_up: false,
        };
        let health = |instance: &str, ready: Result<(), &str>| {
            Some(Health {
                instance: instance.into(),
                version: "1".into(),
                ready: ready.map_err(str::to_owned),
                degraded: Vec::new(),
            })
        };
        let word = |activity, report: Option<Report>, health: Option<Health>, second| {
            judge(&spec, &Observed::of(activity, report), health.as_ref(), Timestamp::from_seconds(second)).0
        };
        let kept = Activity::Kept;
        let some = || Some(report.clone());
        let waiting = Report { server_pid: None, last_exit: Some(1), ..report.clone() };
        assert_eq!(word(kept, some(), health("friend", Ok(())), 1_001), State::Running);
        assert_eq!(word(kept, some(), None, 1_001), State::Starting);
        assert_eq!(word(kept, some(), None, 1_021), State::Unhealthy);
        assert_eq!(word(kept, some(), health("friend", Err("full")), 1_021), State::Unhealthy);
        assert_eq!(word(kept, some(), health("other", Ok(())), 1_001), State::Unhealthy);
        assert_eq!(word(kept, Some(waiting), None, 1_001), State::Failed);
        assert_eq!(word(Activity::Nothing, None, None, 0), State::Failed);
        assert_eq!(word(Activity::Orphan { pid: 2 }, some(), None, 0), State::Unhealthy);
        let stopped = example(Desired::Stopped);
        let nothing = Observed::of(Activity::Nothing, None);
        assert_eq!(judge(&stopped, &nothing, None, started), (State::Stopped, None));
        let listening = Observed::of(Activity::Listening, None);
        assert_eq!(judge(&example(Desired::OnDemand), &listening, None, started), (State::Idle, None));
        assert_eq!(judge(&spec, &listening, None, started).0, State::Failed);
        assert_eq!(judge(&stopped, &listening, None, started).0, State::Unhealthy);
    }
}
