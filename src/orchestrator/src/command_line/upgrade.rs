//! The words of `ytorch upgrade` and `ytorch rollback`. They know no release.

use clap::Args;

use super::{Choice, DryRun};

/// `upgrade`
#[derive(Args, Debug)]
pub(crate) struct Upgrade {
    #[command(flatten)]
    pub choice: Choice,
    /// All instances, one after another; it ends with the first that had to go back
    #[arg(long, conflicts_with_all = ["name", "instance"])]
    pub all: bool,
    /// What is run from now on: an image for containers, else a server program [default: the newest one]
    #[arg(long, visible_alias = "image", value_name = "IMAGE|PROGRAM")]
    pub release: Option<String>,
    /// How long it may take to become ready, with all that it changes in the database
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..))]
    pub patience: u32,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `rollback`
#[derive(Args, Debug)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub choice: Choice,
    /// Put back the database from before the upgrade as well; the newer one is kept beside it
    #[arg(long)]
    pub with_database: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}
