//! Takes connections from all sockets and serves each, with a limit on their number. It knows no route.
//!
//! `axum::serve` does the same without any limit, and says so.

mod connection;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use ytorch_web::Peer;

use crate::{activity::Activity, sockets::Socket};

use connection::{Conversation, set_up};

/// More connections than a thousand browsers make; each idle one costs some kilobytes.
const MOST_CONNECTIONS: u64 = 4096;

/// File descriptors that are for the database, logs and uploads.
const DESCRIPTORS_FOR_OTHERS: u64 = 128;

/// How long to wait when a connection cannot be taken, because something has run out.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Sockets and what is to be answered there. Dropping it closes them as soon as nothing accepts from them any more.
pub(crate) struct Door {
    listeners: Vec<Arc<Listener>>,
    router: Router,
    activity: Activity,
    free: Arc<Semaphore>,
}

/// A door that is open. Dropping it closes the door without waiting for anybody.
pub(crate) struct Open {
    /// Whoever accepts or converses listens to it, until the end.
    stop: watch::Sender<bool>,
}

enum Listener {
    Network(TcpListener),
    Local(UnixListener),
}

enum Stream {
    Network(TcpStream, Peer),
    Local(UnixStream),
}

impl Door {
    /// A door that is closed yet: clients wait in the sockets' backlog. Call it inside the runtime.
    pub(crate) fn new(sockets: Vec<Socket>, router: Router, activity: Activity) -> io::Result<Self> {
        let listener = |socket| {
            Ok(Arc::new(match socket {
                Socket::Network(listener, _) => {
                    listener.set_nonblocking(true)?;
                    Listener::Network(TcpListener::from_std(listener)?)
                }
                Socket::Local(listener, _) => {
                    listener.set_nonblocking(true)?;
                    Listener::Local(UnixListener::from_std(listener)?)
                }
            }))
        };
        let listeners = sockets.into_iter().map(listener).collect::<io::Result<Vec<_>>>()?;
        Ok(Self { listeners, router, activity, free: Arc::new(Semaphore::new(connections_allowed())) })
    }

    /// Takes connections from now on.
    pub(crate) fn open(&self) -> Open {
        let stop = watch::Sender::new(false);
        for listener in &self.listeners {
            let conversation =
                Conversation { router: self.router.clone(), activity: self.activity.clone(), stop: stop.subscribe() };
            tokio::spawn(accept(Arc::clone(listener), Arc::clone(&self.free), conversation));
        }
        Open { stop }
    }
}

impl Open {
    /// Takes no more connections, and waits until the requests under way are answered. Who knocks meanwhile waits in the
    /// backlog, which is the socket's and not ours.
    pub(crate) async fn close(self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

async fn accept(listener: Arc<Listener>, free: Arc<Semaphore>, conversation: Conversation) {
    let mut stop = conversation.stop.clone();
    loop {
        let (stream, place) = tokio::select! {
            _ = stop.wait_for(|stops| *stops) => return,
            Some(taken) = take(&listener, &free) => taken,
        };
        let conversation = conversation.clone();
        tokio::spawn(async move {
            match stream {
                Stream::Network(stream, peer) => conversation.hold(stream, peer).await,
                Stream::Local(stream) => conversation.hold(stream, Peer::Proxy).await,
            }
            drop(place);
        });
    }
}

/// The next connection, as soon as there is room for it; `None` never, but that the types want it.
async fn take(listener: &Listener, free: &Arc<Semaphore>) -> Option<(Stream, OwnedSemaphorePermit)> {
    let place = Arc::clone(free).acquire_owned().await.ok()?;
    loop {
        let accepted = match listener {
            Listener::Network(listener) => listener.accept().await.map(|(stream, address)| {
                set_up(&stream);
                Stream::Network(stream, Peer::Network(address))
            }),
            Listener::Local(listener) => listener.accept().await.map(|(stream, _)| Stream::Local(stream)),
        };
        match accepted {
            Ok(stream) => return Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// As many as the file descriptors allow, of which the process takes as many as it may.
fn connections_allowed() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = MOST_CONNECTIONS + DESCRIPTORS_FOR_OTHERS;
    let most = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let mut available = current.unwrap_or(most);
    if available < most && setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum }).is_ok() {
        available = most;
    }
    usize::try_from(available.saturating_sub(DESCRIPTORS_FOR_OTHERS).clamp(16, MOST_CONNECTIONS)).unwrap_or(16)
}
