//! Puts the logs in place, once per process. It does not read settings and does not touch what is printed to people.

use std::{fmt, io::IsTerminal as _, panic::PanicHookInfo, path::PathBuf};

use serde::{Deserialize, Serialize};
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::{
        format::{JsonFields, Writer},
        time::FormatTime,
    },
    layer::SubscriberExt as _,
};
use ytorch_core::Clock;

use crate::{RotatingFile, json::JsonLines};

/// Records that may wait for a slow disk; more are dropped rather than waited for.
const RECORDS_WAITING: usize = 4096;

/// The least serious records that are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What went wrong.
    Error,
    /// And what may go wrong.
    Warn,
    /// And what happens.
    Info,
    /// And what helps to find a fault.
    Debug,
    /// And everything.
    Trace,
}

/// The form of the log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the logs are like.
#[derive(Clone, Debug)]
pub struct LogSettings {
    /// The newest file; older ones end in `.1`, `.2` and so on.
    pub path: PathBuf,
    /// How many older files are kept.
    pub files_kept: u32,
    /// The least serious records.
    pub level: LogLevel,
    /// The form of the file; standard error always gets lines for people.
    pub format: LogFormat,
    /// Told in each JSON record.
    pub instance: String,
    /// Where the records' times come from.
    pub clock: Clock,
}

/// Holds the logs open. Dropping it writes out what still waits; so it lives to the end of `main`, also in a panic.
#[must_use = "records that wait are lost when this is dropped too early"]
#[derive(Debug)]
pub struct Logging {
    _guard: WorkerGuard,
}

/// Starts logging to standard error and to a rotating file, and logs panics too.
///
/// Standard error is coloured on a terminal only, unless `NO_COLOR` is set. A second start in one process is without
/// effect: what was set first stays.
pub fn start(settings: LogSettings) -> Logging {
    let (file, guard) = NonBlockingBuilder::default()
        .thread_name("log")
        .buffered_lines_limit(RECORDS_WAITING)
        .finish(RotatingFile::new(settings.path.clone()).keeping(settings.files_kept));
    let set = tracing::subscriber::set_global_default(subscriber(settings, file));
    if set.is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Logging { _guard: guard }
}

fn subscriber(settings: LogSettings, file: NonBlocking) -> impl tracing::Subscriber + Send + Sync {
    let LogSettings { path: _, files_kept: _, level, format, instance, clock } = settings;
    // `log_internal_errors(false)`: a log that cannot be written is told to nobody, for the telling is an `eprintln!`,
    // which panics when standard error is gone.
    let to_file = tracing_subscriber::fmt::layer().with_writer(file).with_ansi(false).log_internal_errors(false);
    let to_file = match format {
        LogFormat::Text => to_file.with_timer(RecordTime(clock.clone())).boxed(),
        LogFormat::Json => {
            let lines = JsonLines { instance, clock: clock.clone() };
            to_file.fmt_fields(JsonFields::new()).event_format(lines).boxed()
        }
    };
    let coloured = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let to_people = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(coloured)
        .log_internal_errors(false)
        .with_timer(RecordTime(clock));
    // The file comes first: both share the text of a span's fields, and the first one decides on its colours.
    Registry::default().with(to_file).with(to_people).with(filter(level))
}

/// Our own crates at `level`; the libraries below are held to warnings unless everything is asked for.
fn filter(level: LogLevel) -> Targets {
    let (ours, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_target("ytorch", ours).with_default(others)
}

/// RFC 3339 in UTC, as everywhere.
struct RecordTime(Clock);

impl FormatTime for RecordTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", self.0.now())
    }
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    tracing::error!(
        thread = thread.name().unwrap_or("unnamed"),
        place = panic.location().map(tracing::field::display),
        "panic: {}",
        panic.payload_as_str().unwrap_or("without a message")
    );
}
