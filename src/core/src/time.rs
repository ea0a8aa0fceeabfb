//! Instants, zones and clocks. It does not format for people; pages do.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * MICROS_PER_SECOND)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, cut downwards.
    pub const fn second(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SECOND)
    }

    /// The microseconds after [`Self::second`], 0 to 999,999.
    #[expect(clippy::cast_possible_truncation, reason = "it is 0 to 999,999")]
    pub const fn fraction_micros(self) -> u32 {
        self.0.rem_euclid(MICROS_PER_SECOND) as u32
    }

    /// The instant that comes so much later.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The same instant as jiff's type, cut to what jiff can hold (the years −9999 to 9999).
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

/// RFC 3339 in UTC, always with six digits after the second, so that the texts sort like the instants.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.6}", self.to_jiff())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A time zone with the name it was asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// Why a zone cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time zone; give an IANA name such as `Europe/Berlin` or `UTC`")]
pub struct UnknownZone(String);

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }

    /// The zone of an IANA name; `system` is the host's.
    pub fn named(name: &str) -> Result<Self, UnknownZone> {
        if name.eq_ignore_ascii_case("system") {
            return Ok(Self::system());
        }
        let zone = TimeZone::get(name).map_err(|_| UnknownZone(name.to_owned()))?;
        Ok(Self { name: zone.iana_name().unwrap_or(name).to_owned(), zone })
    }

    /// The host's zone, or UTC where the host does not say.
    pub fn system() -> Self {
        let zone = TimeZone::system();
        match zone.iana_name() {
            None | Some("Etc/UTC") => Self::utc(),
            Some(name) => Self { name: name.to_owned(), zone },
        }
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone as jiff's type.
    pub fn as_jiff(&self) -> &TimeZone {
        &self.zone
    }

    /// The local date and time of an instant.
    pub fn local(&self, timestamp: Timestamp) -> jiff::Zoned {
        timestamp.to_jiff().to_zoned(self.zone.clone())
    }

    /// The instant at which a local month begins. `month` may be 13, meaning January of the next year.
    pub fn month_start(&self, year: i16, month: i8) -> Timestamp {
        let (year, month) = if month > 12 { (year.saturating_add(1), 1) } else { (year, month.max(1)) };
        let Ok(date) = jiff::civil::Date::new(year, month, 1) else {
            return Timestamp::from_micros(jiff::Timestamp::MAX.as_microsecond());
        };
        let start = date.to_datetime(jiff::civil::Time::midnight()).to_zoned(self.zone.clone());
        start.map_or(Timestamp::from_micros(jiff::Timestamp::MAX.as_microsecond()), |zoned| zoned.timestamp().into())
    }
}

/// Where the present comes from: the system, or a test.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands until [`Self::set`] moves it; clones move together.
    pub fn fixed(now: Timestamp) -> Self {
        Self(Source::Fixed(Arc::new(AtomicI64::new(now.as_micros()))))
    }

    /// Moves a fixed clock. The system's clock is left as it is.
    pub fn set(&self, now: Timestamp) {
        if let Source::Fixed(micros) = &self.0 {
            micros.store(now.as_micros(), Ordering::Relaxed);
        }
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "this is the one door to the system's clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => jiff::Timestamp::now().into(),
            Source::Fixed(micros) => Timestamp::from_micros(micros.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_sort_like_instants() {
        assert_eq!(Timestamp::from_micros(1_500_000).to_string(), "1970-01-01T00:00:01.500000Z");
        assert_eq!(Timestamp::from_seconds(1).to_string(), "1970-01-01T00:00:01.000000Z");
        assert_eq!(Timestamp::from_micros(-1).second(), -1);
        assert_eq!(Timestamp::from_micros(-1).fraction_micros(), 999_999);
    }

    #[test]
    fn months_start_at_local_midnight() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.month_start(2024, 6).to_string(), "2024-05-31T22:00:00.000000Z");
        assert_eq!(berlin.month_start(2024, 13).to_string(), "2024-12-31T23:00:00.000000Z");
        assert!(Zone::named("Mars/Olympus").unwrap_err().to_string().contains("Europe/Berlin"));
    }
}
