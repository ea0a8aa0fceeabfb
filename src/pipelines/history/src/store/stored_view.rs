//! A view in sixteen bytes, for what goes over all of them. It is never written in this form.

use ytorch_core::Timestamp;

/// A view without what adding up does not need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StoredView {
    pub(crate) watched_at: Timestamp,
    pub(crate) video: u32,
    /// Channel, kind and whether a record named the channel, in 29, 2 and 1 bits.
    packed: u32,
}

impl StoredView {
    pub(crate) fn new(watched_at: Timestamp, video: u32, channel: u32, kind: u8, named: bool) -> Self {
        let mut view = Self { watched_at, video, packed: u32::from(kind) << 1 | u32::from(named) };
        view.set_channel(channel);
        view
    }

    pub(crate) fn second(self) -> i64 {
        self.watched_at.second()
    }

    pub(crate) fn channel(self) -> u32 {
        self.packed >> 3
    }

    pub(crate) fn set_channel(&mut self, channel: u32) {
        self.packed = channel << 3 | (self.packed & 0b111);
    }

    pub(crate) fn kind(self) -> u8 {
        (self.packed >> 1 & 0b11) as u8
    }

    pub(crate) fn is_named(self) -> bool {
        self.packed & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_in_packing() {
        for (channel, kind, named) in [(0, 0, false), (1, 3, true), ((1 << 29) - 1, 2, false)] {
            let mut view = StoredView::new(Timestamp::from_seconds(-5), 7, channel, kind, named);
            assert_eq!((view.second(), view.video, view.channel()), (-5, 7, channel));
            assert_eq!((view.kind(), view.is_named()), (kind, named));
            view.set_channel(9);
            assert_eq!((view.channel(), view.kind(), view.is_named()), (9, kind, named));
        }
    }
}
