//! Numbers, sizes, durations and dates for people.
//!
//! Machines get RFC 3339 and plain numbers from elsewhere; nothing here is meant to be read back.

use std::time::Duration;

use ytorch_core::{Timestamp, Zone};

use crate::Html;

/// A whole number with a comma after every three digits.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in the largest fitting unit of 1024: `512 bytes`, `1.5 MiB`.
pub fn bytes(size_bytes: u64) -> String {
    let (unit, power) = match size_bytes {
        0..1_024 => return format!("{size_bytes} bytes"),
        1_024..1_048_576 => ("KiB", 10),
        1_048_576..1_073_741_824 => ("MiB", 20),
        1_073_741_824..1_099_511_627_776 => ("GiB", 30),
        _ => ("TiB", 40),
    };
    // Integer tenths, rounded down, so that no size shows as 1024.0 of a unit.
    let whole = size_bytes >> power;
    let tenth = ((size_bytes - (whole << power)) * 10) >> power;
    format!("{}.{tenth} {unit}", number(whole))
}

/// A span of time: `1.8 ms`, `340 ms`, `2.5 s`, `3 min 05 s`, `2 h 10 min`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match duration.as_micros() {
        micros @ 0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1_000),
        micros @ 1_000_000..60_000_000 => format!("{}.{} s", seconds, micros % 1_000_000 / 100_000),
        _ if seconds < 3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", number(seconds / 3_600), seconds % 3_600 / 60),
    }
}

/// A part of a whole in percent with one decimal; `–` when there is no whole.
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let tenths = u128::from(part) * 1_000 / u128::from(whole);
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// A local date and time: `Sat 21 Nov 2026, 14:05`.
pub fn date_time(timestamp: Timestamp, zone: &Zone) -> String {
    zone.local(timestamp).strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// A local date: `21 Nov 2026`.
pub fn date(timestamp: Timestamp, zone: &Zone) -> String {
    zone.local(timestamp).strftime("%-d %b %Y").to_string()
}

/// A `<time>` element: the local date and time to read, the exact instant for machines.
pub fn time_element(timestamp: Timestamp, zone: &Zone) -> Html {
    Html::trusted(format!("<time datetime=\"{timestamp}\">{}</time>", date_time(timestamp, zone)))
}

/// The English name of a month, 1 to 12; any other number gives an empty text.
pub fn month_name(month: i8) -> &'static str {
    const NAMES: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    month.checked_sub(1).and_then(|index| NAMES.get(usize::try_from(index).ok()?)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(number(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn sizes_use_the_largest_fitting_unit() {
        assert_eq!([0, 1_023, 1_024, 1_572_864].map(bytes), ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 MiB"]);
        assert_eq!(bytes(1_048_575), "1023.9 KiB".replace("1023", "1,023"));
        assert_eq!(bytes(u64::MAX), "16,777,215.9 TiB");
    }

    #[test]
    fn durations_keep_two_or_three_digits() {
        let shown = [1_849, 340_000, 2_560_000, 185_000_000, 7_800_000_000].map(Duration::from_micros).map(duration);
        assert_eq!(shown, ["1.8 ms", "340 ms", "2.5 s", "3 min 05 s", "2 h 10 min"]);
    }

    #[test]
    fn dates_are_local_and_machines_get_the_instant() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let instant = Timestamp::from_seconds(1_795_266_300);
        assert_eq!(date_time(instant, &berlin), "Sat 21 Nov 2026, 14:05");
        assert_eq!(
            time_element(instant, &berlin).as_str(),
            "<time datetime=\"2026-11-21T13:05:00.000000Z\">Sat 21 Nov 2026, 14:05</time>"
        );
        assert_eq!((month_name(0), month_name(6), month_name(13)), ("", "June", ""));
        assert_eq!((percent(1, 3), percent(1, 0)), ("33.3 %".to_owned(), "–".to_owned()));
    }
}
