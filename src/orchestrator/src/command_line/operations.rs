//! The words of `ytorch breakers`, `jobs` and `secret`. An instance called like a sub-verb is named by `--instance`.

use clap::{Args, Subcommand, ValueEnum, builder::NonEmptyStringValueParser};

use super::{Choice, NamedChoice};

/// `breakers`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Breakers {
    #[command(subcommand)]
    pub verb: Option<BreakersVerb>,
    #[command(flatten)]
    pub choice: Choice,
}

/// What else can be done with breakers.
#[derive(Debug, Subcommand)]
pub(crate) enum BreakersVerb {
    /// Close breakers, so that their services are asked again at once
    Reset(BreakersReset),
}

/// `breakers reset`
#[derive(Args, Debug)]
pub(crate) struct BreakersReset {
    #[command(flatten)]
    pub choice: Choice,
    /// Only the breaker of this service [default: all that are not closed]
    #[arg(long, value_name = "S", value_parser = NonEmptyStringValueParser::new())]
    pub service: Option<String>,
}

/// `jobs`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Jobs {
    #[command(subcommand)]
    pub verb: Option<JobsVerb>,
    #[command(flatten)]
    pub choice: Choice,
    /// Only jobs in this state
    #[arg(long, value_enum, value_name = "S")]
    pub state: Option<JobState>,
    /// Only jobs of this kind, such as `history_import`
    #[arg(long, value_name = "K", value_parser = NonEmptyStringValueParser::new())]
    pub kind: Option<String>,
    /// How many, the newest first
    #[arg(long, short = 'n', value_name = "N", default_value = "20", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub number: u32,
}

/// What else can be done with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsVerb {
    /// Cancel a job that waits, or tell one that runs to give up
    Cancel(OneJob),
    /// Try a job again that failed or was cancelled
    Retry(OneJob),
}

/// `jobs cancel`, `jobs retry`
#[derive(Args, Debug)]
pub(crate) struct OneJob {
    /// Its number, as `ytorch jobs` shows it
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    pub id: i64,
    #[command(flatten)]
    pub choice: NamedChoice,
}

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum JobState {
    /// It waits
    Queued,
    /// It is worked on
    Running,
    /// It did its work
    Done,
    /// It failed for good
    Failed,
    /// A person stopped it
    Cancelled,
    /// There was nothing to do
    Skipped,
}

/// `secret`
#[derive(Args, Debug)]
pub(crate) struct Secret {
    #[command(subcommand)]
    pub verb: SecretVerb,
}

/// What can be done with secrets.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretVerb {
    /// Show which secrets there are and whether they are set, never the secrets themselves
    List(NamedChoice),
    /// Set a secret; it is read from standard input, or asked for
    Set(OneSecret),
    /// Remove a secret
    Remove(OneSecret),
    /// Make a new encryption key and encrypt every secret anew
    RotateKey(NamedChoice),
}

/// `secret set`, `secret remove`
#[derive(Args, Debug)]
pub(crate) struct OneSecret {
    /// Its name, as `ytorch secret list` shows it
    #[arg(value_name = "NAME_OF_SECRET", value_parser = NonEmptyStringValueParser::new())]
    pub name: String,
    #[command(flatten)]
    pub choice: NamedChoice,
}
