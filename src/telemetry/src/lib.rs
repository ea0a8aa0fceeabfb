//! Logs: to whom they go, in which form, and how the file rotates.
//!
//! It does not decide what is logged, and no failure of a log ever reaches the program that logs.

mod json;
mod rotation;
mod setup;

pub use rotation::{BYTES_PER_FILE, FILES_KEPT, RotatingFile};
pub use setup::{LogFormat, LogLevel, LogSettings, Logging, start};
