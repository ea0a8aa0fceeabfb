//! The parts that pages are made of. Each prints as safe HTML, so a template says `{{ tiles }}` and that is all.
//!
//! They ask nothing and compute nothing: what they show is given to them. `/patterns` shows each once.

mod controls;
mod show;
mod table;

pub use controls::{ActionButton, Choice, Filter, FilterBar, Pagination, UploadZone};
pub use show::{Definitions, EmptyState, Heading, Level, Notice, ProgressBar, Tile, Tiles};
pub use table::{Cell, Column, Order, Sorting, Table};

/// Prints a template and marks it as safe to show.
macro_rules! safe_html {
    ($($component:ident),+) => { $(impl askama::filters::HtmlSafe for $component {})+ };
}
pub(crate) use safe_html;
