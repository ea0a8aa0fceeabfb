//! When recurring work is due: at intervals, or at local times of day. Pure but for its small table; the worker asks it.
//!
//! Work that was missed, because the machine slept or the server was down, is caught up once and not many times.

use std::time::Duration;

use jiff::{ToSpan as _, civil};
use rusqlite::{Connection, OptionalExtension as _, params};
use ytorch_core::{Timestamp, Zone};
use ytorch_store::rusqlite;

/// A last due time so far in the future can only come from a clock that was wrong by more than the work of one day.
const WRONG_CLOCK: Duration = Duration::from_hours(24);

/// Recurring work: which job is put into the queue, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name in addresses and in the table.
    pub name: &'static str,
    /// The kind of job.
    pub kind: &'static str,
    /// What the job is about, for people.
    pub subject: &'static str,
    /// When it is due; `None` only when somebody asks.
    pub when: Option<When>,
}

/// When work is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// Again and again after this time.
    Every(Duration),
    /// At these times of every local day. A time that daylight saving leaves out is due when the clocks have jumped; one
    /// that comes twice is due the first time.
    Daily(Vec<civil::Time>),
}

/// A schedule with its times, as pages and the API show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What and when.
    pub schedule: Schedule,
    /// When it was due last; `None` if never yet.
    pub last_due_at: Option<Timestamp>,
    /// When it is due next; `None` only when somebody asks.
    pub next_due_at: Option<Timestamp>,
}

impl When {
    /// The latest instant in `(last, now]` at which work was due.
    pub fn due(&self, last: Timestamp, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Every(interval) => {
                let (interval, passed) = (micros(*interval), now.as_micros() - last.as_micros());
                (passed >= interval).then(|| Timestamp::from_micros(last.as_micros() + passed / interval * interval))
            }
            Self::Daily(times) => {
                let due = instants(times, zone, now, -2..=0).filter(|at| *at <= now).max();
                due.filter(|at| *at > last)
            }
        }
    }

    /// The first instant after `after` at which work is due, if it was due last at `last`.
    pub fn next(&self, last: Timestamp, after: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Every(interval) => {
                let (interval, passed) = (micros(*interval), after.as_micros() - last.as_micros());
                let times = passed.max(0) / interval + 1;
                Some(Timestamp::from_micros(last.as_micros() + times * interval))
            }
            Self::Daily(times) => instants(times, zone, after, -1..=2).filter(|at| *at > after).min(),
        }
    }

    /// The last due time that can be believed: a clock that was far ahead must not stop the work for ever.
    pub(crate) fn believed(&self, last: Timestamp, now: Timestamp) -> Timestamp {
        let ahead = match self {
            // An interval begins anew, which can only make the work later.
            Self::Every(_) => 0,
            // A clock that was set back by some hours must not bring the same time of day twice.
            Self::Daily(_) => micros(WRONG_CLOCK),
        };
        if last.as_micros() > now.as_micros() + ahead { now } else { last }
    }
}

/// In words: `every 15 minutes`, `daily at 03:30, 15:30`.
impl std::fmt::Display for When {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(interval) => {
                let seconds = interval.as_secs();
                match seconds {
                    _ if seconds % 3600 == 0 => write!(formatter, "every {} h", seconds / 3600),
                    _ if seconds % 60 == 0 => write!(formatter, "every {} min", seconds / 60),
                    _ => write!(formatter, "every {seconds} s"),
                }
            }
            Self::Daily(times) => {
                let times: Vec<_> = times.iter().map(|time| time.strftime("%H:%M").to_string()).collect();
                write!(formatter, "daily at {}", times.join(", "))
            }
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4).max(1)
}

/// The instants of local times on some days round an instant.
fn instants(
    times: &[civil::Time],
    zone: &Zone,
    round: Timestamp,
    days: std::ops::RangeInclusive<i64>,
) -> impl Iterator<Item = Timestamp> {
    let today = zone.local(round).date();
    days.filter_map(move |day| today.checked_add(day.days()).ok()).flat_map(move |date| {
        // jiff takes a time that does not exist as the same distance after the jump, and one that exists twice as the
        // first of the two.
        times.iter().filter_map(move |time| {
            date.to_datetime(*time).to_zoned(zone.as_jiff().clone()).ok().map(|zoned| zoned.timestamp().into())
        })
    })
}

