//! Circuit breakers: a service outside that fails again and again is left alone for a while. It calls no service.
//!
//! Their state is kept, so that a restart does not hammer a service that is down.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use ytorch_core::{Clock, Timestamp};
use ytorch_store::{Database, StoreError, rusqlite};
use ytorch_telemetry::Metrics;

/// Whoever makes the one try of a half-open breaker has so long to say how it went, before others ask again.
const TRY_PATIENCE: Duration = Duration::from_secs(5);

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures one after another open it.
    pub failures: u32,
    /// So long nothing is asked of the service; then one try decides.
    pub cool_down: Duration,
}

/// Whether a service is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BreakerState {
    /// It is.
    Closed,
    /// One try is made, which decides.
    HalfOpen,
    /// It is left alone.
    Open,
}

impl BreakerState {
    /// The word for it, on pages and in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// One breaker, as pages and the API show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// The service.
    pub service: String,
    /// Whether it is asked.
    pub state: BreakerState,
    /// Failures since the last success.
    pub failures: u32,
    /// How often it has opened.
    pub trips: u64,
    /// Until when the service is left alone.
    pub open_until: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it went wrong last.
    pub last_failure_at: Option<Timestamp>,
    /// When it worked last.
    pub last_success_at: Option<Timestamp>,
}

/// The breakers of an instance. Clones share them.
#[derive(Clone)]
pub struct Breakers {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    clock: Clock,
    settings: BreakerSettings,
    services: Vec<&'static str>,
    metrics: Metrics,
    /// Services whose one try is under way.
    tried: Mutex<HashSet<&'static str>>,
}

/// The right to ask a service once. Say how it went; dropped without a word, it counts as neither.
#[must_use = "say whether the call succeeded"]
pub struct Permit {
    inner: Arc<Inner>,
    service: &'static str,
}

impl Breakers {
    /// The breakers round these services.
    pub fn new(
        database: Database,
        clock: Clock,
        settings: BreakerSettings,
        services: Vec<&'static str>,
        metrics: Metrics,
    ) -> Self {
        Self { inner: Arc::new(Inner { database, clock, settings, services, metrics, tried: Mutex::default() }) }
    }

    /// Asks to call a service; may block. The inner error is the instant before which it must not be called.
    pub fn ask(&self, service: &'static str) -> Result<Result<Permit, Timestamp>, StoreError> {
        let inner = &self.inner;
        let now = inner.clock.now();
        let breaker =
            inner.database.read_blocking(|connection| Ok::<_, StoreError>(inner.row(connection, service, now)?))?;
        let may_ask = match breaker.state {
            BreakerState::Closed => true,
            BreakerState::HalfOpen => inner.tried().insert(service),
            BreakerState::Open => false,
        };
        if may_ask {
            return Ok(Ok(Permit { inner: Arc::clone(inner), service }));
        }
        Ok(Err(breaker.open_until.unwrap_or_else(|| now.after(TRY_PATIENCE))))
    }

    /// All breakers, in the order of their services.
    pub fn list(&self, connection: &Connection) -> rusqlite::Result<Vec<Breaker>> {
        let now = self.inner.clock.now();
        self.inner.services.iter().map(|service| self.inner.row(connection, service, now)).collect()
    }

    /// Closes a breaker in the caller's transaction; false if there is no such service.
    pub fn reset(&self, connection: &Connection, service: &str) -> rusqlite::Result<bool> {
        let Some(service) = self.inner.services.iter().copied().find(|known| *known == service) else {
            return Ok(false);
        };
        self.inner.tried().remove(service);
        connection
            .prepare_cached(
                "update job_breaker set state = 'closed', failures = 0, opened_at = null where service = ?",
            )?
            .execute([service])?;
        Ok(true)
    }
}

impl Permit {
    /// The call worked: the breaker closes.
    pub fn succeeded(self) -> Result<(), StoreError> {
        let (now, service) = (self.inner.clock.now(), self.service);
        self.inner.database.write_blocking(move |transaction| {
            transaction.execute(
                "insert into job_breaker (service, state, failures, trips, last_success_at) values (?1, 'closed', 0, 0, ?2)
                 on conflict (service) do update set state = 'closed', failures = 0, opened_at = null, last_success_at = ?2",
                params![service, now.as_micros()],
            )?;
            Ok(())
        })
    }

    /// The call failed; true if that opened the breaker.
    pub fn failed(self, error: &str) -> Result<bool, StoreError> {
        let (now, service, error) = (self.inner.clock.now(), self.service, error.to_owned());
        let most = self.inner.settings.failures;
        let opened = self.inner.database.write_blocking(move |transaction| {
            let (was_open, failures) = transaction
                .query_row("select state = 'open', failures from job_breaker where service = ?", [service], |row| {
                    Ok((row.get::<_, bool>(0)?, row.get::<_, u32>(1)?))
                })
                .optional()?
                .unwrap_or((false, 0));
            // The one try of a half-open breaker failed, or there were enough failures.
            let opens = was_open || failures + 1 >= most;
            transaction.execute(
                "insert into job_breaker (service, state, failures, trips, opened_at, last_error, last_failure_at)
                 values (?1, iif(?2, 'open', 'closed'), 1, ?2, iif(?2, ?3, null), ?4, ?3)
                 on conflict (service) do update set state = iif(?2, 'open', 'closed'), failures = failures + 1,
                     trips = trips + ?2, opened_at = iif(?2, ?3, null), last_error = ?4, last_failure_at = ?3",
                params![service, opens, now.as_micros(), error],
            )?;
            Ok::<_, StoreError>(opens)
        })?;
        if opened {
            self.inner.metrics.breaker_tripped(service);
        }
        Ok(opened)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.inner.tried().remove(self.service);
    }
}

impl Inner {
    fn tried(&self) -> std::sync::MutexGuard<'_, HashSet<&'static str>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn row(&self, connection: &Connection, service: &str, now: Timestamp) -> rusqlite::Result<Breaker> {
        let sql = "select state = 'open', failures, trips, opened_at, last_error, last_failure_at, last_success_at
                   from job_breaker where service = ?";
        let found = connection.prepare_cached(sql)?.query_row([service], |row| {
            let instant = |index| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp::from_micros));
            let (is_open, opened_at) = (row.get(0)?, instant(3)?);
            let (state, open_until) = self.state(is_open, opened_at, now);
            Ok(Breaker {
                service: service.to_owned(),
                state,
                failures: row.get(1)?,
                trips: row.get(2)?,
                open_until,
                last_error: row.get(4)?,
                last_failure_at: instant(5)?,
                last_success_at: instant(6)?,
            })
        });
        Ok(found.optional()?.unwrap_or_else(|| Breaker {
            service: service.to_owned(),
            state: BreakerState::Closed,
            failures: 0,
            trips: 0,
            open_until: None,
            last_error: None,
            last_failure_at: None,
            last_success_at: None,
        }))
    }

    fn state(&self, is_open: bool, opened_at: Option<Timestamp>, now: Timestamp) -> (BreakerState, Option<Timestamp>) {
        let Some(opened_at) = opened_at.filter(|_| is_open) else { return (BreakerState::Closed, None) };
        let until = opened_at.after(self.settings.cool_down);
        // A clock that was set back must not keep the service away for longer than the cool-down.
        if now >= until || opened_at > now {
            return (BreakerState::HalfOpen, None);
        }
        (BreakerState::Open, Some(until))
    }
}
