//! What can be said on the command line. It does nothing of it.

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand};

use crate::settings::{DECLARATIONS, Shape};

/// The server of one ytorch instance.
///
/// `ytorch` starts and stops it; these commands are for containers, services and a look at what is wrong.
#[derive(Debug, Parser)]
#[command(name = "ytorch-server", version, max_term_width = 100)]
pub(crate) struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Serve the instance until it is told to stop (SIGTERM, SIGINT).
    Serve(Serve),
    /// Ask the server of an instance whether it is well: 0 if it is, 1 if not. It needs no token and no network.
    Health(Health),
    /// Import exports while no server runs.
    Import(Import),
    /// Rebuild everything from the kept exports while no server runs.
    Reingest(Work),
    /// Show every setting with its value and who gave it.
    Settings(Work),
    /// See whether the server could start here. It changes nothing.
    Check(Work),
    /// Back the instance up, whether a server runs or not.
    Backup(Backup),
    /// Copy the database to a new file, whether a server runs or not.
    Snapshot(Snapshot),
    /// Say of which instance and when a backup is. It is not checked.
    BackupShow(Archive),
    /// Read a backup from the first byte to the last and see whether it is whole.
    BackupVerify(Archive),
    /// Restore a backup into a scratch folder, open it, count it, and throw it away.
    BackupDrill(Archive),
    /// Unpack a backup into a folder that is empty or not there.
    Restore(Restore),
    /// Check the database, give back its free pages and sweep temporary files while no server runs.
    Maintain(Maintain),
    /// Say what this program was built from: commit, toolchain, target, dependencies.
    Version(Version),
}

/// `version`.
#[derive(Debug, Args)]
pub(crate) struct Version {
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Which instance, and how to answer.
    #[command(flatten)]
    pub(crate) work: Work,
    /// Where it goes: a folder, or a new file that ends in .tar.gz [default: backups/ of the instance].
    #[arg(long, value_name = "FILE|DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Take data/media along.
    #[arg(long)]
    pub(crate) media: bool,
}

/// `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct Snapshot {
    /// Which instance, and how to answer.
    #[command(flatten)]
    pub(crate) work: Work,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Replace the file if it is there, when the copy is whole.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Leave out the secrets of services outside.
    #[arg(long)]
    pub(crate) without_secrets: bool,
}

/// A verb that looks at a backup and needs no instance.
#[derive(Debug, Args)]
pub(crate) struct Archive {
    /// The backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// What is said of the settings.
    #[command(flatten)]
    pub(crate) flags: SettingFlags,
}

/// `restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The backup, and how to answer.
    #[command(flatten)]
    pub(crate) archive: Archive,
    /// The folder to unpack into.
    #[arg(long, value_name = "DIR")]
    pub(crate) instance_dir: PathBuf,
}

/// `maintain`.
#[derive(Debug, Args)]
pub(crate) struct Maintain {
    /// Which instance, and how to answer.
    #[command(flatten)]
    pub(crate) work: Work,
    /// Look only, and change nothing. It works beside a server.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which instance.
    #[command(flatten)]
    pub(crate) target: Target,
}

/// `import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Which instance, and how to answer.
    #[command(flatten)]
    pub(crate) work: Work,
    /// Exports as they came from Google Takeout, or folders of them.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub(crate) files: Vec<PathBuf>,
}

/// A verb that does something and answers.
#[derive(Debug, Args)]
pub(crate) struct Work {
    /// Which instance.
    #[command(flatten)]
    pub(crate) target: Target,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which instance, with which settings.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder of the instance.
    #[arg(long, value_name = "DIR")]
    pub(crate) instance_dir: PathBuf,
    /// The name of the instance [default: that of its folder; for the folder `/` the variable `YTORCH_INSTANCE`].
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// What is said of the settings.
    #[command(flatten)]
    pub(crate) flags: SettingFlags,
}

/// `health`.
#[derive(Debug, Args)]
pub(crate) struct Health {
    /// The folder of the instance; the default is that of a container.
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(crate) instance_dir: PathBuf,
    /// Answer in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The settings given as flags: their names and texts. One flag for each declaration.
#[derive(Clone, Debug, Default)]
pub(crate) struct SettingFlags(pub(crate) BTreeMap<&'static str, String>);

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        let flags = DECLARATIONS.iter().map(|known| {
            let value = match known.shape {
                Shape::Text => "TEXT",
                Shape::Integer => "NUMBER",
                Shape::List => "TEXT,…",
            };
            Arg::new(known.name)
                .long(known.flag.trim_start_matches('-'))
                .value_name(value)
                .help(format!("{} [default: {}]", known.meaning, known.default))
                .help_heading("Settings")
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for known in DECLARATIONS {
            if let Some(text) = matches.get_one::<String>(known.name) {
                self.0.insert(known.name, text.clone());
            }
        }
        Ok(())
    }
}
