//! How often one client may ask: enough for any person and script, too little to starve the others.
//!
//! It limits no log-in; `auth` does that by itself, and far more strictly.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use governor::{Quota, RateLimiter, clock::DefaultClock, state::keyed::HashMapStateStore};
use ytorch_core::{ExitCode, Problem};

use crate::{WebError, guard::is_open, peer::Client};

/// A client may ask for so many seconds' worth at once.
const BURST_SECONDS: u32 = 5;

/// After so many requests, clients that have been quiet are forgotten.
const REQUESTS_BETWEEN_SWEEPS: u32 = 4096;

/// The limit of an instance. Clones share it.
#[derive(Clone)]
pub struct RateLimit(Option<Arc<Limiter>>);

struct Limiter {
    clients: RateLimiter<Client, HashMapStateStore<Client>, DefaultClock>,
    until_sweep: AtomicU32,
}

impl RateLimit {
    /// So many requests a second for each client, five times as many at once; 0 is no limit.
    pub fn per_second(requests: u32) -> Self {
        let limiter = NonZeroU32::new(requests).map(|requests| {
            let burst = requests.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
            let clients = RateLimiter::hashmap(Quota::per_second(requests).allow_burst(burst));
            Arc::new(Limiter { clients, until_sweep: AtomicU32::new(REQUESTS_BETWEEN_SWEEPS) })
        });
        Self(limiter)
    }

    fn allows(&self, client: Client) -> bool {
        let Some(limiter) = &self.0 else { return true };
        if limiter.until_sweep.fetch_sub(1, Ordering::Relaxed) == 1 {
            limiter.clients.retain_recent();
            limiter.until_sweep.store(REQUESTS_BETWEEN_SWEEPS, Ordering::Relaxed);
        }
        limiter.clients.check_key(&client).is_ok()
    }
}

impl std::fmt::Debug for RateLimit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("RateLimit").field(&self.0.is_some()).finish()
    }
}

pub(crate) async fn limit_rate(State(limit): State<RateLimit>, request: Request, next: Next) -> Response {
    let client = Client::of(request.extensions(), request.headers());
    let path = request.uri().path();
    let counted = !is_open(path) || path == "/login";
    if let Some(client) = client.filter(|_| counted)
        && !limit.allows(client)
    {
        let problem = Problem::new(ExitCode::Busy, "too many requests in too short a time")
            .hint("wait a second, or raise the setting `rate_limit_per_second`");
        let mut refusal = WebError::new(StatusCode::TOO_MANY_REQUESTS, problem).into_response();
        refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        return refusal;
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: [u8; 4]) -> Client {
        Client::Address(address.into())
    }

    #[test]
    fn each_client_has_its_own_limit_and_zero_is_none() {
        let (one, other) = (client([127, 0, 0, 1]), client([127, 0, 0, 2]));
        let limit = RateLimit::per_second(1);
        let allowed = (0..1000).filter(|_| limit.allows(one)).count();
        assert!((5..100).contains(&allowed), "{allowed}");
        assert!(limit.allows(other));
        let none = RateLimit::per_second(0);
        assert!((0..10_000).all(|_| none.allows(one)));
    }

    #[test]
    fn quiet_clients_are_forgotten() {
        let limit = RateLimit::per_second(1_000_000);
        for number in 0..REQUESTS_BETWEEN_SWEEPS * 3 {
            limit.allows(client(number.to_be_bytes()));
        }
        assert!(limit.0.unwrap().clients.len() <= REQUESTS_BETWEEN_SWEEPS as usize);
    }
}
