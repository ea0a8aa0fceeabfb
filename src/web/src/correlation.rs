//! One id for a request and everything that it causes: log records, jobs, the answer's header.
//!
//! It keeps nothing; whoever stores the id stores it as text.

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;
use ytorch_core::hexadecimal;

/// The header in which the id comes and goes.
const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// A longer id is not taken over.
const MOST_CHARACTERS: usize = 64;

/// The longest path of ours is shorter.
const MOST_CHARACTERS_OF_A_PATH: usize = 200;

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request that is being answered; empty outside of one.
pub fn correlation() -> String {
    CURRENT.try_with(Clone::clone).unwrap_or_default()
}

/// Takes over the id that came, if it is sane, or makes one; puts it round the request's log records and on its answer.
pub(crate) async fn correlate(request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let id = given.filter(|given| is_sane(given)).map_or_else(make, str::to_owned);
    let method = request.method().clone();
    // A stranger may send any path; the log takes the beginning.
    let path: String = request.uri().path().chars().take(MOST_CHARACTERS_OF_A_PATH).collect();
    let span = tracing::info_span!("request", corr = id, %method, path);
    let mut response = CURRENT.scope(id.clone(), next.run(request).instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// Logs an answer to one who was let in: strangers must not be able to push everything else out of the log.
///
/// What changes something is worth a record; what only reads, when somebody looks for a fault.
pub(crate) async fn tell(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    match method {
        Method::GET | Method::HEAD | Method::OPTIONS => tracing::debug!(status, "answered"),
        _ => tracing::info!(status, "answered"),
    }
    response
}

/// Only what can stand in a header, a log and an address as it is.
fn is_sane(given: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MOST_CHARACTERS).contains(&given.len()) && given.bytes().all(allowed)
}

fn make() -> String {
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).expect("the operating system gives random numbers");
    hexadecimal(&random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_ids_are_taken_over() {
        assert!(is_sane("a-Z_0.9") && is_sane(&"x".repeat(64)));
        for odd in ["", "a b", "a\"b", "a/b", "é", &"x".repeat(65)] {
            assert!(!is_sane(odd), "{odd:?}");
        }
        assert!(is_sane(&make()) && make() != make());
    }
}
