//! The words of `ytorch timers`. It switches nothing.

use clap::{Args, Subcommand};

use super::DryRun;

/// `timers`
#[derive(Args, Debug)]
pub(crate) struct Timers {
    #[command(subcommand)]
    pub verb: TimersVerb,
}

/// What can be done with them.
#[derive(Debug, Subcommand)]
pub(crate) enum TimersVerb {
    /// Reconcile all instances at the start of systemd and every few minutes; back up those on demand every day
    On {
        /// How long after one reconciliation the next begins, such as 5m or 1h
        #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = pause)]
        every: String,
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Switch all of them off and remove their units
    Off {
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// Say which there are
    Status,
}

/// A pause that both people and systemd understand.
fn pause(text: &str) -> Result<String, String> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let is_number = number.parse::<u32>().is_ok_and(|number| (1..=999).contains(&number));
    if is_number && matches!(unit, "m" | "h") {
        Ok(text.to_owned())
    } else {
        Err("a number of minutes or hours is wanted: 5m, 1h".to_owned())
    }
}
