//! Lists that were sorted by something else than their table's own order, kept for their next pages: sorting has to look
//! at every row. A list holds keys and nothing else, and is never older than the last import.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use ytorch_store::rusqlite;

use super::{
    channels::{ChannelKey, ChannelQuery},
    views::{SortedViews, ViewKey},
};

/// Lists of a kind that are kept: the ones asked for last.
const LISTS: usize = 4;

/// The longest list that is kept; with keys of 16 bytes, four of them take 6 MiB.
pub(crate) const LONGEST: u64 = 100_000;

/// The lists of one server.
#[derive(Debug, Default)]
pub struct SortedLists {
    pub(crate) views: Lists<SortedViews, ViewKey>,
    pub(crate) channels: Lists<ChannelQuery, ChannelKey>,
}

/// Lists of one kind.
#[derive(Debug)]
pub(crate) struct Lists<Of, Key>(Mutex<Vec<Kept<Of, Key>>>);

#[derive(Debug)]
struct Kept<Of, Key> {
    of: Of,
    /// The last import when it was made.
    import: i64,
    list: Arc<[Key]>,
}

impl<Of, Key> Default for Lists<Of, Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Of: Copy + PartialEq, Key: Copy> Lists<Of, Key> {
    /// A page of the list, as it is kept or as `sort` makes it. Two at once may both sort it, which harms nobody.
    pub(crate) fn page(
        &self,
        connection: &Connection,
        of: Of,
        (offset, limit): (u64, u32),
        sort: impl FnOnce() -> rusqlite::Result<Vec<Key>>,
    ) -> rusqlite::Result<Vec<Key>> {
        // Only imports change the history.
        let import = connection
            .prepare_cached("select coalesce(max(import), 0) from history_import where status = 'done'")?
            .query_row([], |row| row.get(0))?;
        let list = self.get_after(import, of, sort)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(list.len());
        Ok(list[start..].iter().take(limit as usize).copied().collect())
    }

    fn get_after(
        &self,
        import: i64,
        of: Of,
        sort: impl FnOnce() -> rusqlite::Result<Vec<Key>>,
    ) -> rusqlite::Result<Arc<[Key]>> {
        let list = match self.take(import, of) {
            Some(kept) => kept,
            None => sort()?.into(),
        };
        self.keep(import, of, Arc::clone(&list));
        Ok(list)
    }

    fn take(&self, import: i64, of: Of) -> Option<Arc<[Key]>> {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = lists.iter().position(|kept| kept.of == of && kept.import == import)?;
        Some(lists.remove(place).list)
    }

    /// Puts a list to the end; the first is the one that nobody has asked for longest.
    fn keep(&self, import: i64, of: Of, list: Arc<[Key]>) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|kept| kept.import == import && kept.of != of);
        if lists.len() == LISTS {
            lists.remove(0);
        }
        lists.push(Kept { of, import, list });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_until_an_import_or_until_others_are_asked_for() {
        let lists = Lists::<&str, u8>::default();
        let ask = |import, of, key| lists.get_after(import, of, || Ok(vec![key])).unwrap()[0];
        assert_eq!((ask(1, "a", 10), ask(1, "a", 20)), (10, 10));
        assert_eq!(ask(2, "a", 30), 30, "an import must make it anew");
        for of in ["b", "c", "d"] {
            ask(2, of, 0);
        }
        assert_eq!(ask(2, "a", 40), 30, "four are kept");
        ask(2, "e", 0);
        assert_eq!(ask(2, "b", 50), 50, "the one not asked for longest goes");
    }
}
