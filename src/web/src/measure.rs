//! Counts and times every request. It changes neither the request nor the answer.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};

use crate::Frame;

/// Stands outside of all other layers, so that what these refuse is counted too.
pub(crate) async fn measure(State(frame): State<Frame>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let metrics = frame.metrics();
    let _in_flight = metrics.request_began();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    metrics.request_answered(route, method.as_str(), response.status().as_str(), started.elapsed());
    response
}
