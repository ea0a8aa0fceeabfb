//! What the server tells a service manager such as systemd, if there is one (`NOTIFY_SOCKET`). It obeys nobody here:
//! wishes come as signals.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    time::Duration,
};

use sd_notify::NotifyState;

/// The variable by which the orchestrator says which generation of the spec a server was started for.
pub(crate) const GENERATION_VARIABLE: &str = "YTORCH_GENERATION";

/// How often the manager hears that the server is well. Containers are not told how often theirs wants to.
const BETWEEN_PINGS: Duration = Duration::from_secs(5);

/// While the server starts, the manager is asked for so much time …
const TIME_ASKED_FOR: Duration = Duration::from_mins(1);

/// … again after so long …
const BETWEEN_REQUESTS: Duration = Duration::from_secs(15);

/// … but no longer than this: what opens a database for an hour will never have done so.
const LONGEST_START: Duration = Duration::from_hours(1);

/// The service manager, or nobody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manager {
    listens: bool,
}

impl Manager {
    /// Whoever the environment names.
    pub(crate) fn of_environment() -> Self {
        Self { listens: std::env::var_os("NOTIFY_SOCKET").is_some() }
    }

    /// Whether anybody listens.
    pub(crate) fn listens(self) -> bool {
        self.listens
    }

    /// The server answers requests from now on. Which generation of its spec it was started for comes last, where the
    /// orchestrator looks for it.
    pub(crate) fn ready(self, status: &str) {
        let generation = std::env::var(GENERATION_VARIABLE).unwrap_or_default();
        let status =
            if generation.is_empty() { status.to_owned() } else { format!("{status} (generation {generation})") };
        self.say(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    /// The server ends.
    pub(crate) fn stopping(self, status: &str) {
        self.say(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// The server is well.
    pub(crate) fn ping(self) {
        self.say(&[NotifyState::Watchdog]);
    }

    /// How often to ping whichever it is: thrice as often as it wants to hear of us.
    pub(crate) fn between_pings() -> Duration {
        sd_notify::watchdog_enabled().map_or(BETWEEN_PINGS, |patience| patience / 3).max(Duration::from_millis(10))
    }

    /// Asks for more time to start, again and again until the answer is dropped.
    pub(crate) fn ask_for_time(self) -> Option<Asking> {
        if !self.listens {
            return None;
        }
        let (end, ended) = mpsc::channel::<()>();
        let asking = std::thread::Builder::new().name("starting".to_owned()).spawn(move || {
            let asked_for =
                NotifyState::ExtendTimeoutUsec(u32::try_from(TIME_ASKED_FOR.as_micros()).unwrap_or(u32::MAX));
            for _ in 0..LONGEST_START.as_secs() / BETWEEN_REQUESTS.as_secs() {
                self.say(&[asked_for.clone(), NotifyState::Status("opening the database")]);
                if ended.recv_timeout(BETWEEN_REQUESTS) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        asking.is_ok().then_some(Asking { _end: end })
    }

    fn say(self, states: &[NotifyState<'_>]) {
        if self.listens
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::debug!(%error, "could not tell the service manager");
        }
    }
}

/// Asks as long as it lives.
#[derive(Debug)]
pub(crate) struct Asking {
    _end: Sender<()>,
}
