//! Texts and numbers inside SVG.
//!
//! It formats for charts only; pages have their own words.

/// Escapes a text for an element or a quoted attribute; characters that XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A whole number with a comma after every three digits.
pub(crate) fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number for an axis, short: `1,500`, `25k`, `1.5M`, `20T`.
pub(crate) fn short(value: u128) -> String {
    const UNITS: [(u128, &str); 5] = [
        (1_000_000_000_000_000_000, "E"),
        (1_000_000_000_000_000, "P"),
        (1_000_000_000_000, "T"),
        (1_000_000_000, "G"),
        (1_000_000, "M"),
    ];
    if let Some((unit, name)) = UNITS.into_iter().find(|(unit, _)| value >= *unit) {
        let tenth = value % unit * 10 / unit;
        let fraction = if tenth == 0 { String::new() } else { format!(".{tenth}") };
        return format!("{}{fraction}{name}", value / unit);
    }
    if value >= 10_000 && value.is_multiple_of(1_000) { format!("{}k", value / 1_000) } else { grouped(value) }
}
