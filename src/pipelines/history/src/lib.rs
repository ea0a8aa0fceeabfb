//! Watch history: from a Takeout export to pages.
