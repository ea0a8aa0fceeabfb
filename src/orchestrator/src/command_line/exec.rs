//! The words of `ytorch exec`. What follows `--` is not ours.

use std::ffi::OsString;

use clap::Args;

use super::Choice;

/// `exec`
#[derive(Args, Debug)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub choice: Choice,
    /// The command and its words
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}
