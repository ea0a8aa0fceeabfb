//! Lists of views that were sorted by a text, kept for their next pages: sorting has to look at every title. A list holds
//! the keys of its views and nothing else, and is never older than the last import.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use ytorch_store::rusqlite;

use super::views::{ViewOrder, ViewQuery};

/// Lists that are kept: the ones asked for last.
const LISTS: usize = 4;

/// The longest list that is kept; with its keys of 16 bytes, four of them take 6 MiB.
pub(crate) const LONGEST: u64 = 100_000;

/// What finds a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ViewKey {
    pub(crate) second: i64,
    pub(crate) video: u32,
}

/// The lists of one server.
#[derive(Debug, Default)]
pub struct SortedLists(Mutex<Vec<(Sorted, Arc<[ViewKey]>)>>);

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sorted {
    pub(crate) query: ViewQuery,
    pub(crate) order: ViewOrder,
    pub(crate) descending: bool,
    /// The last import that is done: only imports change the history.
    import: i64,
}

impl Sorted {
    pub(crate) fn of(
        connection: &Connection,
        query: ViewQuery,
        order: ViewOrder,
        descending: bool,
    ) -> rusqlite::Result<Self> {
        let import = connection
            .prepare_cached("select coalesce(max(import), 0) from history_import where status = 'done'")?
            .query_row([], |row| row.get(0))?;
        Ok(Self { query, order, descending, import })
    }
}

impl SortedLists {
    /// The list, as it is kept or as `sort` makes it. Two at once may both sort it, which harms nobody.
    pub(crate) fn get(
        &self,
        wanted: Sorted,
        sort: impl FnOnce() -> rusqlite::Result<Vec<ViewKey>>,
    ) -> rusqlite::Result<Arc<[ViewKey]>> {
        if let Some(kept) = self.take(wanted) {
            self.keep(wanted, Arc::clone(&kept));
            return Ok(kept);
        }
        let list: Arc<[ViewKey]> = sort()?.into();
        self.keep(wanted, Arc::clone(&list));
        Ok(list)
    }

    fn take(&self, wanted: Sorted) -> Option<Arc<[ViewKey]>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = lists.iter().position(|(sorted, _)| *sorted == wanted)?;
        Some(lists.remove(place).1)
    }

    /// Puts a list to the end; the first is the one that nobody has asked for longest.
    fn keep(&self, wanted: Sorted, list: Arc<[ViewKey]>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|(sorted, _)| sorted.import == wanted.import && *sorted != wanted);
        if lists.len() == LISTS {
            lists.remove(0);
        }
        lists.push((wanted, list));
    }
}

#[cfg(test)]
mod tests {
    use ytorch_core::Timestamp;

    use super::{super::Scope, *};

    fn sorted(import: i64, channel: i64) -> Sorted {
        let query = ViewQuery {
            from: Timestamp::from_seconds(0),
            until: Timestamp::from_seconds(9),
            channel: Some(channel),
            scope: Scope::All,
            include_unknown: true,
        };
        Sorted { query, order: ViewOrder::Title, descending: false, import }
    }

    #[test]
    fn a_list_is_kept_until_an_import_or_until_others_are_asked_for() {
        let lists = SortedLists::default();
        let key = |second| ViewKey { second, video: 1 };
        let ask = |of, second| lists.get(of, || Ok(vec![key(second)])).unwrap()[0].second;
        assert_eq!((ask(sorted(1, 1), 10), ask(sorted(1, 1), 20)), (10, 10));
        assert_eq!(ask(sorted(2, 1), 30), 30, "an import must make it anew");
        for channel in 2..=4 {
            ask(sorted(2, channel), 0);
        }
        assert_eq!(ask(sorted(2, 1), 40), 30, "four are kept");
        ask(sorted(2, 5), 0);
        assert_eq!(ask(sorted(2, 2), 50), 50, "the one not asked for longest goes");
    }
}
