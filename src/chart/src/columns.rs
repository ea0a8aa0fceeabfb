//! Vertical columns for a few dozen values: years, months of a year, hours.
//!
//! It leaves labels out where they would touch; titles and the table beside it have them all.

use std::fmt::Write as _;

use crate::{
    months::as_number,
    scale::Scale,
    text::{escape, grouped, short},
};

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it stands for, short: a year, an hour.
    pub label: String,
    /// How many.
    pub count: u64,
    /// Where the rows behind it are.
    pub href: Option<String>,
}

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 174.0;

/// Columns in the order given; `title` says what is counted. No columns give an empty text.
pub fn columns(columns: &[Column], title: &str) -> String {
    let Some(largest) = columns.iter().map(|column| column.count).max() else {
        return String::new();
    };
    let scale = Scale::new(largest, BOTTOM - TOP);
    let role = if columns.iter().any(|column| column.href.is_some()) { "group" } else { "img" };
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH:.0} {HEIGHT:.0}\" role=\"{role}\" aria-label=\"{}\">",
        escape(title)
    );
    for (value, offset) in scale.ticks() {
        let y = BOTTOM - offset;
        let _ = write!(svg, "<line class=\"grid\" x1=\"{LEFT:.0}\" x2=\"{WIDTH:.0}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>");
        let _ = write!(
            svg,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            short(value)
        );
    }
    let slot = (WIDTH - LEFT) / as_number(columns.len() as u64);
    let longest = columns.iter().map(|column| column.label.chars().count()).max().unwrap_or(0);
    let mut free_from = 0.0;
    for (position, column) in columns.iter().enumerate() {
        let left = LEFT + slot * as_number(position as u64);
        let middle = left + slot / 2.0;
        let room = as_number(longest as u64) * 7.5 + 6.0;
        let labelled = middle >= free_from && middle + room / 2.0 <= WIDTH + 6.0;
        if labelled {
            free_from = middle + room;
        }
        draw(&mut svg, column, (left, slot), scale.length(as_number(column.count)), labelled);
    }
    svg + "</svg>"
}

fn draw(svg: &mut String, column: &Column, (left, slot): (f64, f64), height: f64, labelled: bool) {
    let label = escape(&column.label);
    let spoken = format!("{label}: {}", grouped(column.count.into()));
    let close = if let Some(href) = &column.href {
        let _ = write!(svg, "<a href=\"{}\" aria-label=\"{spoken}\">", escape(href));
        "</a>"
    } else {
        svg.push_str("<g>");
        "</g>"
    };
    let _ = write!(svg, "<title>{spoken}</title>");
    let _ = write!(
        svg,
        "<rect class=\"hit\" x=\"{left:.1}\" y=\"{TOP:.0}\" width=\"{slot:.1}\" height=\"{:.0}\"/>",
        BOTTOM - TOP
    );
    let width = (slot * 0.72).min(48.0);
    let (x, y) = (left + (slot - width) / 2.0, BOTTOM - height);
    let _ = write!(
        svg,
        "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
    );
    if labelled {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{label}</text>",
            left + slot / 2.0,
            BOTTOM + 18.0
        );
    }
    svg.push_str(close);
}
