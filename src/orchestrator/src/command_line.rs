//! The words a person may type. It checks nothing beyond their form and touches no file.

mod backup;
mod declare;
mod exec;
mod image;
mod operations;
mod set;
mod share;
mod shell;
mod timers;
mod transfer;
mod upgrade;

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::server_log::Level;
pub(crate) use backup::{Backup, BackupDrill, BackupVerb, Restore};
pub(crate) use declare::Declare;
pub(crate) use exec::Exec;
pub(crate) use image::{Image, ImageBuild, ImageLoad, ImageVerb};
pub(crate) use operations::{
    Breakers, BreakersReset, BreakersVerb, Jobs, JobsVerb, OneJob, OneSecret, Secret, SecretVerb,
};
pub(crate) use set::{Limit, Set, host_name, memory, processors};
pub(crate) use share::{Over, ProxyKind, ProxySite, Share};
pub(crate) use shell::{Completions, Man, Shell, Version};
pub(crate) use timers::{Timers, TimersVerb};
pub(crate) use transfer::{Adopt, Clone, Export, Import};
pub(crate) use upgrade::{Rollback, Upgrade};

/// One person's video life per instance, each with its own folder, database, port and token.
#[derive(Debug, Parser)]
#[command(name = "ytorch", version, about, long_about = None, disable_help_subcommand = true, arg_required_else_help = true)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb understands.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Folder that holds the instances [default: ~/projectDeployments]
    #[arg(long, global = true, value_name = "DIR", env = "YTORCH_ROOT", hide_env_values = true)]
    pub root: Option<PathBuf>,
    /// Answer with one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Say only what was asked for, and problems
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// Which instance is meant: `--instance=NAME` or the name alone.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// The instance [default: default]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The instance, named by an option
    #[arg(long = "instance", value_name = "NAME")]
    pub instance: Option<String>,
}

/// Which instance is meant where the other words are files.
#[derive(Args, Debug)]
pub(crate) struct NamedChoice {
    /// The instance
    #[arg(long = "instance", value_name = "NAME", default_value = "default")]
    pub instance: String,
}

/// Whether the actions are only shown.
#[derive(Args, Debug)]
pub(crate) struct DryRun {
    /// Show what would be done and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Everything `ytorch` can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make an instance and start it
    Create(Create),
    /// Start an instance and wait until it is ready
    Start(Change),
    /// Stop an instance
    Stop(Change),
    /// Stop an instance and start it again
    Restart(Change),
    /// Change values of an instance: port, address, limits, host names; it is started again where it runs
    Set(Set),
    /// Make an instance what a file says: make it, change it, upgrade it, start it
    Declare(Declare),
    /// Run another release, if it proves to be good; else the old one again, with its database
    Upgrade(Upgrade),
    /// Run the release from before the last upgrade again
    Rollback(Rollback),
    /// Say how an instance is
    Status(Choice),
    /// Say how all instances are
    List,
    /// Tell everything of an instance: values and where each is from, sizes, what a command would mend
    Inspect(Choice),
    /// Print a one-time log-in link and open it in the browser
    Open(Open),
    /// Print what to give to a friend: a link that works once, and how to reach it safely
    Share(Share),
    /// Print the API token of an instance
    Token(Choice),
    /// Show the log of an instance
    Logs(Logs),
    /// Import exports, whether the instance runs or not
    Ingest(Ingest),
    /// Build everything again from the kept source files
    Reingest(Reingest),
    /// Back an instance up, whether it runs or not; verify, list and drill backups
    Backup(Backup),
    /// Restore a backup to a new instance, or in place of one
    Restore(Restore),
    /// Copy an instance under another name, whether it runs or not
    Clone(Clone),
    /// Pack an instance into one file for another machine
    Export(Export),
    /// Make an instance of what `ytorch export` packed, or of any backup
    Import(Import),
    /// Take a folder of an instance into the root: from another machine, renamed, or left by a teardown
    Adopt(Adopt),
    /// Check a database, give back its free pages and sweep temporary files
    Maintain(Change),
    /// Show the jobs of a running instance; cancel one or try it again
    Jobs(Jobs),
    /// Show which services outside a running instance leaves alone; have them asked again
    Breakers(Breakers),
    /// Set, list and remove secrets of services outside; rotate their encryption key
    Secret(Secret),
    /// Build, load and show the images that instances run in
    Image(Image),
    /// Show every setting with its value and where it comes from
    Config(Choice),
    /// Check this machine and an instance without starting anything
    Validate(Choice),
    /// Remove a deployment and keep its data
    Teardown(Teardown),
    /// Make what runs equal to what the specs say, after whatever happened
    Reconcile(Reconcile),
    /// Let systemd reconcile all instances every few minutes, and back up those on demand
    Timers(Timers),
    /// Print the files that follow from a spec
    Render(Render),
    /// Remove a deployment and delete its data; asks for the name
    Purge(Purge),
    /// Run a command in the folder of an instance, which is told its address
    Exec(Exec),
    /// Print a script that completes words and names of instances in a shell
    Completions(Completions),
    /// Print the manual page, or write one for every verb
    Man(Man),
    /// Say which version this is, and with --verbose what it was built from
    Version(Version),
    /// Print the names of all instances (asked by the completion of a shell)
    #[command(name = "__names", hide = true)]
    Names,
    /// Keep a server running (started by `ytorch start`)
    #[command(hide = true)]
    Supervise(Supervise),
}

