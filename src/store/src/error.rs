//! What can go wrong with the database, and how a person is told. It does not decide when to retry.

use std::path::PathBuf;

use rusqlite::ErrorCode;
use ytorch_core::{ExitCode, Problem};

/// Why the database could not be opened or brought up to date. The server does not start then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder of the database cannot be made.
    #[error("could not create the folder `{path}`")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite cannot open or configure the file.
    #[error("could not open the database `{path}`")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file or its folder cannot be written.
    #[error("the database `{path}` cannot be written")]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// A migration failed; the database is as it was.
    #[error("could not apply migration {number} of `{owner}`")]
    Migrate {
        /// Whose migration.
        owner: &'static str,
        /// Which.
        number: u32,
        /// Why.
        source: rusqlite::Error,
    },
    /// A migration that was applied once has another text now.
    #[error("migration {number} of `{owner}` is not the one that made this database")]
    Changed {
        /// Whose migration.
        owner: &'static str,
        /// Which.
        number: u32,
    },
    /// The database knows a migration that this program does not.
    #[error("the database was written by a newer version (migration {number} of `{owner}`)")]
    Newer {
        /// Whose migration.
        owner: String,
        /// Which.
        number: u32,
    },
}

impl OpenError {
    /// The same for a person.
    pub fn problem(&self) -> Problem {
        let hint = match self {
            Self::Folder { .. } | Self::ReadOnly { .. } => {
                "check that the disk is mounted writable and that the folder belongs to the user who runs the server"
            }
            Self::Open { source, .. } if is_not_a_database(source) => {
                "the file is damaged or no database: move it away; the next start makes a new one, and `ytorch reingest` \
                 fills it again from data/raw"
            }
            Self::Open { .. } => "check the permissions of the file and that the disk has free space",
            Self::Migrate { .. } => "check that the disk has free space and start again; nothing was changed",
            Self::Changed { .. } | Self::Newer { .. } => {
                "run the version of ytorch that last ran this instance, or a newer one"
            }
        };
        Problem::new(ExitCode::Unfit, "the database cannot be used").because(self).hint(hint)
    }
}

fn is_not_a_database(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Why a read or a write failed. A failed write has changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk is full")]
    DiskFull,
    /// SQLite refused.
    #[error("the database refused")]
    Sqlite(#[source] rusqlite::Error),
    /// The database is being closed.
    #[error("the database is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            _ => Self::Sqlite(error),
        }
    }
}

impl StoreError {
    /// The same for a person, who was trying to do `what`.
    pub fn problem(&self, what: &str) -> Problem {
        let problem = Problem::new(ExitCode::Failure, what).because(self);
        match self {
            Self::DiskFull => problem.hint("free some disk space and try again; nothing was changed"),
            Self::Sqlite(error) if is_not_a_database(error) => problem
                .hint("the database file is damaged; stop the instance, move the file away and run `ytorch reingest`"),
            Self::Sqlite(_) => problem.hint("try again; the server's log has the details"),
            Self::Closed => problem.hint("the server is stopping; try again when it runs"),
        }
    }
}
