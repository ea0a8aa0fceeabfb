//! The instance that the command line names: found, made ready, opened. It serves nothing.

use std::{io, path::Path};

use ytorch_core::{Clock, ExitCode, InstanceFolders, InstanceName, Problem, Secret, files};
use ytorch_pipeline::Resources;
use ytorch_store::Database;
use ytorch_telemetry::{LogSettings, Logging, Metrics};

use crate::{
    command_line::Target,
    pipelines::Pipelines,
    settings::{self, Listed, Loaded, Origin},
};

/// The variable that names an instance whose folder does not, as the root of a container.
pub(crate) const NAME_VARIABLE: &str = "YTORCH_INSTANCE";

/// A name, and who gave it.
pub(crate) struct Named {
    pub(crate) name: InstanceName,
    pub(crate) origin: Origin,
    pub(crate) place: &'static str,
}

/// An instance with its settings.
pub(crate) struct Instance {
    pub(crate) name: InstanceName,
    named: Named,
    pub(crate) folders: InstanceFolders,
    pub(crate) loaded: Loaded,
}

impl Instance {
    /// Looks up the folder and reads the settings. It changes nothing.
    pub(crate) fn find(target: &Target) -> Result<Self, Problem> {
        let given = &target.instance_dir;
        let root = given.canonicalize().map_err(|error| {
            Problem::new(ExitCode::NotFound, format!("there is no instance in `{}`", given.display()))
                .because(&error)
                .hint("make one with `ytorch create`, or create the folder")
        })?;
        let named = name_of(&root, target.instance.as_deref())?;
        let folders = InstanceFolders::new(root);
        let loaded = settings::load(&folders.server_settings(), std::env::vars_os(), &target.flags.0)?;
        Ok(Self { name: named.name.clone(), named, folders, loaded })
    }

    /// Every parameter, for people and scripts.
    pub(crate) fn list(&self) -> Vec<Listed> {
        settings::list(&self.named, self.folders.root(), &self.loaded)
    }

    /// Makes the folders that are missing, private to this user.
    pub(crate) fn make_folders(&self) -> Result<(), Problem> {
        let folders = &self.folders;
        for folder in [folders.secrets(), folders.raw(), folders.database_folder(), folders.logs(), folders.run()] {
            files::create_private_folder(&folder).map_err(|error| {
                Problem::new(ExitCode::Unfit, format!("could not create the folder `{}`", folder.display()))
                    .because(&error)
                    .hint(
                        "check that the disk is writable and that the instance belongs to the user who runs the server",
                    )
            })?;
        }
        Ok(())
    }

    /// Starts the logs. Call it with the lock held: two processes must not rotate one file.
    pub(crate) fn start_logs(&self) -> Logging {
        let logging = ytorch_telemetry::start(LogSettings {
            path: self.folders.server_log(),
            files_kept: self.loaded.settings.log_keep_files,
            level: self.loaded.settings.log_level,
            format: self.loaded.settings.log_format,
            instance: self.name.to_string(),
            clock: Clock::system(),
        });
        for warning in &self.loaded.warnings {
            tracing::warn!("{warning}");
        }
        logging
    }

    /// The token, made now if there is none.
    pub(crate) fn token(&self) -> Result<Secret, Problem> {
        let path = self.folders.token();
        let unfit = |what: &str, error: io::Error| {
            Problem::new(ExitCode::Unfit, format!("could not {what} the token `{}`", path.display())).because(&error)
        };
        match Secret::read(&path) {
            Ok(token) => Ok(token),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = Secret::generate();
                token.write(&path).map_err(|error| {
                    unfit("write", error)
                        .hint("the instance has no token yet: make `config/secrets` writable for the server")
                })?;
                tracing::info!("made a token for this instance");
                Ok(token)
            }
            Err(error) => Err(unfit("read", error).hint("remove the file: the next start makes a new token")),
        }
    }

    /// Opens the database and brings it up to date. Call it with the lock held.
    pub(crate) fn open(&self) -> Result<Resources, Problem> {
        let clock = Clock::system();
        let metrics = Metrics::new();
        let database = Database::open(&self.folders.database(), &Pipelines::all().migrations, &clock)
            .map_err(|error| error.problem())?
            .measured(&metrics);
        let settings = &self.loaded.settings;
        Ok(Resources {
            folders: self.folders.clone(),
            database,
            clock,
            zone: settings.time_zone.clone(),
            upload_limit_bytes: settings.upload_limit_bytes,
            disk_floor_bytes: settings.disk_floor_bytes,
            metrics,
        })
    }
}

/// The name by flag; else by the folder; else by the variable, which may be there for another instance than this one.
fn name_of(root: &Path, flag: Option<&str>) -> Result<Named, Problem> {
    let folder = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let variable = || std::env::var(NAME_VARIABLE).ok().filter(|name| !name.is_empty());
    let (text, origin, place) = match (flag, folder) {
        (Some(flag), _) => (flag.to_owned(), Origin::Flag, "--instance"),
        (None, Some(folder)) => (folder, Origin::Flag, "--instance-dir"),
        (None, None) => (variable().unwrap_or_default(), Origin::Environment, NAME_VARIABLE),
    };
    let name = text.parse().map_err(|error| {
        Problem::new(ExitCode::Usage, format!("the instance in `{}` has no name that it can have", root.display()))
            .because(&error)
            .hint("the folder is called as the instance: rename it, or say the name with `--instance NAME`")
    })?;
    Ok(Named { name, origin, place })
}
