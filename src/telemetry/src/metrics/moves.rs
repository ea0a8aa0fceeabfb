//! What moves the families: one method for each thing that happens. It does not know who calls, or when.

use std::{
    collections::BTreeMap,
    sync::PoisonError,
    time::{Duration, Instant},
};

use prometheus::{Histogram, IntCounter, IntGauge};
use ytorch_core::Timestamp;

use super::Metrics;

/// The route of a request that no address of the server fits, so that strangers cannot make samples without end.
const UNMATCHED: &str = "unmatched";

/// The methods that are told apart; a method is any word, and strangers may send many.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];

/// A request that is being answered. Dropping it says that it no longer is, also when its asker went away.
#[must_use = "the request counts as answered when this is dropped"]
#[derive(Debug)]
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Where a circuit breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// The service is asked.
    Closed,
    /// One question is let through to see whether the service is well again.
    HalfOpen,
    /// The service is left alone.
    Open,
}

/// What became of the records of one import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportRecords {
    /// Views that were new.
    pub added: u64,
    /// Views that were known.
    pub known: u64,
    /// Records that are no views.
    pub skipped: u64,
    /// Records that could not be read.
    pub rejected: u64,
}

/// Requests.
impl Metrics {
    /// A request has come.
    pub fn request_began(&self) -> InFlight {
        let in_flight = self.0.families.http_requests_in_flight.clone();
        in_flight.inc();
        InFlight(in_flight)
    }

    /// A request is answered. `route` is the template of its path, if it has one.
    pub fn request_answered(&self, route: Option<&str>, method: &str, status: &str, took: Duration) {
        let families = &self.0.families;
        let route = route.unwrap_or(UNMATCHED);
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
        families.http_requests.with_label_values(&[route, method, status]).inc();
        families.http_request_duration.with_label_values(&[route, method]).observe(took.as_secs_f64());
    }
}

/// The database.
impl Metrics {
    /// Does a read and measures it.
    pub fn read<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let families = &self.0.families;
        self.measured(&families.database_reads, &families.database_read_duration, work)
    }

    /// Does a write and measures it.
    pub fn write<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let families = &self.0.families;
        self.measured(&families.database_writes, &families.database_write_duration, work)
    }

    fn measured<T, E>(
        &self,
        count: &IntCounter,
        duration: &Histogram,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let started = Instant::now();
        let result = work();
        duration.observe(started.elapsed().as_secs_f64());
        count.inc();
        if result.is_err() {
            self.0.families.database_errors.inc();
        }
        result
    }

    /// How large the database is.
    pub fn set_database_size(&self, file_bytes: u64, wal_bytes: u64) {
        self.0.families.database_size.set(whole(file_bytes));
        self.0.families.database_wal_size.set(whole(wal_bytes));
    }
}

/// Jobs and circuit breakers.
impl Metrics {
    /// The jobs that are known now, by kind and state. What was told before and is not told now is 0.
    pub fn set_jobs<K: AsRef<str>, S: AsRef<str>>(&self, counts: Vec<(K, S, u64)>) {
        let mut told = self.0.jobs_told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: BTreeMap<_, u64> = told.drain(..).map(|job| (job, 0)).collect();
        for (kind, state, count) in counts {
            *all.entry((kind.as_ref().to_owned(), state.as_ref().to_owned())).or_default() += count;
        }
        for ((kind, state), count) in all {
            self.0.families.jobs.with_label_values(&[&kind, &state]).set(whole(count));
            told.push((kind, state));
        }
    }

    /// A kind of job exists. Its counters begin at 0, so that its first failure is seen as a step.
    pub fn job_known(&self, kind: &str) {
        for status in ["done", "failed", "cancelled", "skipped"] {
            self.0.families.jobs_ended.with_label_values(&[kind, status]);
        }
        self.0.families.job_retries.with_label_values(&[kind]);
    }

    /// A job has ended for good, as `done`, `failed`, `cancelled` or `skipped`; `took` is the time of its last run.
    pub fn job_ended(&self, kind: &str, status: &str, took: Duration) {
        self.0.families.jobs_ended.with_label_values(&[kind, status]).inc();
        self.0.families.job_duration.with_label_values(&[kind]).observe(took.as_secs_f64());
    }

    /// A run of a job has failed and another one will follow.
    pub fn job_retried(&self, kind: &str) {
        self.0.families.job_retries.with_label_values(&[kind]).inc();
    }

    /// When a kind of job did its work last.
    pub fn set_job_last_success(&self, kind: &str, at: Timestamp) {
        self.0.families.job_last_success.with_label_values(&[kind]).set(at.second());
    }

    /// Where a circuit breaker is now. From the first call on its trips are shown as well, as 0.
    pub fn set_breaker(&self, service: &str, state: BreakerState) {
        let number = match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        self.0.families.breaker_state.with_label_values(&[service]).set(number);
        self.0.families.breaker_trips.with_label_values(&[service]);
    }

    /// A circuit breaker has opened.
    pub fn breaker_tripped(&self, service: &str) {
        self.0.families.breaker_trips.with_label_values(&[service]).inc();
    }
}

/// Imports, and the place where it all happens.
impl Metrics {
    /// Counters that start at 0 rather than at nothing, so that the first event is seen as a step.
    pub(super) fn show_known_labels(&self) {
        self.count_import("done", 0);
        self.count_import("failed", 0);
        self.count_records(ImportRecords::default());
    }

    /// An import is complete.
    pub fn import_done(&self, records: ImportRecords) {
        self.count_import("done", 1);
        self.count_records(records);
    }

    /// An import has failed and changed nothing.
    pub fn import_failed(&self) {
        self.count_import("failed", 1);
    }

    fn count_import(&self, status: &str, more: u64) {
        self.0.families.imports.with_label_values(&[status]).inc_by(more);
    }

    fn count_records(&self, records: ImportRecords) {
        let ImportRecords { added, known, skipped, rejected } = records;
        for (outcome, more) in [("added", added), ("known", known), ("skipped", skipped), ("rejected", rejected)] {
            self.0.families.import_records.with_label_values(&[outcome]).inc_by(more);
        }
    }

    /// How much space is left.
    pub fn set_disk_free(&self, free_bytes: u64) {
        self.0.families.disk_free.set(whole(free_bytes));
    }

    /// The version of the server.
    pub fn set_version(&self, version: &str) {
        self.0.families.build_info.with_label_values(&[version]).set(1);
    }
}

/// Gauges are signed; nothing here comes near their end.
pub(super) fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
