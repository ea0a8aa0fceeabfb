//! The times of JSON exports: RFC 3339 with any number of digits. It knows no other form; `html` does.

use ytorch_core::Timestamp;

/// Reads `2025-08-02T15:31:14.500Z`, with or without a fraction, in UTC or with an offset.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' || !matches!(bytes[10], b'T' | b't' | b' ') {
        return None;
    }
    if bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let year = number(&bytes[0..4])?;
    let (month, day) = (number(&bytes[5..7])?, number(&bytes[8..10])?);
    let (hour, minute, second) = (number(&bytes[11..13])?, number(&bytes[14..16])?, number(&bytes[17..19])?);
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = fraction(&bytes[19..])?;
    let offset = offset_seconds(zone)?;
    let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second.min(59) - offset;
    Some(Timestamp::from_micros(seconds * 1_000_000 + micros))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// Microseconds after the second, cut to six digits, and what follows them.
fn fraction(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = bytes.strip_prefix(b".") else {
        return Some((0, bytes));
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let kept = count.min(6);
    let scale = 10_i64.pow(6 - u32::try_from(kept).ok()?);
    Some((number(&digits[..kept])? * scale, &digits[count..]))
}

fn offset_seconds(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] if hours.len() == 2 => {
            let seconds = number(hours)? * 3600 + number(&[*tens, *ones])? * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant's `days_from_civil`): a library call per record
/// would cost more than the rest of the record.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_forms_of_exports_are_read_and_others_are_not() {
        assert_eq!(timestamp("1970-01-01T00:00:01Z"), Some(Timestamp::from_seconds(1)));
        assert_eq!(timestamp("1970-01-01T00:00:01.5Z"), Some(Timestamp::from_micros(1_500_000)));
        assert_eq!(timestamp("1970-01-01T01:00:01.389352+01:00"), Some(Timestamp::from_micros(1_389_352)));
        assert_eq!(timestamp("2024-02-29T12:00:00.000Z").map(Timestamp::second), Some(1_709_208_000));
        for bad in [
            "",
            "2023-02-29T12:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "yesterday, at noon Z",
        ] {
            assert_eq!(timestamp(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_calendar_of_jiff(micros in -62_135_596_800_000_000_i64..253_402_300_799_000_000) {
            let instant = Timestamp::from_micros(micros);
            prop_assert_eq!(timestamp(&instant.to_string()), Some(instant));
        }

        #[test]
        fn it_never_panics(text in ".{0,40}") {
            let _ = timestamp(&text);
        }
    }
}
