//! The server's log as records: read over its rotated files, and chosen from. It shows nothing and waits for nothing.

mod files;
mod filter;
mod record;

pub(crate) use self::{
    files::{Backlog, Unfinished, open_all},
    filter::{Filter, Since, pattern},
    record::{Level, Record, Records},
};
