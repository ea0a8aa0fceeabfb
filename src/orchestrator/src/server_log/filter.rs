//! Which records are wanted, from a person's words to a yes or no. It reads no file and no clock.

use jiff::{
    Span, Timestamp, Zoned,
    civil::{DateTime, Time},
};
use regex::Regex;
use ytorch_core::{ExitCode, Problem};

use super::{Level, Record};

/// Which records are wanted; each part that is missing wants all.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    /// None that is older.
    pub(crate) since: Option<Timestamp>,
    /// None that is less serious.
    pub(crate) level: Option<Level>,
    /// None in which this is not found.
    pub(crate) pattern: Option<Regex>,
}

impl Filter {
    /// Whether a record is wanted. One that does not say when it was written or how serious it is fits no question for it.
    pub(crate) fn wants(&self, record: &Record) -> bool {
        let Self { since, level, pattern } = self;
        since.is_none_or(|since| record.time().is_some_and(|time| time >= since))
            && level.is_none_or(|level| record.level().is_some_and(|found| found <= level))
            && pattern.as_ref().is_none_or(|pattern| pattern.is_match(&record.text))
    }

    /// Whether every record is wanted.
    pub(crate) fn wants_all(&self) -> bool {
        let Self { since, level, pattern } = self;
        since.is_none() && level.is_none() && pattern.is_none()
    }
}

/// The words after `--grep`: a text is a pattern as well.
pub(crate) fn pattern(text: &str) -> Result<Regex, Problem> {
    Regex::new(text).map_err(|error| {
        Problem::new(ExitCode::Usage, format!("`--grep {text}` cannot be searched for"))
            .detail(error)
            .hint(r"put a `\` before a character that stands for itself, such as `\(`")
    })
}

/// The words after `--since`.
#[derive(Clone, Debug)]
pub(crate) enum Since {
    /// So long ago.
    Ago(Span),
    /// This instant.
    At(Timestamp),
    /// This local time.
    Local(DateTime),
    /// This local time of today.
    Today(Time),
}

impl Since {
    /// Understands a duration or a time.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse() {
            return Ok(Self::At(timestamp));
        }
        // jiff would take `2026` for a time of day, 20:26.
        if text.contains('-')
            && !text.starts_with('-')
            && let Ok(local) = text.parse()
        {
            return Ok(Self::Local(local));
        }
        if text.contains(':')
            && let Ok(time) = text.parse()
        {
            return Ok(Self::Today(time));
        }
        if let Ok(span) = text.parse::<Span>() {
            return Ok(Self::Ago(span.abs()));
        }
        let what = format!("`--since {text}` is neither a duration nor a time");
        let hint = "durations are `10m`, `2h`, `1d`, `1h30m`; times are `08:00`, `2026-11-21`, `2026-11-21T08:00` as clocks \
                    show them here, and `2026-11-21T08:00:00Z`";
        Err(Problem::new(ExitCode::Usage, what).hint(hint))
    }

    /// The instant that is meant, as seen at `now` and in its zone.
    pub(crate) fn instant(&self, now: &Zoned) -> Result<Timestamp, Problem> {
        let found = match self {
            Self::At(timestamp) => return Ok(*timestamp),
            Self::Ago(span) => now.checked_sub(*span),
            Self::Local(local) => local.to_zoned(now.time_zone().clone()),
            Self::Today(time) => now.date().to_datetime(*time).to_zoned(now.time_zone().clone()),
        };
        let found = found.map_err(|error| {
            Problem::new(ExitCode::Usage, "`--since` means a time that no calendar has").because(&error)
        })?;
        Ok(found.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Records, *};

    /// Asked at noon of a day on which clocks went back, so that noon of the day before was 25 hours ago.
    fn instant(text: &str) -> String {
        let now: Zoned = "2026-10-25T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        Since::parse(text)
            .and_then(|since| since.instant(&now))
            .map_or_else(|problem| problem.what, |at| at.to_string())
    }

    #[test]
    fn durations_and_times_are_understood() {
        for (text, expected) in [
            ("10m", "2026-10-25T10:50:00Z"),
            ("2h", "2026-10-25T09:00:00Z"),
            ("1h30m", "2026-10-25T09:30:00Z"),
            ("90 seconds ago", "2026-10-25T10:58:30Z"),
            ("-5m", "2026-10-25T10:55:00Z"),
            ("1d", "2026-10-24T10:00:00Z"),
            ("PT1H", "2026-10-25T10:00:00Z"),
            ("08:00", "2026-10-25T07:00:00Z"),
            ("2026-10-24", "2026-10-23T22:00:00Z"),
            ("2026-10-24T08:00", "2026-10-24T06:00:00Z"),
            ("2026-10-24 08:00:30", "2026-10-24T06:00:30Z"),
            ("2026-10-24T08:00:00Z", "2026-10-24T08:00:00Z"),
            ("2026-10-24T08:00:00-02:00", "2026-10-24T10:00:00Z"),
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["", "10", "2026", "10 lightyears", "yesterday", "2026-13-01", "25:00"] {
            assert_eq!(instant(text), format!("`--since {text}` is neither a duration nor a time"));
        }
        assert_eq!(instant("15000 years"), "`--since` means a time that no calendar has");
    }

    #[test]
    fn a_pattern_that_is_none_says_where() {
        let problem = pattern("views (of").unwrap_err();
        assert_eq!(problem.code, ExitCode::Usage);
        let detail = problem.detail.unwrap();
        assert!(detail.contains("    views (of\n          ^\n"), "{detail}");
        assert!(pattern("Größe \\d+").unwrap().is_match("die Größe 12"));
    }

    #[test]
    fn each_part_of_a_filter_counts() {
        let mut records = Records::default();
        let lines =
            ["2026-11-21T08:00:00Z  WARN web: slow", "   because of this", "2026-11-21T08:00:01Z INFO web: quick"];
        let mut all: Vec<Record> = lines.iter().filter_map(|line| records.take(line)).collect();
        all.extend(records.rest());
        all.extend(unknown());
        let wanted = |filter: Filter| all.iter().map(|record| filter.wants(record)).collect::<Vec<_>>();
        let since = Some("2026-11-21T08:00:01Z".parse().unwrap());
        assert_eq!(wanted(Filter::default()), [true, true, true]);
        assert_eq!(wanted(Filter { since, ..Filter::default() }), [false, true, false]);
        assert_eq!(wanted(Filter { level: Some(Level::Warn), ..Filter::default() }), [true, false, false]);
        assert_eq!(wanted(Filter { level: Some(Level::Trace), ..Filter::default() }), [true, true, false]);
        let because = Some(pattern("because").unwrap());
        assert_eq!(wanted(Filter { pattern: because, ..Filter::default() }), [true, false, false]);
        let everything = Filter { since, level: Some(Level::Info), pattern: Some(pattern("^2026.*quick$").unwrap()) };
        assert_eq!(wanted(everything), [false, true, false]);
    }

    fn unknown() -> Option<Record> {
        let mut records = Records::default();
        assert_eq!(records.take("a line of nobody"), None);
        records.rest()
    }
}
