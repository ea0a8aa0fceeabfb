//! A server that is ready: it answers until it is told to stop, or until it has had nothing to do for long enough. How
//! it got ready is not told here.

use std::{io, time::Duration};

use tokio::signal::unix::{Signal, SignalKind, signal};
use ytorch_core::ExitCode;
use ytorch_jobs::{JobState, Queue};
use ytorch_store::StoreError;

use crate::{listener::Door, manager::Manager, platform::Site};

/// How long requests that are under way at a stop may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// While requests are under way, the next look for idleness is no later than this.
const NEXT_LOOK: Duration = Duration::from_secs(1);

/// The signals that end a server.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens to them, inside the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until a signal comes, or until nobody has wanted anything for `idle_after`. Then it takes no more connections,
/// lets the running requests and the running job end, and returns. A second signal ends the process where it stands,
/// which the database survives.
pub(crate) async fn serve(
    door: Door,
    site: &Site,
    manager: Manager,
    mut signals: Signals,
    idle_after: Option<Duration>,
) -> io::Result<()> {
    let open = loop {
        let open = door.open();
        tokio::select! {
            () = signals.next() => break Some(open),
            () = until_idle(site, idle_after) => {}
        }
        // What comes in between is answered, and may be a reason to stay: who asks for an import must get it.
        site.activity.set_asleep(true);
        let all_answered = tokio::time::timeout(GRACE, open.close()).await.is_ok();
        if all_answered && !is_wanted(site).await {
            break None;
        }
        site.activity.set_asleep(false);
    };
    let why = if open.is_some() {
        "stopping"
    } else {
        "stopping, because nobody wants anything; the next request starts it again"
    };
    tracing::info!("{why}");
    manager.stopping(why);
    tokio::spawn(async move {
        signals.next().await;
        tracing::warn!("a second signal: ending at once");
        std::process::exit(ExitCode::Failure as i32);
    });
    drop(door);
    // A job that is told to give up now ends together with the requests, not after them.
    let queue = site.services.queue.clone();
    let job = tokio::task::spawn_blocking(move || queue.stop());
    if let Some(open) = open
        && tokio::time::timeout(GRACE, open.close()).await.is_err()
    {
        tracing::warn!("requests that did not end in time are cut off");
    }
    job.await.map_err(io::Error::other)
}

/// Waits until there has been no request, no job and no log-in link for so long; for ever without a time.
async fn until_idle(site: &Site, idle_after: Option<Duration>) {
    let Some(idle_after) = idle_after else { return std::future::pending().await };
    let mut changes = site.services.queue.subscribe();
    site.activity.touch();
    loop {
        let wait = match site.activity.quiet_for().map(|quiet| idle_after.saturating_sub(quiet)) {
            None => idle_after.min(NEXT_LOOK),
            Some(Duration::ZERO) if !is_wanted(site).await => return,
            Some(Duration::ZERO) => {
                site.activity.touch();
                idle_after
            }
            Some(left) => left,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // A job began, moved or ended. Without a sender the server stops anyway.
            Ok(()) = changes.changed() => site.activity.touch(),
        }
    }
}

/// Whether somebody holds a log-in link that is still good, or a job waits or runs. Where that cannot be known, the server
/// stays.
async fn is_wanted(site: &Site) -> bool {
    if site.services.frame.auth().awaits_a_code() {
        return true;
    }
    let queue: Queue = site.services.queue.clone();
    let counted = site.services.resources.database.read(move |connection| {
        let counts = queue.count(connection)?;
        Ok::<_, StoreError>(counts.iter().any(|(_, state, _)| matches!(state, JobState::Queued | JobState::Running)))
    });
    counted.await.unwrap_or(true)
}
