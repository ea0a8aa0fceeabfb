//! Numbers to SVG: text in, text out, with classes for the style sheet of the pages and nothing inline.
//!
//! It holds no colours and no script, and it never stands alone: the table beside it carries the data.

mod columns;
mod months;
mod scale;
mod share;
mod text;

pub use columns::{Column, columns};
pub use months::{MonthBar, month_bars};
pub use share::share;
