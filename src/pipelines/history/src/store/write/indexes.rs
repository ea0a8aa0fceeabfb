//! The indexes that the first import makes at its end. Their text must be that of the migration.

use rusqlite::{Connection, Result};
use ytorch_store::rusqlite;

/// Drops them, in the transaction of an import into an empty history.
pub(super) fn drop(connection: &Connection) -> Result<()> {
    connection.execute_batch("drop index if exists history_video_id; drop index if exists history_view_channel")
}

/// Makes them again, by sorting once.
pub(super) fn create(connection: &Connection) -> Result<()> {
    connection.execute_batch(
        "create unique index history_video_id on history_video (id);
         create index history_view_channel on history_view (channel, second)",
    )
}
