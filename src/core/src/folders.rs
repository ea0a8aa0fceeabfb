//! Where everything of an instance lies. It does not create or read anything.

use std::path::{Path, PathBuf};

/// The folder of one instance and the places inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceFolders {
    root: PathBuf,
}

impl InstanceFolders {
    /// The instance whose folder is `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The instance's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `config/`.
    pub fn config(&self) -> PathBuf {
        self.root.join("config")
    }

    /// `config/instance.toml`: what the instance should be. The instance exists if and only if this file does.
    pub fn spec(&self) -> PathBuf {
        self.root.join("config/instance.toml")
    }

    /// `config/server.toml`: the settings of the server.
    pub fn server_settings(&self) -> PathBuf {
        self.root.join("config/server.toml")
    }

    /// `config/secrets/`, mode 0700.
    pub fn secrets(&self) -> PathBuf {
        self.root.join("config/secrets")
    }

    /// `config/secrets/token`, mode 0600: what opens the instance.
    pub fn token(&self) -> PathBuf {
        self.root.join("config/secrets/token")
    }

    /// `config/secrets/encryption_key`, mode 0600: what encrypts the secrets of services outside.
    pub fn encryption_key(&self) -> PathBuf {
        self.root.join("config/secrets/encryption_key")
    }

    /// `data/`: all that a person would miss.
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// `data/raw/`: source files as received, named by their content.
    pub fn raw(&self) -> PathBuf {
        self.root.join("data/raw")
    }

    /// `data/db/`: the database and what belongs to it.
    pub fn database_folder(&self) -> PathBuf {
        self.root.join("data/db")
    }

    /// `data/db/ytorch.sqlite3`: the database.
    pub fn database(&self) -> PathBuf {
        self.root.join("data/db/ytorch.sqlite3")
    }

    /// `data/media/`: videos, frames and sound.
    pub fn media(&self) -> PathBuf {
        self.root.join("data/media")
    }

    /// `backups/`: where backups go unless another place is named.
    pub fn backups(&self) -> PathBuf {
        self.root.join("backups")
    }

    /// `data/db/ytorch.sqlite3-wal`: where SQLite keeps what is not in the database file yet.
    pub fn database_wal(&self) -> PathBuf {
        self.root.join("data/db/ytorch.sqlite3-wal")
    }

    /// `logs/`.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// `logs/ytorch-server.log`: the newest log; older ones end in `.1`, `.2` and so on.
    pub fn server_log(&self) -> PathBuf {
        self.root.join("logs/ytorch-server.log")
    }

    /// `data/db/server.lock`: locked (`flock`) by whoever writes the database: the server, or an import without one.
    ///
    /// It lies beside what it guards, because a container has a `run/` of its own, but the same data as the host.
    pub fn server_lock(&self) -> PathBuf {
        self.root.join("data/db/server.lock")
    }

    /// `run/`: sockets, locks and process ids of what runs; it can be deleted at any time.
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// `run/health.sock`, mode 0600: where a server tells its own machine whether it is well.
    pub fn health_socket(&self) -> PathBuf {
        self.root.join("run/health.sock")
    }
}
