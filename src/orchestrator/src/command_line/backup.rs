//! The words of `ytorch backup` and `ytorch restore`. An instance called like a sub-verb is named by `--instance`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Choice, DryRun, NamedChoice};

/// `backup`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Backup {
    #[command(subcommand)]
    pub verb: Option<BackupVerb>,
    #[command(flatten)]
    pub choice: Choice,
    /// Where it goes: a folder, or a new file that ends in .tar.gz [default: backups/ of the instance]
    #[arg(long, value_name = "FILE|DIR")]
    pub to: Option<PathBuf>,
    /// Take videos, frames and sound (data/media) along
    #[arg(long)]
    pub media: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What else can be done with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    /// Read a backup from the first byte to the last and see whether it is whole
    Verify(BackupFile),
    /// Show the backups of an instance, the newest first
    List(Choice),
    /// Restore a backup into a scratch folder, open it, count it, and throw it away
    Drill(BackupDrill),
}

/// `backup verify`
#[derive(Args, Debug)]
pub(crate) struct BackupFile {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `backup drill`
#[derive(Args, Debug)]
pub(crate) struct BackupDrill {
    /// The backup [default: the newest one of the instance]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub choice: NamedChoice,
}

/// `restore`
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The instance that it becomes [default: the one that it is of]
    #[arg(long = "instance", value_name = "NAME")]
    pub instance: Option<String>,
    /// Do not ask before it takes the place of an instance
    #[arg(long, short)]
    pub yes: bool,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}
