//! The words of `ytorch declare`. They do not say what a declaration holds.

use std::path::PathBuf;

use clap::Args;

/// `declare`
#[derive(Args, Debug)]
pub(crate) struct Declare {
    /// What the instance shall be, as JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
