//! Backups of a whole instance: made beside a running server, verified, restored, drilled, pruned; and maintenance.
//!
//! It knows no pipeline: a backup is files and tables, whatever is in them.

mod create;
mod drill;
mod maintain;
mod manifest;
mod prune;
mod restore;
mod snapshot;
mod watch;

mod database;
mod failure;
mod member;
mod reading;
mod room;
mod work_folder;

pub use create::{Created, Media, Request, Target, create};
pub use drill::{Drilled, TableCount, drill};
pub use maintain::{Done, Findings, examine, maintain};
pub use manifest::{AppliedMigration, FORMAT, Header, Manifest, Member};
pub use prune::{Pruned, Retention, prune};
pub use reading::header;
pub use restore::{Whole, restore, verify};
pub use snapshot::{Present, Secrets, Snapshotted, snapshot};
pub use watch::Watch;
