//! What the end-to-end tests share: programs, instances, exports, a browser, and an independent recount.
//!
//! It deliberately uses no crate of the product: the tests know it only by its commands, its pages and its API.
#![expect(clippy::panic, reason = "the whole crate is test code, and a panic is how a test fails")]

pub mod browser;
pub mod client;
pub mod command;
pub mod generator;
pub mod host;
pub mod instance;
pub mod listener;
pub mod machine;
pub mod programs;
pub mod prometheus;
pub mod recount;
pub mod service;
pub mod session;
pub mod socketed;
pub mod truth;

pub use browser::Browser;
pub use client::{Client, Reply, ViewLine};
pub use command::{Answer, Ytorch};
pub use generator::{Export, Recipe};
pub use host::{Debian, Host};
pub use instance::Instance;
pub use listener::{Listener, Received};
pub use machine::{Here, Machine};
pub use recount::{Figures, Recount};
pub use service::Service;
pub use session::Session;
pub use socketed::Socketed;
pub use truth::Truth;

/// Every address of the API that reads, without its query. Tests ask each; the documents must name each.
pub const API_READS: &[&str] = &[
    "/api/v1/routes",
    "/api/v1/openapi.json",
    "/api/v1/history/summary",
    "/api/v1/history/channels",
    "/api/v1/history/years",
    "/api/v1/history/months",
    "/api/v1/history/views",
    "/api/v1/history/imports",
    "/api/v1/jobs",
    "/api/v1/runs",
    "/api/v1/schedules",
    "/api/v1/breakers",
    "/api/v1/secrets",
    "/status",
    "/metrics",
    "/metrics.json",
];

/// Every address of the API that changes something.
pub const API_WRITES: &[&str] = &[
    "/api/v1/login-links",
    "/api/v1/history/imports",
    "/api/v1/history/reingest",
    "/api/v1/schedules/maintain/run",
    "/api/v1/breakers/notify/reset",
    "/api/v1/secrets/rotate-key",
];
