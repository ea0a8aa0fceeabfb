//! The words of verbs by which an instance comes to another name or machine. They name files and folders, and open none.

use std::path::PathBuf;

use clap::Args;

use super::{Choice, DryRun};

/// `clone`
#[derive(Args, Debug)]
pub(crate) struct Clone {
    /// The instance
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The name of the copy
    #[arg(value_name = "NEW")]
    pub new: String,
    /// Port of the copy [default: the first free one from 8100 up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Copy the secrets of services outside as well; without it the copy has none
    #[arg(long)]
    pub with_secrets: bool,
    /// Leave out videos, frames and sound (data/media)
    #[arg(long)]
    pub no_media: bool,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `export`
#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    pub choice: Choice,
    /// Where it goes: a folder, or a new file that ends in .tar.gz [default: the current folder]
    #[arg(long, value_name = "FILE|DIR")]
    pub to: Option<PathBuf>,
    /// Leave out videos, frames and sound (data/media)
    #[arg(long)]
    pub no_media: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `import`
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// What `ytorch export` or `ytorch backup` made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The instance that it becomes [default: the one that it is of]
    #[arg(long = "instance", value_name = "NAME")]
    pub instance: Option<String>,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `adopt`
#[derive(Args, Debug)]
pub(crate) struct Adopt {
    /// The folder of the instance
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The instance that it becomes [default: what the folder in the root is called, else what its spec says]
    #[arg(long = "instance", value_name = "NAME")]
    pub instance: Option<String>,
    /// Copy it, and leave the folder as it is
    #[arg(long)]
    pub copy: bool,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}
