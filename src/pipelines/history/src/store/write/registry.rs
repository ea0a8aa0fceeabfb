//! The videos that an import has met, in memory: a look-up here is twenty times cheaper than one in an index.

#![expect(
    clippy::cast_possible_truncation,
    reason = "videos are counted in 32 bits, and their ids have 64 bytes at most"
)]

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

/// What is known of a video, in twelve bytes and a bit: there can be a million.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownVideo {
    pub(super) video: u32,
    pub(super) channel: u32,
    /// [`Self::told_at`] of the watch that told the title in this import, or one of the two below.
    pub(super) title_at: u32,
    /// The byline was known before this import, and so stays.
    pub(super) has_byline: bool,
}

impl KnownVideo {
    /// No record has told the title yet: any will do.
    pub(super) const UNTITLED: u32 = 0;
    /// The title was known before this import: none will do.
    pub(super) const TITLED_BEFORE: u32 = u32::MAX;

    /// A second as it is kept here: until 2106, which is beyond any watch.
    #[expect(clippy::cast_sign_loss, reason = "it is clamped")]
    pub(super) fn told_at(second: i64) -> u32 {
        second.clamp(1, i64::from(Self::TITLED_BEFORE) - 1) as u32
    }
}

/// Texts one after the other.
#[derive(Default)]
pub(super) struct Ids {
    texts: String,
    /// Where each ends; it begins where the one before ends.
    ends: Vec<u32>,
}

impl Ids {
    fn push(&mut self, id: &str) {
        self.texts.push_str(id);
        self.ends.push(self.texts.len() as u32);
    }

    /// The id at a place.
    pub(super) fn at(&self, place: u32) -> &str {
        let place = place as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.texts[start..self.ends[place] as usize]
    }

    /// All places, in the order of the ids.
    pub(super) fn sorted(&self) -> Vec<u32> {
        // The first eight bytes nearly always decide, and need no look at the text.
        let beginning = |id: &str| {
            let mut bytes = [0; 8];
            let length = id.len().min(bytes.len());
            bytes[..length].copy_from_slice(&id.as_bytes()[..length]);
            u64::from_be_bytes(bytes)
        };
        let places = 0..self.ends.len() as u32;
        let mut sorted: Vec<(u64, u32)> = places.map(|place| (beginning(self.at(place)), place)).collect();
        sorted.sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| self.at(one.1).cmp(self.at(other.1))));
        sorted.into_iter().map(|(_, place)| place).collect()
    }
}

/// Known videos by their ids.
#[derive(Default)]
pub(super) struct Registry {
    ids: Ids,
    known: Vec<KnownVideo>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Registry {
    /// The place of a video.
    pub(super) fn find(&self, id: &str) -> Option<u32> {
        self.places.find(self.hasher.hash_one(id), |&place| self.ids.at(place) == id).copied()
    }

    /// Adds a video that is not there yet, and gives its place.
    pub(super) fn insert(&mut self, id: &str, known: KnownVideo) -> u32 {
        let place = self.known.len() as u32;
        self.ids.push(id);
        self.known.push(known);
        let (ids, hasher) = (&self.ids, &self.hasher);
        let hash_of = |place: &u32| hasher.hash_one(ids.at(*place));
        self.places.insert_unique(hasher.hash_one(id), place, hash_of);
        place
    }

    /// What is known at a place.
    pub(super) fn get_mut(&mut self, place: u32) -> &mut KnownVideo {
        &mut self.known[place as usize]
    }

    /// The ids alone, in the order in which they were added.
    pub(super) fn into_ids(self) -> Ids {
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_are_sorted_like_text(all in proptest::collection::vec("[-_A-Za-z0-9]{1,12}|ABCDEFGH[a-c]{0,3}", 0..40)) {
            let mut ids = Ids::default();
            for id in &all {
                ids.push(id);
            }
            let sorted: Vec<&str> = ids.sorted().into_iter().map(|place| ids.at(place)).collect();
            let mut expected: Vec<&str> = all.iter().map(String::as_str).collect();
            expected.sort_unstable();
            prop_assert_eq!(sorted, expected);
        }
    }
}
