//! The socket: what a pipeline is, and the check that every one must pass.
//!
//! It knows no pipeline and starts none; the server's list does both.

pub mod conformance;

use ytorch_core::{Clock, InstanceFolders, Problem, Zone};
use ytorch_jobs::{JobKind, Queue};
use ytorch_store::{Database, Migrations};
use ytorch_telemetry::Metrics;
use ytorch_web::{Frame, NavEntry, Routes};

/// One subject of the server. The server unpacks it without `..`, so a new field stops the build there.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// Lower-case letters; its tables, its paths under `/api/v1/` and its jobs start with it.
    pub name: &'static str,
    /// Its pages in the navigation, in order.
    pub navigation: Vec<NavEntry>,
    /// Its tables; the owner is its name.
    pub migrations: Migrations,
    /// The kinds of jobs that it may put in the queue.
    pub jobs: fn(&Resources) -> Vec<JobKind>,
    /// Its pages and its part of the API; the server puts the guards round them.
    pub routes: fn(&Services) -> Routes,
    /// Runs once when the queue has started, for what must be swept up or caught up. The server does not start if it
    /// fails.
    pub start: fn(&Services) -> Result<(), Problem>,
    /// Whether it can do its work at the moment. Asked often, so it must be quick; it may block.
    pub checks: fn(&Resources) -> Vec<Check>,
}

/// What a pipeline works with, also where no server runs.
#[derive(Clone)]
pub struct Resources {
    /// Where the instance's files lie.
    pub folders: InstanceFolders,
    /// The instance's database, with the tables of every pipeline.
    pub database: Database,
    /// Where the present comes from.
    pub clock: Clock,
    /// The zone in which days, months and years are counted.
    pub zone: Zone,
    /// The largest upload that is taken, in bytes.
    pub upload_limit_bytes: u64,
    /// Work that needs disk space is refused when less than so many bytes are free.
    pub disk_floor_bytes: u64,
    /// What the work moves.
    pub metrics: Metrics,
}

/// What a pipeline works with inside a running server.
#[derive(Clone)]
pub struct Services {
    /// What is there without a server, too.
    pub resources: Resources,
    /// The running queue.
    pub queue: Queue,
    /// The frame round its pages.
    pub frame: Frame,
}

/// One thing that must hold for the server to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, such as `history.raw_folder`.
    pub name: &'static str,
    /// Whether it holds.
    pub ok: bool,
    /// What was found, for a person.
    pub detail: String,
}
