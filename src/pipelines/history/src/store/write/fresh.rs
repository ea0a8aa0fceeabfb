//! The end of an import into an empty history: what is derived from the views is made once, from memory, on both cores.

use rusqlite::{Transaction, params};
use ytorch_core::Zone;
use ytorch_store::rusqlite;

use super::super::{
    rollup,
    stored_view::StoredView,
    totals::{self, Totals},
};

/// Drops the index of the videos' ids until [`finish`].
pub(super) fn drop_index(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch("drop index history_video_id")
}

/// Makes the index again and fills the table of channels' views; gives the totals.
pub(super) fn finish(
    transaction: &Transaction<'_>,
    mut views: Vec<StoredView>,
    zone: &Zone,
) -> rusqlite::Result<Totals> {
    let by_id = rollup::known_by_id(transaction)?;
    let videos = views.iter().map(|view| view.video as usize + 1).max().unwrap_or(1);
    let (totals, views) = std::thread::scope(|scope| {
        let adding = scope.spawn(|| {
            views.sort_unstable_by_key(|view| view.second);
            let totals = totals::add_up(&views, zone, &by_id, videos);
            views.sort_unstable_by_key(|view| (view.channel(), view.second, view.video));
            (totals, views)
        });
        // The text is that of the migration.
        transaction.execute_batch("create unique index history_video_id on history_video (id)")?;
        match adding.join() {
            Ok(added) => Ok::<_, rusqlite::Error>(added),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let mut insert =
        transaction.prepare("insert into history_channel_view (channel, second, video) values (?, ?, ?)")?;
    for view in &views {
        insert.execute(params![view.channel(), view.second, view.video])?;
    }
    Ok(totals)
}