/// `create`
#[derive(Args, Debug)]
pub(crate) struct Create {
    #[command(flatten)]
    pub choice: Choice,
    /// Port of the instance [default: the first free one from 8100 up]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Address to listen on; anything but loopback lets other machines reach the instance
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// How the server is run
    #[arg(long, value_enum, default_value = "auto", env = "YTORCH_ENGINE", hide_env_values = true)]
    pub engine: EngineWish,
    /// What is run: an image for containers, else a server program [default: the newest one]
    #[arg(long, visible_alias = "image", value_name = "IMAGE|PROGRAM")]
    pub release: Option<String>,
    /// Start it on the first request and end it when it is idle
    #[arg(long, conflicts_with = "no_start")]
    pub on_demand: bool,
    /// Fill it with a backup; its settings come from there as well
    #[arg(long, value_name = "FILE", conflicts_with = "time_zone")]
    pub from_backup: Option<PathBuf>,
    /// Time zone of the pages, an IANA name [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// Do not start it
    #[arg(long)]
    pub no_start: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// What `--engine` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineWish {
    /// The best one that works on this machine
    Auto,
    /// A container behind a socket of systemd, by one quadlet for all instances (Podman 5.3 or newer)
    Quadlet,
    /// A container started by a plain unit of systemd, or by `podman run` where there is none (Podman 4.3 or newer)
    Podman,
    /// A sandboxed service of systemd, without a container
    Native,
    /// A supervised background process
    Process,
}

/// `start`, `stop`, `restart`, `maintain`
#[derive(Args, Debug)]
pub(crate) struct Change {
    #[command(flatten)]
    pub choice: Choice,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `open`
#[derive(Args, Debug)]
pub(crate) struct Open {
    #[command(flatten)]
    pub choice: Choice,
    /// Print the link and open nothing
    #[arg(long)]
    pub print_only: bool,
}

/// `logs`
#[derive(Args, Debug)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub choice: Choice,
    /// Go on showing new records until interrupted
    #[arg(long, short)]
    pub follow: bool,
    /// How many records from the end [default: 100, or all with --since, --level or --grep]
    #[arg(long, short = 'n', value_name = "N")]
    pub lines: Option<usize>,
    /// Only what is not older than this: 10m, 2h, 1d, 08:00, 2026-11-21, 2026-11-21T08:00
    #[arg(long, value_name = "DURATION|TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Only what is as serious as this, or more so
    #[arg(long, value_enum)]
    pub level: Option<Level>,
    /// Only records in which this text or regular expression is found
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    pub grep: Option<String>,
    /// Which commands changed the instance, instead of what its server did
    #[arg(long, conflicts_with_all = ["follow", "since", "level", "grep"])]
    pub audit: bool,
}

/// `ingest`
#[derive(Args, Debug)]
pub(crate) struct Ingest {
    /// Exports: .json, .html, .zip, .tgz, .tar.gz, or folders that hold them
    #[arg(value_name = "FILE|FOLDER", required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub choice: NamedChoice,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `reingest`
#[derive(Args, Debug)]
pub(crate) struct Reingest {
    #[command(flatten)]
    pub choice: Choice,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `teardown`
#[derive(Args, Debug)]
pub(crate) struct Teardown {
    #[command(flatten)]
    pub choice: Choice,
    /// Delete the data as well; asks for the name
    #[arg(long)]
    pub purge: bool,
    /// With --purge: do not ask, delete the data of this instance
    #[arg(long, value_name = "NAME", requires = "purge")]
    pub yes_delete_data_of: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `reconcile`
#[derive(Args, Debug)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    pub choice: Choice,
    /// All instances
    #[arg(long, conflicts_with_all = ["name", "instance"])]
    pub all: bool,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `purge`
#[derive(Args, Debug)]
pub(crate) struct Purge {
    #[command(flatten)]
    pub choice: Choice,
    /// Do not ask, delete the data of this instance
    #[arg(long, value_name = "NAME")]
    pub yes_delete_data_of: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// `render`
#[derive(Args, Debug)]
pub(crate) struct Render {
    #[command(subcommand)]
    pub what: RenderVerb,
}

/// What can be printed.
#[derive(Debug, Subcommand)]
pub(crate) enum RenderVerb {
    /// The units of systemd, quadlets and environment files of an instance
    Units(Choice),
    /// A site of a reverse proxy with TLS, for browsers of other machines
    Proxy(ProxySite),
}

impl From<Purge> for Teardown {
    fn from(Purge { choice, yes_delete_data_of, dry_run }: Purge) -> Self {
        Self { choice, purge: true, yes_delete_data_of, dry_run }
    }
}

/// `supervise`
#[derive(Args, Debug)]
pub(crate) struct Supervise {
    /// Folder of the instance
    #[arg(long)]
    pub instance_dir: PathBuf,
    /// The server program
    #[arg(long)]
    pub server: PathBuf,
    /// Port to serve on
    #[arg(long)]
    pub port: u16,
    /// Address to serve on
    #[arg(long)]
    pub bind: IpAddr,
    /// Generation of the spec that is served
    #[arg(long)]
    pub generation: u64,
}
