//! Takes connections and serves each: with time limits for clients that say nothing, and a limit on their number.
//!
//! It knows no route. `axum::serve` does the same without any limit, and says so.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use rustix::{
    net::sockopt,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tower::ServiceExt as _;

/// A client has so long to send the head of a request, also of the next one on a connection that it keeps.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// A client whose machine vanished is noticed after so long.
const VANISHED: Duration = Duration::from_mins(2);

/// More connections than a thousand browsers make; each idle one costs some kilobytes.
const MOST_CONNECTIONS: u64 = 4096;

/// File descriptors that are for the database, logs and uploads.
const DESCRIPTORS_FOR_OTHERS: u64 = 128;

/// How long to wait when a connection cannot be taken, because something has run out.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves until `stop` ends, then lets the requests that are under way end.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let free = Arc::new(Semaphore::new(connections_allowed()));
    tokio::pin!(stop);
    loop {
        let taken = tokio::select! {
            () = &mut stop => break,
            taken = take(&listener, &free) => taken,
        };
        let Some((stream, address, place)) = taken else { break };
        let (router, watcher) = (router.clone(), graceful.watcher());
        tokio::spawn(async move {
            converse(stream, address, router, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

/// The next connection, as soon as there is room for it; `None` never, but that the types want it.
async fn take(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(free).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                set_up(&stream);
                return Some((stream, address, place));
            }
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn set_up(stream: &TcpStream) {
    let all = [
        stream.set_nodelay(true).err(),
        sockopt::set_socket_keepalive(stream, true).err().map(Into::into),
        sockopt::set_tcp_keepidle(stream, VANISHED / 2).err().map(Into::into),
        sockopt::set_tcp_keepintvl(stream, VANISHED / 8).err().map(Into::into),
        sockopt::set_tcp_keepcnt(stream, 4).err().map(Into::into),
        sockopt::set_tcp_user_timeout(stream, u32::try_from(VANISHED.as_millis()).unwrap_or(u32::MAX))
            .err()
            .map(Into::into),
    ];
    // They only save resources; a system without one of them serves all the same.
    if let Some(error) = all.into_iter().flatten().next() {
        tracing::debug!(%error, "could not set up a connection as wished");
    }
}

/// Answers the requests of one connection.
async fn converse(stream: TcpStream, address: SocketAddr, router: Router, watcher: Watcher) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(address));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // Clients go away at any time; that is theirs to know.
        tracing::debug!(%error, "a connection broke");
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

/// Turns a listener of the system into one of the runtime.
pub(crate) fn of_runtime(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
