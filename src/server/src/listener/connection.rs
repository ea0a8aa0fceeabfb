//! One connection: its requests, one after another, with time limits for clients that say nothing. It accepts none.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{Notify, watch},
};
use tower::ServiceExt as _;
use ytorch_web::Peer;

use crate::activity::Activity;

/// A client has so long to send the head of a request, also of the next one on a connection that it keeps.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// At a stop, a client whose connection was taken before it said a word has so long to say it: it cannot know that it
/// would have to ask again.
const FIRST_WORD_PATIENCE: Duration = Duration::from_secs(2);

/// A client whose machine vanished is noticed after so long.
const VANISHED: Duration = Duration::from_mins(2);

/// What a connection is served with.
#[derive(Clone)]
pub(super) struct Conversation {
    pub(super) router: Router,
    pub(super) activity: Activity,
    pub(super) stop: watch::Receiver<bool>,
}

impl Conversation {
    /// Answers the requests of one connection, until its end or a stop.
    pub(super) async fn hold<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, peer: Peer) {
        let Self { router, activity, mut stop } = self;
        let asked = Arc::new(Notify::new());
        let asking = Arc::clone(&asked);
        let service = service_fn(move |request: Request<Incoming>| {
            asking.notify_one();
            let under_way = activity.begin();
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let answer = router.clone().oneshot(request);
            async move { answer.await.map(|answer| under_way.answered_by(answer)) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            biased;
            ended = connection.as_mut() => return tell(ended),
            _ = stop.wait_for(|stops| *stops) => {}
        }
        tokio::select! {
            biased;
            ended = connection.as_mut() => return tell(ended),
            () = asked.notified() => {}
            () = tokio::time::sleep(FIRST_WORD_PATIENCE) => {}
        }
        connection.as_mut().graceful_shutdown();
        tell(connection.await);
    }
}

fn tell(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        // Clients go away at any time; that is theirs to know.
        tracing::debug!(%error, "a connection broke");
    }
}

/// Sets a connection of the network up, as far as the system can.
pub(super) fn set_up(stream: &TcpStream) {
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
