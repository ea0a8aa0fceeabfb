//! What a program tells of itself: logs (to whom, in which form, how the file rotates) and metrics.
//!
//! It does not decide what is logged or measured, and no failure of it ever reaches the program that tells.

pub mod metrics;

mod json;
mod rotation;
mod setup;

pub use metrics::Metrics;
pub use rotation::{BYTES_PER_FILE, FILES_KEPT, RotatingFile};
pub use setup::{LogFormat, LogLevel, LogSettings, Logging, start};