pub(crate) fn last_due(connection: &Connection, name: &str) -> rusqlite::Result<Option<Timestamp>> {
    let last: Option<i64> = connection
        .prepare_cached("select last_due_at from job_schedule where name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(last.map(Timestamp::from_micros))
}

pub(crate) fn set_last_due(connection: &Connection, name: &str, at: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "insert into job_schedule (name, last_due_at) values (?1, ?2)
             on conflict (name) do update set last_due_at = ?2",
        )?
        .execute(params![name, at.as_micros()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn daily(times: &[(i8, i8)]) -> When {
        When::Daily(times.iter().map(|&(hour, minute)| civil::time(hour, minute, 0, 0)).collect())
    }

    /// Every due time from one instant to another, looked for each `step`.
    fn walk(when: &When, zone: &Zone, from: &str, to: &str, step: Duration) -> Vec<String> {
        let (mut last, mut now, mut found) = (at(from), at(from), Vec::new());
        while now < at(to) {
            now = Timestamp::from_micros(now.as_micros() + micros(step));
            if let Some(due) = when.due(when.believed(last, now), now, zone) {
                last = due;
                found.push(due.to_jiff().to_string());
            }
        }
        found
    }

    #[test]
    fn each_local_time_comes_once_on_the_days_of_the_change() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let minute = Duration::from_mins(1);
        // 29 March 2026: 02:00 becomes 03:00, so 02:30 does not exist; 03:30 is an hour later than the day before.
        let spring = walk(&daily(&[(2, 30), (3, 30)]), &berlin, "2026-03-28T12:00Z", "2026-03-30T12:00Z", minute);
        assert_eq!(spring, ["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-30T01:30:00Z"]);
        // 25 October 2026: 02:30 comes twice.
        let autumn = walk(&daily(&[(2, 30)]), &berlin, "2026-10-24T12:00Z", "2026-10-26T12:00Z", minute);
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn what_was_missed_is_caught_up_once() {
        let utc = Zone::utc();
        let week = Duration::from_hours(24 * 7);
        let caught_up = walk(&daily(&[(3, 30)]), &utc, "2026-03-01T00:00Z", "2026-03-08T00:00Z", week);
        assert_eq!(caught_up, ["2026-03-07T03:30:00Z"]);
        let every = When::Every(Duration::from_mins(15));
        assert_eq!(every.due(at("2026-03-01T00:00Z"), at("2026-03-01T10:20Z"), &utc), Some(at("2026-03-01T10:15Z")));
        assert_eq!(every.due(at("2026-03-01T10:15Z"), at("2026-03-01T10:20Z"), &utc), None);
        assert_eq!(every.next(at("2026-03-01T10:15Z"), at("2026-03-01T10:20Z"), &utc), Some(at("2026-03-01T10:30Z")));
        assert_eq!(
            daily(&[(3, 30)]).next(at("2026-03-01T00:00Z"), at("2026-03-01T03:30Z"), &utc),
            Some(at("2026-03-02T03:30Z"))
        );
    }

    #[test]
    fn a_clock_that_jumps_neither_doubles_nor_stops_the_work() {
        let utc = Zone::utc();
        let morning = daily(&[(3, 30)]);
        // Set back by two seconds just after the work.
        let (last, now) = (at("2026-03-01T03:30Z"), at("2026-03-01T03:29:58Z"));
        assert_eq!(morning.due(morning.believed(last, now), now, &utc), None);
        let later = at("2026-03-01T03:30:01Z");
        assert_eq!(morning.due(morning.believed(last, later), later, &utc), None);
        // Set back by two hours, as by somebody who corrects the time zone.
        let (last, now) = (at("2026-03-01T03:30Z"), at("2026-03-01T01:40Z"));
        assert_eq!(morning.due(morning.believed(last, now), at("2026-03-01T03:31Z"), &utc), None);
        assert_eq!(morning.believed(last, now), last);
        // The clock was years ahead, and is right again.
        let (wrong, right) = (at("2036-03-01T03:30Z"), at("2026-03-01T12:00Z"));
        let next_day = at("2026-03-02T04:00Z");
        let believed = morning.believed(wrong, right);
        assert_eq!(morning.due(believed, next_day, &utc), Some(at("2026-03-02T03:30Z")));
        let every = When::Every(Duration::from_mins(15));
        assert_eq!(every.believed(wrong, right), right);
    }

    #[test]
    fn it_says_in_words_what_it_is() {
        assert_eq!(When::Every(Duration::from_mins(15)).to_string(), "every 15 min");
        assert_eq!(daily(&[(3, 30), (15, 0)]).to_string(), "daily at 03:30, 15:00");
    }
}
