//! Every query on the watch history. It holds no HTML and reads no export.

mod batch;
mod bulk;
mod rollup;
mod scope;
mod sorted;
mod stored_view;
mod totals;
mod write;

pub mod channels;
pub mod imports;
pub mod periods;
pub mod views;

pub(crate) use batch::Batch;
pub(crate) use rollup::{rebuild, write as write_totals};
pub(crate) use totals::Totals;
pub(crate) use write::{Writer, Written};

pub use channels::{Channel, ChannelOrder, ChannelQuery};
pub use imports::{Import, ImportId, ImportKind, ImportStatus};
pub use periods::Period;
pub use scope::Scope;
pub use sorted::SortedLists;
pub use views::{View, ViewCursor, ViewOrder, ViewQuery};

use rusqlite::{Connection, OptionalExtension as _, Transaction};
use ytorch_store::{Migration, Migrations, rusqlite};

/// The tables of this pipeline.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "history",
    list: &[Migration { number: 1, sql: include_str!("../migrations/0001_history.sql") }],
};

/// Empties the history, but not what is known of imports and their files.
pub(crate) fn clear(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    for table in
        ["history_view", "history_channel_view", "history_ad", "history_video_id", "history_video", "history_channel"]
    {
        transaction.execute(&format!("delete from {table}"), [])?;
    }
    Ok(())
}

/// The zone that the totals were computed with, if there are any.
pub(crate) fn totals_zone(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("select value from history_setting where name = 'zone'", [], |row| row.get(0)).optional()
}
