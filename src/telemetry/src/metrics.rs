//! What is counted and measured, for `/metrics`. It reads no database and answers no request.
//!
//! Every family stands once, in [`Families::declare`]: name, meaning, labels. What moves them is in `moves`, but for
//! the process itself, which is looked at when somebody asks (`process`).

mod declaration;
mod moves;
mod process;
mod reading;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use prometheus::{
    Counter, Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, TextEncoder,
};

use self::declaration::Declarations;
pub use self::{
    declaration::{Family, FamilyKind},
    moves::{BreakerState, ImportRecords, InFlight},
    reading::{Bucket, Reading, Sample, Value},
};

/// The media type of [`Metrics::text`].
pub const TEXT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The metrics of one server. Clones share them; another server in the same process has its own.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    list: Vec<Family>,
    families: Families,
    /// The jobs that were last told of, so that a kind that is told no more becomes 0.
    jobs_told: Mutex<Vec<(String, String)>>,
    /// Two looks at the process at once would both add the processor time since the last one.
    looking: Mutex<()>,
}

struct Families {
    http_requests: IntCounterVec,
    http_request_duration: HistogramVec,
    http_requests_in_flight: IntGauge,
    database_reads: IntCounter,
    database_writes: IntCounter,
    database_read_duration: Histogram,
    database_write_duration: Histogram,
    database_errors: IntCounter,
    database_size: IntGauge,
    database_wal_size: IntGauge,
    jobs: IntGaugeVec,
    jobs_ended: IntCounterVec,
    job_duration: HistogramVec,
    job_retries: IntCounterVec,
    job_last_success: IntGaugeVec,
    imports: IntCounterVec,
    import_records: IntCounterVec,
    breaker_state: IntGaugeVec,
    breaker_trips: IntCounterVec,
    disk_free: IntGauge,
    build_info: IntGaugeVec,
    process_resident_memory: IntGauge,
    process_cpu: Counter,
    process_open_fds: IntGauge,
    process_max_fds: IntGauge,
    process_start_time: Gauge,
    process_threads: IntGauge,
}

/// From a cached page to a search through everything.
const REQUEST_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// From one row to a large import.
const DATABASE_SECONDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0];
/// From a moment to a long night.
const JOB_SECONDS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];

impl Families {
    #[rustfmt::skip] // A table is read by its columns.
    fn declare(to: &mut Declarations) -> Self {
        Self {
            http_requests: to.counters("ytorch_http_requests_total", "Requests that were answered, by the template of the path.", &["route", "method", "status"]),
            http_request_duration: to.histograms("ytorch_http_request_duration_seconds", "Time from a request to the head of its answer.", &["route", "method"], REQUEST_SECONDS),
            http_requests_in_flight: to.gauge("ytorch_http_requests_in_flight", "Requests that are being answered, this one included."),
            database_reads: to.counter("ytorch_database_reads_total", "Reads of the database: one snapshot each, whatever the number of queries."),
            database_writes: to.counter("ytorch_database_writes_total", "Writes to the database: one transaction each."),
            database_read_duration: to.histogram("ytorch_database_read_duration_seconds", "Time of a read, with the wait for a free connection.", DATABASE_SECONDS),
            database_write_duration: to.histogram("ytorch_database_write_duration_seconds", "Time of a write from its begin to its commit.", DATABASE_SECONDS),
            database_errors: to.counter("ytorch_database_errors_total", "Reads and writes that were given up, by SQLite or by those who asked; such a write changes nothing."),
            database_size: to.gauge("ytorch_database_size_bytes", "Size of the database file."),
            database_wal_size: to.gauge("ytorch_database_wal_size_bytes", "Size of the write-ahead log beside the database file."),
            jobs: to.gauges("ytorch_jobs", "Jobs that are known, by what they do and where they are in their life.", &["kind", "state"]),
            jobs_ended: to.counters("ytorch_jobs_ended_total", "Jobs that have ended.", &["kind", "status"]),
            job_duration: to.histograms("ytorch_job_duration_seconds", "Time of one run of a job.", &["kind"], JOB_SECONDS),
            job_retries: to.counters("ytorch_job_retries_total", "Runs of jobs that failed and are tried again.", &["kind"]),
            job_last_success: to.gauges("ytorch_job_last_success_timestamp_seconds", "When a kind of job did its work last, in seconds since 1970.", &["kind"]),
            imports: to.counters("ytorch_imports_total", "Imports that have ended.", &["status"]),
            import_records: to.counters("ytorch_import_records_total", "Records of finished imports, by what became of them.", &["outcome"]),
            breaker_state: to.gauges("ytorch_breaker_state", "Circuit breaker of a service: 0 closed, 1 half-open, 2 open.", &["service"]),
            breaker_trips: to.counters("ytorch_breaker_trips_total", "Times that a circuit breaker has opened.", &["service"]),
            disk_free: to.gauge("ytorch_disk_free_bytes", "Space that is left for this user on the disk of the instance."),
            build_info: to.gauges("ytorch_build_info", "Always 1; the label is the version of the server.", &["version"]),
            process_resident_memory: to.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM."),
            process_cpu: to.seconds_counter("process_cpu_seconds_total", "Processor time of the process, user and system."),
            process_open_fds: to.gauge("process_open_fds", "Open file descriptors."),
            process_max_fds: to.gauge("process_max_fds", "File descriptors that the process may open."),
            process_start_time: to.seconds_gauge("process_start_time_seconds", "Start of the process, in seconds since 1970."),
            process_threads: to.gauge("process_threads", "Threads of the process."),
        }
    }
}

impl Metrics {
    /// Metrics that nothing has moved yet.
    pub fn new() -> Self {
        let mut declarations = Declarations::default();
        let families = Families::declare(&mut declarations);
        let (registry, list) = declarations.done();
        let metrics =
            Self(Arc::new(Inner { registry, list, families, jobs_told: Mutex::default(), looking: Mutex::default() }));
        metrics.show_known_labels();
        metrics
    }

    /// Every family, in the order of the declarations.
    pub fn families(&self) -> &[Family] {
        &self.0.list
    }

    /// Every family that has a sample, in the text format of Prometheus ([`TEXT_TYPE`]).
    pub fn text(&self) -> String {
        let gathered = self.0.registry.gather();
        TextEncoder::new().encode_to_string(&gathered).unwrap_or_else(|error| {
            // Only a family without a sample cannot be written, and the registry leaves those out.
            tracing::error!(%error, "could not write the metrics");
            String::new()
        })
    }

    /// Every family with its samples, also those that have none yet.
    pub fn readings(&self) -> Vec<Reading<'_>> {
        reading::read(&self.0.list, &self.0.registry.gather())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
