//! Circuit breakers with a real database and a clock that the test moves. No service is called.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use ytorch_core::{Clock, Timestamp};
use ytorch_jobs::{Breaker, BreakerSettings, BreakerState, Breakers, MIGRATIONS};
use ytorch_store::{Database, StoreError};
use ytorch_telemetry::Metrics;

const START: i64 = 1_795_266_300;

struct Place {
    folder: tempfile::TempDir,
    database: Database,
    clock: Clock,
}

fn fail(breakers: &Breakers, times: u32) -> Vec<bool> {
    (0..times).map(|_| breakers.ask("notify").unwrap().ok().unwrap().failed("no route").unwrap()).collect()
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("test.sqlite3"), &[MIGRATIONS], &Clock::system()).unwrap();
        Self { folder, database, clock: Clock::fixed(Timestamp::from_seconds(START)) }
    }

    /// The breakers as a start of the server makes them.
    fn breakers(&self) -> Breakers {
        let settings = BreakerSettings { failures: 3, cool_down: Duration::from_mins(5) };
        Breakers::new(self.database.clone(), self.clock.clone(), settings, vec!["notify", "other"], Metrics::new())
    }

    fn one(&self, breakers: &Breakers) -> Breaker {
        let list = self.database.read_blocking(|connection| Ok::<_, StoreError>(breakers.list(connection)?));
        list.unwrap().remove(0)
    }

    fn at(&self, seconds: i64) {
        self.clock.set(Timestamp::from_seconds(START + seconds));
    }
}

#[test]
fn enough_failures_open_it_and_one_good_try_closes_it() {
    let place = Place::new();
    let breakers = place.breakers();
    assert_eq!(place.one(&breakers).state, BreakerState::Closed);
    assert_eq!(fail(&breakers, 2), [false, false]);
    breakers.ask("notify").unwrap().ok().unwrap().succeeded().unwrap();
    assert_eq!(fail(&breakers, 3), [false, false, true], "a success did not begin the count anew");
    let open = place.one(&breakers);
    assert_eq!((open.state, open.failures, open.trips), (BreakerState::Open, 3, 1));
    assert_eq!(open.last_error.as_deref(), Some("no route"));
    let until = Timestamp::from_seconds(START + 300);
    assert_eq!(breakers.ask("notify").unwrap().err(), Some(until));
    // The other service is asked all the same.
    assert!(breakers.ask("other").unwrap().is_ok());

    place.at(300);
    assert_eq!(place.one(&breakers).state, BreakerState::HalfOpen);
    let tried = breakers.ask("notify").unwrap().ok().unwrap();
    assert!(breakers.ask("notify").unwrap().is_err(), "two tries were let through");
    assert!(tried.failed("still no route").unwrap());
    assert_eq!(place.one(&breakers).trips, 2);
    assert_eq!(breakers.ask("notify").unwrap().err(), Some(Timestamp::from_seconds(START + 600)));

    place.at(600);
    breakers.ask("notify").unwrap().ok().unwrap().succeeded().unwrap();
    let closed = place.one(&breakers);
    assert_eq!((closed.state, closed.failures, closed.open_until), (BreakerState::Closed, 0, None));
}

#[test]
fn it_is_kept_over_restarts_and_reset_by_hand() {
    let place = Place::new();
    fail(&place.breakers(), 3);
    let restarted = place.breakers();
    assert_eq!(place.one(&restarted).state, BreakerState::Open);
    let resetting = restarted.clone();
    let reset = |service: &'static str| {
        let resetting = resetting.clone();
        place.database.write_blocking(move |transaction| Ok::<_, StoreError>(resetting.reset(transaction, service)?))
    };
    assert!(!reset("unknown").unwrap());
    assert!(reset("notify").unwrap());
    assert_eq!(place.one(&restarted).state, BreakerState::Closed);
    assert!(restarted.ask("notify").unwrap().is_ok());
}

#[test]
fn a_try_that_is_dropped_without_a_word_lets_the_next_one_through() {
    let place = Place::new();
    let breakers = place.breakers();
    fail(&breakers, 3);
    place.at(300);
    drop(breakers.ask("notify").unwrap());
    assert!(breakers.ask("notify").unwrap().is_ok());
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_a_service_away() {
    let place = Place::new();
    let breakers = place.breakers();
    fail(&breakers, 3);
    place.at(-24 * 3600);
    assert_eq!(place.one(&breakers).state, BreakerState::HalfOpen);
}

#[test]
fn a_refusal_holds_on_to_nothing_and_the_database_can_close() {
    let place = Place::new();
    let breakers = place.breakers();
    fail(&breakers, 3);
    assert!(breakers.ask("notify").unwrap().is_err());
    place.at(300);
    let tried = breakers.ask("notify").unwrap().ok().unwrap();
    assert!(breakers.ask("notify").unwrap().is_err());
    drop(tried);
    drop(breakers);
    let Place { folder, database, .. } = place;
    let log = folder.path().join("test.sqlite3-wal");
    assert!(log.exists(), "there was nothing to tidy up");
    // The last owner closes it, which leaves one tidy file.
    drop(database);
    assert!(!log.exists(), "somebody still holds the database");
}
