//! The server by its real door: the program, its exit codes, its port, its files. It does not test any pipeline's pages.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

mod check;
mod refusals;
mod serve;
mod settings;
