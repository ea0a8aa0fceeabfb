//! The instance that the command line names: found, made ready, opened. It serves nothing.

use std::{io, path::Path};

use ytorch_core::{Clock, ExitCode, InstanceFolders, InstanceName, Problem, Secret, files};
use ytorch_pipeline::Resources;
use ytorch_store::Database;
use ytorch_telemetry::{LogSettings, Logging, Metrics};

use crate::{
    command_line::Target,
    pipelines::Pipelines,
    settings::{self, Listed, Loaded},
};

/// An instance with its settings.
pub(crate) struct Instance {
    pub(crate) name: InstanceName,
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
        let name = name_of(&root)?;
        let folders = InstanceFolders::new(root);
        let loaded = settings::load(&folders.server_settings(), std::env::vars_os(), &target.flags.0)?;
        Ok(Self { name, folders, loaded })
    }

    /// Every parameter, for people and scripts.
    pub(crate) fn list(&self) -> Vec<Listed> {
        settings::list(&self.name, self.folders.root(), &self.loaded)
    }

    /// Makes the folders that are missing, private to this user.
    pub(crate) fn make_folders(&self) -> Result<(), Problem> {
        let folders = &self.folders;
        for folder in [folders.secrets(), folders.raw(), folders.logs(), folders.run()] {
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
                token.write(&path).map_err(|error| unfit("write", error))?;
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

fn name_of(root: &Path) -> Result<InstanceName, Problem> {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    name.parse().map_err(|error| {
        Problem::new(ExitCode::Usage, format!("`{}` cannot be the folder of an instance", root.display()))
            .because(&error)
            .hint("the folder is called as the instance; rename it")
    })
}
