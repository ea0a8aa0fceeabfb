//! Horizontal bars, one a month, with the mean of each year.
//!
//! It keeps the order it is given and fills no gaps: a month without views is a bar of zero.

use std::fmt::Write as _;

use crate::{
    scale::Scale,
    text::{escape, grouped, short},
};

/// One month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthBar {
    /// The calendar year.
    pub year: i16,
    /// The month, 1 to 12.
    pub month: i8,
    /// How many.
    pub count: u64,
    /// Where the rows behind the bar are.
    pub href: String,
}

const WIDTH: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 26.0;
const ROW: f64 = 20.0;

/// Bars over months in the order given (newest first), each a link; `title` says what is counted. No months give an
/// empty text.
pub fn month_bars(months: &[MonthBar], title: &str) -> String {
    let Some(largest) = months.iter().map(|month| month.count).max() else {
        return String::new();
    };
    let scale = Scale::new(largest, WIDTH - LEFT - RIGHT);
    let mut height = TOP + 4.0;
    let mut body = String::new();
    let mut means = String::new();
    for (position, year) in months.chunk_by(|one, other| one.year == other.year).enumerate() {
        let top = height;
        for month in year {
            bar(&mut body, month, &scale, height, if position % 2 == 0 { "bar" } else { "bar other" });
            height += ROW;
        }
        mean(&mut means, year, &scale, top, height);
    }
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"group\" aria-label=\"{}\">",
        escape(title)
    );
    for (value, offset) in scale.ticks() {
        let x = LEFT + offset;
        let _ = write!(svg, "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP:.0}\" y2=\"{height:.0}\"/>");
        let _ = write!(svg, "<text x=\"{x:.1}\" y=\"18\" text-anchor=\"middle\">{}</text>", short(value));
    }
    svg + &body + &means + "</svg>"
}

fn bar(body: &mut String, month: &MonthBar, scale: &Scale, top: f64, class: &str) {
    let name = format!("{}-{:02}", month.year, month.month);
    let spoken = format!("{name}: {}", grouped(month.count.into()));
    let length = scale.length(as_number(month.count));
    let _ = write!(body, "<a href=\"{}\" aria-label=\"{spoken}\"><title>{spoken}</title>", escape(&month.href));
    // The whole row can be hit, also where the bar is short.
    let _ = write!(body, "<rect class=\"hit\" x=\"0\" y=\"{top:.1}\" width=\"{WIDTH:.0}\" height=\"{ROW:.0}\"/>");
    let _ = write!(body, "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>", LEFT - 8.0, top + 14.5);
    let (y, height) = (top + 2.0, ROW - 4.0);
    let _ = write!(
        body,
        "<rect class=\"{class}\" x=\"{LEFT:.0}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{height:.0}\" rx=\"2\"/></a>"
    );
}

fn mean(means: &mut String, year: &[MonthBar], scale: &Scale, top: f64, bottom: f64) {
    let (Some(first), Ok(months)) = (year.first(), u128::try_from(year.len())) else { return };
    let total: u128 = year.iter().map(|month| u128::from(month.count)).sum();
    // Rounded to the nearest whole; half goes up.
    let mean = (total * 2 + months) / (months * 2);
    let x = LEFT + scale.length(as_number(u64::try_from(mean).unwrap_or(u64::MAX)));
    let (anchor, label_x) = if x > WIDTH * 0.7 { ("end", x - 5.0) } else { ("start", x + 5.0) };
    // Beside the shortest bar there is most room for the label.
    let shortest = year.iter().enumerate().min_by_key(|(_, month)| month.count).map_or(0, |(position, _)| position);
    let label_y = top + as_number(shortest as u64) * ROW + 14.5;
    let _ = write!(means, "<g><title>{}: {} a month on average</title>", first.year, grouped(mean));
    let _ = write!(means, "<line class=\"mean\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top:.1}\" y2=\"{bottom:.1}\"/>");
    let _ = write!(
        means,
        "<text class=\"mean-label\" x=\"{label_x:.1}\" y=\"{label_y:.1}\" text-anchor=\"{anchor}\">{} ø {}</text></g>",
        first.year,
        short(mean)
    );
}

#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more than the digits that a pixel shows")]
pub(crate) fn as_number(count: u64) -> f64 {
    count as f64
}
