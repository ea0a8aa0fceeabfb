//! The zone behind a printed time: nothing, an offset, or an abbreviation that may mean several things.

use jiff::SignedDuration;
use ytorch_core::{Timestamp, Zone};

/// What abbreviations mean where the instance's own zone does not use them, in minutes east of UTC.
const KNOWN: &[(&str, i32)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("Z", 0),
    ("WET", 0),
    ("WEZ", 0),
    ("WEST", 60),
    ("WESZ", 60),
    ("BST", 60),
    ("CET", 60),
    ("MEZ", 60),
    ("WAT", 60),
    ("CEST", 120),
    ("MESZ", 120),
    ("EET", 120),
    ("OEZ", 120),
    ("SAST", 120),
    ("CAT", 120),
    ("IDT", 180),
    ("EEST", 180),
    ("OESZ", 180),
    ("MSK", 180),
    ("EAT", 180),
    ("TRT", 180),
    ("IRST", 210),
    ("GST", 240),
    ("PKT", 300),
    ("IST", 330),
    ("NPT", 345),
    ("BDT", 360),
    ("ICT", 420),
    ("WIB", 420),
    ("HKT", 480),
    ("SGT", 480),
    ("MYT", 480),
    ("PHT", 480),
    ("WITA", 480),
    ("AWST", 480),
    ("JST", 540),
    ("KST", 540),
    ("WIT", 540),
    ("ACST", 570),
    ("AEST", 600),
    ("ACDT", 630),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
    ("NDT", -150),
    ("BRT", -180),
    ("ART", -180),
    ("CLST", -180),
    ("ADT", -180),
    ("NST", -210),
    ("AST", -240),
    ("EDT", -240),
    ("CLT", -240),
    ("EST", -300),
    ("CDT", -300),
    ("COT", -300),
    ("PET", -300),
    ("CST", -360),
    ("MDT", -360),
    ("MST", -420),
    ("PDT", -420),
    ("PST", -480),
    ("AKDT", -480),
    ("AKST", -540),
    ("HST", -600),
];

/// A zone as a page prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PrintedZone {
    /// None is printed: before about 2018 the times are UTC.
    Missing,
    /// Seconds east of UTC.
    Offset(i32),
    /// An abbreviation.
    Abbreviation(String),
}

impl PrintedZone {
    /// Reads a zone at the beginning of a text and gives what follows it.
    pub(super) fn at_start(text: &str) -> (Self, &str) {
        let text = text.trim_start_matches([' ', '[', '(']);
        let end = text.find([' ', ',', ']', ')']).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let sign = word.find(['+', '-']).unwrap_or(word.len());
        let (name, offset) = word.split_at(sign);
        let seconds = offset_seconds(offset).filter(|_| matches!(name, "" | "GMT" | "UTC"));
        if let Some(seconds) = seconds {
            return (Self::Offset(seconds), rest);
        }
        let is_abbreviation = (1..=6).contains(&word.chars().count()) && word.chars().all(char::is_uppercase);
        if is_abbreviation { (Self::Abbreviation(word.to_owned()), rest) } else { (Self::Missing, text) }
    }

    /// Seconds east of UTC for every row of a page that was made at about `exported_at`.
    pub(super) fn offset_seconds(&self, instance: &Zone, exported_at: Timestamp) -> i32 {
        match self {
            Self::Missing => 0,
            Self::Offset(seconds) => *seconds,
            Self::Abbreviation(name) => {
                let known = || KNOWN.iter().find(|(known, _)| known == name).map(|(_, minutes)| minutes * 60);
                let then = || instance.as_jiff().to_offset(exported_at.to_jiff()).seconds();
                of_instance(name, instance, exported_at).or_else(known).unwrap_or_else(then)
            }
        }
    }
}

/// What the instance's own zone means by the abbreviation, at the time of the export or in the other half of its year.
fn of_instance(name: &str, instance: &Zone, exported_at: Timestamp) -> Option<i32> {
    const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(24 * 182);
    let exported_at = exported_at.to_jiff();
    let moments = [Ok(exported_at), exported_at.checked_sub(HALF_A_YEAR)];
    moments.into_iter().flatten().find_map(|moment| {
        let info = instance.as_jiff().to_offset_info(moment);
        (info.abbreviation() == name).then(|| info.offset().seconds())
    })
}

/// Reads `+3`, `-03:30` or `+0530`.
fn offset_seconds(text: &str) -> Option<i32> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|letter| *letter != ':').collect();
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = if digits.len() > 2 { digits.split_at(digits.len() - 2) } else { (digits.as_str(), "0") };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60)
}
