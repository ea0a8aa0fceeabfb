//! What one record of a log is: lines that belong together, when it was written and how serious it is.
//!
//! It knows both forms of the log (the setting `log_format`) and takes lines of any other kind as they are.

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How serious a record is; the most serious is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    /// What went wrong
    Error,
    /// What may go wrong
    Warn,
    /// What happens
    Info,
    /// What helps to find a fault
    Debug,
    /// Everything
    Trace,
}

impl Level {
    const ALL: [(Self, &str); 5] = [
        (Self::Error, "error"),
        (Self::Warn, "warn"),
        (Self::Info, "info"),
        (Self::Debug, "debug"),
        (Self::Trace, "trace"),
    ];

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(word)).map(|(level, _)| level)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(level, _)| *level == self).map_or("", |(_, name)| name)
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// Its lines, as they stand in the file.
    pub(crate) text: String,
    head: Head,
}

/// What the first line says.
#[derive(Clone, Debug, PartialEq)]
enum Head {
    /// Of a log for people: what is said begins at this byte of the text.
    Text { time: Timestamp, level: Level, said_at: usize },
    /// Of a log in JSON.
    Json { time: Timestamp, level: Level, fields: Map<String, Value> },
    /// None: a line that the server did not write as a record.
    Unknown,
}

impl Record {
    /// When it was written.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        match self.head {
            Head::Text { time, .. } | Head::Json { time, .. } => Some(time),
            Head::Unknown => None,
        }
    }

    /// How serious it is.
    pub(crate) fn level(&self) -> Option<Level> {
        match self.head {
            Head::Text { level, .. } | Head::Json { level, .. } => Some(level),
            Head::Unknown => None,
        }
    }

    /// One object: what the server wrote if that was JSON, else `time`, `level` and `text`.
    pub(crate) fn to_json(&self) -> Value {
        match &self.head {
            Head::Json { fields, .. } => Value::Object(fields.clone()),
            Head::Text { time, level, said_at } => {
                let time = ytorch_core::Timestamp::from(*time);
                json!({ "time": time, "level": level.name(), "text": self.text.get(*said_at..) })
            }
            Head::Unknown => json!({ "time": null, "level": null, "text": self.text }),
        }
    }

    /// Whether a line without a head is a part of it. A record in JSON is one line, whatever it says.
    fn goes_on(&self) -> bool {
        matches!(self.head, Head::Text { .. })
    }
}

/// Puts lines together to records.
#[derive(Debug, Default)]
pub(crate) struct Records {
    open: Option<Record>,
}

impl Records {
    /// Takes the next line, and gives the record that is complete because of it.
    pub(crate) fn take(&mut self, line: &str) -> Option<Record> {
        let head = head(line);
        if head == Head::Unknown
            && let Some(open) = self.open.as_mut().filter(|open| open.goes_on())
        {
            open.text.push('\n');
            open.text.push_str(line);
            return None;
        }
        self.open.replace(Record { text: line.to_owned(), head })
    }

    /// Gives the last record, because no line follows.
    pub(crate) fn rest(&mut self) -> Option<Record> {
        self.open.take()
    }
}

fn head(line: &str) -> Head {
    let known = if line.starts_with('{') { json_head(line) } else { text_head(line) };
    known.unwrap_or(Head::Unknown)
}

/// `2026-11-21T08:00:00.000000Z  INFO what is said`
fn text_head(line: &str) -> Option<Head> {
    let (time, rest) = line.split_once(' ')?;
    let time = instant(time)?;
    let (level, said) = rest.trim_start().split_once(' ')?;
    Some(Head::Text { time, level: Level::of(level)?, said_at: line.len() - said.len() })
}

fn json_head(line: &str) -> Option<Head> {
    let fields: Map<String, Value> = serde_json::from_str(line).ok()?;
    let time = instant(fields.get("time")?.as_str()?)?;
    let level = Level::of(fields.get("level")?.as_str()?)?;
    Some(Head::Json { time, level, fields })
}

/// Looks at the length first: this is asked of every line, and nearly all that are no record fail here.
fn instant(text: &str) -> Option<Timestamp> {
    const SHORTEST: usize = "2026-11-21T08:00:00Z".len();
    if text.len() < SHORTEST || !text.ends_with('Z') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str) -> Vec<Record> {
        let mut records = Records::default();
        let mut all: Vec<Record> = text.lines().filter_map(|line| records.take(line)).collect();
        all.extend(records.rest());
        all
    }

    #[test]
    fn lines_that_belong_together_stay_together() {
        let text = "\
2026-11-21T08:00:00.000000Z ERROR ytorch_server: panic: it broke
   0: in this place
2026-11-21T08:00:01.000000Z is no record, for it has no level

   1: in that place
2026-11-21T08:00:02.500000Z  WARN request{id=7}: ytorch_web: slow
{\"time\": \"and this is no record either\"}";
        let found = records(text);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].text.lines().count(), 5);
        assert_eq!((found[0].level(), found[1].level()), (Some(Level::Error), Some(Level::Warn)));
        assert_eq!(found[1].time(), Some("2026-11-21T08:00:02.5Z".parse().unwrap()));
        let expected = json!({
            "time": "2026-11-21T08:00:02.500000Z", "level": "warn",
            "text": "request{id=7}: ytorch_web: slow\n{\"time\": \"and this is no record either\"}",
        });
        assert_eq!(found[1].to_json(), expected);
        assert_eq!(found.iter().map(|record| record.text.as_str()).collect::<Vec<_>>().join("\n"), text);
    }

    #[test]
    fn a_record_in_json_is_one_line_and_keeps_its_fields() {
        let line = r#"{"time":"2026-11-21T08:00:00.000000Z","level":"debug","message":"a\nb","count":3}"#;
        let found = records(&format!("{line}\nnot of the server\n{line}"));
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].level(), Some(Level::Debug));
        assert_eq!(found[0].to_json()["count"], 3);
        assert_eq!(found[1].to_json(), json!({ "time": null, "level": null, "text": "not of the server" }));
        assert_eq!(found[2], found[0]);
    }

    #[test]
    fn lines_before_the_first_record_stand_for_themselves() {
        let found = records("the end of something\nand more\n2026-11-21T08:00:00Z INFO x: y");
        assert_eq!(found.iter().map(|record| record.time().is_some()).collect::<Vec<_>>(), [false, false, true]);
    }

    #[test]
    fn the_most_serious_is_the_least() {
        assert!(Level::Error < Level::Warn && Level::Debug < Level::Trace);
        assert!(Level::ALL.into_iter().all(|(level, name)| Level::of(name) == Some(level) && level.name() == name));
    }
}
