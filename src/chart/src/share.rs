//! A small bar for a table cell: which part of a whole.
//!
//! It says nothing to screen readers; the cell's number does.

use crate::months::as_number;

/// A bar of `part` in `whole`; empty if there is no whole, full at most.
pub fn share(part: u64, whole: u64) -> String {
    let length = if whole == 0 { 0.0 } else { (as_number(part) / as_number(whole) * 100.0).min(100.0) };
    format!(
        "<svg class=\"share\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/>\
         <rect class=\"bar\" width=\"{length:.1}\" height=\"8\"/></svg>"
    )
}
