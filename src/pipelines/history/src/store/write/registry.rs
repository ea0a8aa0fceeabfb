//! The videos that an import has met, in memory: a look-up here is twenty times cheaper than one in an index.

#![expect(
    clippy::cast_possible_truncation,
    reason = "videos are counted in 32 bits, and their ids have 64 bytes at most"
)]

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

/// What is known of a video.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownVideo {
    pub(super) video: u32,
    pub(super) channel: u32,
    /// Second of the watch that told the title in this import, or one of the two below.
    pub(super) title_at: i64,
    pub(super) has_byline: bool,
}

impl KnownVideo {
    /// No record has told the title yet: any will do.
    pub(super) const UNTITLED: i64 = i64::MIN;
    /// The title was known before this import: none will do.
    pub(super) const TITLED_BEFORE: i64 = i64::MAX;
}

/// Known videos by their ids.
#[derive(Default)]
pub(super) struct Registry {
    ids: String,
    /// Where each id ends; it begins where the one before ends.
    ends: Vec<u32>,
    known: Vec<KnownVideo>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Registry {
    /// The place of a video.
    pub(super) fn find(&self, id: &str) -> Option<u32> {
        self.places.find(self.hasher.hash_one(id), |&place| id_at(&self.ids, &self.ends, place) == id).copied()
    }

    /// Adds a video that is not there yet, and gives its place.
    pub(super) fn insert(&mut self, id: &str, known: KnownVideo) -> u32 {
        let place = self.known.len() as u32;
        self.ids.push_str(id);
        self.ends.push(self.ids.len() as u32);
        self.known.push(known);
        let (ids, ends, hasher) = (&self.ids, &self.ends, &self.hasher);
        let hash_of = |place: &u32| hasher.hash_one(id_at(ids, ends, *place));
        self.places.insert_unique(hasher.hash_one(id), place, hash_of);
        place
    }

    /// What is known at a place.
    pub(super) fn get_mut(&mut self, place: u32) -> &mut KnownVideo {
        &mut self.known[place as usize]
    }
}

fn id_at<'a>(ids: &'a str, ends: &[u32], place: u32) -> &'a str {
    let place = place as usize;
    let start = if place == 0 { 0 } else { ends[place - 1] as usize };
    &ids[start..ends[place] as usize]
}
