//! What every chart must be: well-formed, finite, inside its area. It compares no pixels.

use proptest::prelude::*;
use ytorch_chart::{Column, MonthBar, columns, month_bars, share};

fn month(year: i16, month: i8, count: u64) -> MonthBar {
    MonthBar { year, month, count, href: format!("/views?year={year}&month={month}") }
}

/// Checks tags, quotes and escapes, and that each number is finite and no bar leaves its view box.
fn check(svg: &str) {
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("each tag ends");
        assert!(!text.contains('>') && !tag.contains("NaN") && !tag.contains("inf\""), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(!tag.contains("style=") && !tag.contains(" on"), "{tag}");
        let name = tag.split([' ', '/']).next().expect("a name");
        match (tag.strip_prefix('/'), tag.ends_with('/')) {
            (Some(closed), _) => assert_eq!(open.pop(), Some(closed)),
            (None, false) => open.push(name),
            (None, true) => {}
        }
        for text in [tag, text] {
            for after in text.split('&').skip(1) {
                let known = ["lt;", "gt;", "amp;", "quot;", "#39;"];
                assert!(known.iter().any(|entity| after.starts_with(entity)), "{text}");
            }
        }
        if tag.starts_with("rect") {
            let number = |key: &str| {
                tag.split_once(key).map_or(0.0, |(_, rest)| {
                    rest.split('"').next().and_then(|text| text.parse().ok()).expect("a number")
                })
            };
            let (x, width): (f64, f64) = (number(" x=\""), number(" width=\""));
            assert!(x >= 0.0 && width >= 0.0 && x + width <= 420.1, "{tag}");
            assert!(number(" y=\"") >= 0.0 && number(" height=\"") >= 0.0, "{tag}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn two_years_of_months() {
    insta::assert_snapshot!(month_bars(&[month(2025, 1, 30), month(2024, 12, 10), month(2024, 11, 0)], "Views"));
}

#[test]
fn columns_with_and_without_links() {
    let column = |label: &str, href: Option<&str>| Column { label: label.into(), count: 3, href: href.map(Into::into) };
    insta::assert_snapshot!(columns(&[column("2024", Some("/a?b&c")), column("<2025>", None)], "Views \"by\" year"));
}

#[test]
fn nothing_gives_nothing_and_shares_stay_inside() {
    assert_eq!(month_bars(&[], "Views") + &columns(&[], "Views"), "");
    assert!(share(1, 4).contains("width=\"25.0\""));
    assert!(share(9, 4).contains("class=\"bar\" width=\"100.0\""));
    assert!(share(0, 0).contains("class=\"bar\" width=\"0.0\""));
}

#[test]
fn twenty_years_and_the_largest_number() {
    let months: Vec<_> = (0..240).map(|index| month(2025 - index / 12, 1, u64::MAX)).collect();
    let svg = month_bars(&months, "Views");
    check(&svg);
    assert_eq!(svg.matches("<a ").count(), 240);
    assert_eq!(svg.matches("class=\"mean\"").count(), 20);
}

proptest! {
    #[test]
    fn any_values_give_a_sound_chart(counts in prop::collection::vec(any::<u64>(), 1..60), text in any::<String>()) {
        let months: Vec<_> = counts.iter().zip(0_i16..).map(|(count, index)| month(2000 + index / 12, 1, *count)).collect();
        check(&month_bars(&months, &text));
        let values: Vec<_> = counts.iter().map(|count| Column { label: text.clone(), count: *count, href: Some(text.clone()) }).collect();
        check(&columns(&values, &text));
        check(&share(counts[0], counts[counts.len() - 1]));
    }
}
