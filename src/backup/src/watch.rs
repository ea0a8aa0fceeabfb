//! How far a long work is, and whether it should give up. It draws nothing.

use ytorch_core::Problem;

use crate::failure;

/// Who watches a work: is told how far it is, and may end it.
pub struct Watch<'a> {
    progress: &'a mut dyn FnMut(u64, u64),
    is_cancelled: &'a dyn Fn() -> bool,
    done: u64,
    total: u64,
}

impl<'a> Watch<'a> {
    /// `progress` gets the bytes done and the bytes in all; `is_cancelled` is asked often and must be quick.
    pub fn new(progress: &'a mut dyn FnMut(u64, u64), is_cancelled: &'a dyn Fn() -> bool) -> Self {
        Self { progress, is_cancelled, done: 0, total: 0 }
    }

    /// Whether it should give up.
    pub(crate) fn is_cancelled(&self) -> bool {
        (self.is_cancelled)()
    }

    /// Says how much there is to do.
    pub(crate) fn begin(&mut self, total: u64) -> Result<(), Problem> {
        (self.done, self.total) = (0, total);
        self.advance(0)
    }

    /// Says that so many more bytes are done.
    pub(crate) fn advance(&mut self, bytes: u64) -> Result<(), Problem> {
        if self.is_cancelled() {
            return Err(failure::cancelled());
        }
        self.done = self.done.saturating_add(bytes).min(self.total);
        (self.progress)(self.done, self.total);
        Ok(())
    }
}
