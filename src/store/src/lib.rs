//! One SQLite file: migrations, one writer, a pool of readers.
//!
//! It holds no query of any pipeline; those lie in the pipeline's own `store`.

pub mod migration;
pub mod vault;

mod connection;
mod database;
mod error;
mod readers;
mod writer;

pub use connection::{open_reader, open_untouched};
pub use database::Database;
pub use error::{OpenError, StoreError};
pub use migration::{Migration, Migrations};
pub use rusqlite;
pub use vault::{MEND_UNDECRYPTABLE, Vault, VaultError};
