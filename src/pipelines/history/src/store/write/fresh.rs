//! An import into an empty history: no view can be known before, so all are gathered in memory, and what the tables
//! hold is written once, in the order of their keys.

use rusqlite::{
    Transaction,
    types::{ToSqlOutput, ValueRef},
};
use ytorch_core::{Timestamp, Zone};
use ytorch_store::rusqlite;

use super::{
    super::{
        bulk, rollup,
        stored_view::StoredView,
        totals::{self, Totals},
    },
    merged,
    registry::Ids,
};

/// Sorts the views, and makes one of those that are the same.
pub(super) fn merge(views: &mut Vec<StoredView>) {
    // Exports are in the order of time, which sorting by the whole instant finds at once.
    views.sort_unstable_by_key(|view| (view.watched_at, view.video));
    for same_second in views.chunk_by_mut(|one, other| one.second() == other.second()) {
        same_second.sort_unstable_by_key(|view| view.video);
    }
    views.dedup_by(|later, kept| {
        let is_same = (later.second(), later.video) == (kept.second(), kept.video);
        if is_same {
            let (fraction_us, kind, named) = merged(parts(*kept), parts(*later));
            let watched_at = Timestamp::from_micros(kept.second() * 1_000_000 + i64::from(fraction_us));
            *kept = StoredView::new(watched_at, kept.video, kept.channel(), kind, named);
        }
        is_same
    });
}

fn parts(view: StoredView) -> (u32, u8, bool) {
    (view.watched_at.fraction_micros(), view.kind(), view.is_named())
}

/// Writes merged views and the ids of the videos, which were numbered from 1 in this order, and adds up; both cores have
/// something to do.
pub(super) fn finish(
    transaction: &Transaction<'_>,
    mut views: Vec<StoredView>,
    ids: Ids,
    zone: &Zone,
) -> rusqlite::Result<Totals> {
    let channels = rollup::channel_names(transaction)?;
    let videos = views.iter().map(|view| view.video as usize + 1).max().unwrap_or(1);
    let (totals, sorted) = beside(
        || (totals::add_up(&views, zone, &channels, videos), ids.sorted()),
        || bulk::insert(transaction, "history_view", views.iter().map(view_row)),
    )?;
    beside(
        || views.sort_unstable_by_key(|view| (view.channel(), view.watched_at, view.video)),
        || bulk::insert(transaction, "history_video_id", sorted.iter().map(|place| id_row(&ids, *place))),
    )?;
    drop((ids, sorted));
    bulk::insert(transaction, "history_channel_view", views.iter().map(channel_row))?;
    Ok(totals)
}

/// Works on another thread while this one writes.
fn beside<T: Send>(
    work: impl FnOnce() -> T + Send,
    write: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<T> {
    std::thread::scope(|scope| {
        let working = scope.spawn(work);
        write()?;
        Ok(working.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn view_row(view: &StoredView) -> [i64; 5] {
    let fraction_us = i64::from(view.watched_at.fraction_micros());
    [view.second(), i64::from(view.video), fraction_us, i64::from(view.kind()), i64::from(view.is_named())]
}

fn channel_row(view: &StoredView) -> [i64; 3] {
    [i64::from(view.channel()), view.second(), i64::from(view.video)]
}

fn id_row(ids: &Ids, place: u32) -> [ToSqlOutput<'_>; 2] {
    let id = ValueRef::Text(ids.at(place).as_bytes());
    [id, ValueRef::Integer(i64::from(place) + 1)].map(ToSqlOutput::Borrowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_views_become_one_that_says_the_most() {
        let view = |micros, video, kind, named| StoredView::new(Timestamp::from_micros(micros), video, 4, kind, named);
        let mut views = vec![
            view(2_000_000, 1, 0, false),
            view(1_000_000, 2, 0, true),
            view(1_000_000, 1, 0, false),
            view(1_500_000, 2, 1, false),
            view(1_500_001, 2, 0, false),
        ];
        merge(&mut views);
        assert_eq!(views, [view(1_000_000, 1, 0, false), view(1_500_001, 2, 1, true), view(2_000_000, 1, 0, false)]);
    }
}
