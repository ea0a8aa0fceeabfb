//! Server-sent events for the page of jobs: a word whenever something changes, and how far the running jobs are.
//!
//! The page works without them: it loads itself again.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{
    extract::State,
    http::StatusCode,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::{sync::watch, time::Instant};
use ytorch_core::{ExitCode, Problem};
use ytorch_jobs::{Job, JobFilter, JobState};
use ytorch_store::StoreError;
use ytorch_web::WebError;

use crate::platform::Site;

/// Changes closer together than this are told as one.
const PAUSE: Duration = Duration::from_millis(250);

/// Each open page holds a connection; a person has few of them.
const MOST_STREAMS: usize = 32;

static STREAMS: AtomicUsize = AtomicUsize::new(0);

/// The right to one stream.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let taken = STREAMS
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| (open < MOST_STREAMS).then_some(open + 1));
        taken.is_ok().then_some(Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        STREAMS.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Watching {
    site: Site,
    changes: watch::Receiver<u64>,
    asleep: watch::Receiver<bool>,
    told_at: Option<Instant>,
    ended: bool,
    _place: Place,
}

pub(super) async fn stream(
    State(site): State<Site>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, WebError> {
    let Some(place) = Place::take() else {
        let problem = Problem::new(ExitCode::Busy, "too many pages are open that watch the jobs").hint("close some");
        return Err(WebError::new(StatusCode::SERVICE_UNAVAILABLE, problem));
    };
    let changes = site.services.queue.subscribe();
    let asleep = site.activity.asleep();
    let watching = Watching { site, changes, asleep, told_at: None, ended: false, _place: place };
    let events = stream::unfold(watching, |mut watching| async {
        let event = watching.next().await?;
        Some((Ok(event), watching))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

impl Watching {
    /// The last event of a server that ends because nobody wants anything of it: a page that asked again at once would
    /// start it again.
    fn farewell(&mut self) -> Event {
        self.ended = true;
        Event::default().event("asleep").data("{}")
    }

    /// The next event; `None` when the server stops, so that it need not wait for the page.
    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if let Some(told_at) = self.told_at {
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                true = falls_asleep(&mut self.asleep) => return Some(self.farewell()),
            }
            tokio::time::sleep_until(told_at + PAUSE).await;
        }
        self.changes.mark_unchanged();
        if self.site.services.queue.is_stopping() {
            return None;
        }
        self.told_at = Some(Instant::now());
        let queue = self.site.services.queue.clone();
        let filter = |state| JobFilter { state: Some(state), limit: 100, ..JobFilter::default() };
        let database = &self.site.services.resources.database;
        let found = database.read(move |connection| {
            let running = queue.list(connection, &filter(JobState::Running))?;
            // What makes the page worth loading anew: any job's state or number of attempts.
            let counts = queue.count(connection)?;
            Ok::<_, StoreError>((running, format!("{counts:?}")))
        });
        let (running, state) = found.await.ok()?;
        let running: Vec<_> = running.iter().map(told).collect();
        let data = json!({ "state": state, "running": running });
        Event::default().event("jobs").json_data(data).ok()
    }
}

/// Waits until the server goes to sleep; false if it ends in another way.
async fn falls_asleep(asleep: &mut watch::Receiver<bool>) -> bool {
    asleep.wait_for(|asleep| *asleep).await.is_ok()
}

fn told(job: &Job) -> serde_json::Value {
    let progress = job.progress.as_ref();
    json!({
        "id": job.id.as_raw(),
        "done": progress.map(|progress| progress.done),
        "total": progress.map(|progress| progress.total),
        "message": progress.map(|progress| progress.message.as_str()),
    })
}
