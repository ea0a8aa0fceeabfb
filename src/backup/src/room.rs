//! Room on a disk: asked for before something large is written, and looked after while it is. It frees nothing.

use std::path::{Path, PathBuf};

use ytorch_core::{Problem, disk};

use crate::failure;

/// How many bytes are written between two looks at the free space.
const LOOK_EVERY: u64 = 64 << 20;

/// The disk that holds a folder, of which some is kept free for the system.
pub(crate) struct Room {
    folder: PathBuf,
    floor_bytes: u64,
    until_look: u64,
}

impl Room {
    pub(crate) fn new(folder: &Path, floor_bytes: u64) -> Self {
        Self { folder: folder.to_owned(), floor_bytes, until_look: LOOK_EVERY }
    }

    /// There must be room for so many bytes, beside what is kept free.
    pub(crate) fn require(&self, bytes: u64) -> Result<(), Problem> {
        let free = disk::free_bytes(&self.folder).map_err(|error| {
            failure::io(format!("could not look at the disk of `{}`", self.folder.display()), &error)
        })?;
        if free < self.floor_bytes.saturating_add(bytes) {
            return Err(failure::disk_full(format!(
                "`{}` has {free} bytes free; this may need {bytes}, and {} are kept free for the system",
                self.folder.display(),
                self.floor_bytes
            )));
        }
        Ok(())
    }

    /// So many bytes are about to be written.
    pub(crate) fn write(&mut self, bytes: u64) -> Result<(), Problem> {
        if let Some(rest) = self.until_look.checked_sub(bytes) {
            self.until_look = rest;
            return Ok(());
        }
        self.until_look = LOOK_EVERY;
        self.require(bytes)
    }
}
