//! Whether anybody wants anything of the server: requests under way, and since when there are none. It ends nothing.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{HeaderValue, Response, header::CONTENT_TYPE},
};
use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::sync::watch;

/// What is under way. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    requests: Mutex<Requests>,
    asleep: watch::Sender<bool>,
}

#[derive(Debug)]
struct Requests {
    open: usize,
    /// When the last one ended, or something else happened that counts as work.
    quiet_since: Instant,
}

/// A request under way; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct OpenRequest(Activity);

/// The body of an answer, which belongs to the request until its last byte.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    body: Body,
    _request: Option<OpenRequest>,
}

impl Activity {
    /// Nothing is under way, from now on.
    pub(crate) fn new() -> Self {
        let requests = Mutex::new(Requests { open: 0, quiet_since: Instant::now() });
        Self(Arc::new(Inner { requests, asleep: watch::Sender::new(false) }))
    }

    /// A request begins.
    pub(crate) fn begin(&self) -> OpenRequest {
        self.requests().open += 1;
        OpenRequest(self.clone())
    }

    /// Something happened that is no request.
    pub(crate) fn touch(&self) {
        self.requests().quiet_since = Instant::now();
    }

    /// For how long there has been nothing; `None` while there is something.
    pub(crate) fn quiet_for(&self) -> Option<Duration> {
        let requests = self.requests();
        (requests.open == 0).then(|| requests.quiet_since.elapsed())
    }

    /// Tells open pages that the server goes to sleep, or that it stays after all.
    pub(crate) fn set_asleep(&self, asleep: bool) {
        self.0.asleep.send_replace(asleep);
    }

    /// Changes when the server goes to sleep.
    pub(crate) fn asleep(&self) -> watch::Receiver<bool> {
        self.0.asleep.subscribe()
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut requests = self.0.requests();
        requests.open -= 1;
        requests.quiet_since = Instant::now();
    }
}

impl OpenRequest {
    /// The answer, with which the request ends. A page that watches for events asks for nothing while it does, and may
    /// stay open for days: for such an answer the request has ended when it begins.
    pub(crate) fn answered_by(self, answer: Response<Body>) -> Response<AnswerBody> {
        let content_type = answer.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is_endless = content_type.is_some_and(|name| name.starts_with(b"text/event-stream"));
        let request = (!is_endless).then_some(self);
        answer.map(|body| AnswerBody { body, _request: request })
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
