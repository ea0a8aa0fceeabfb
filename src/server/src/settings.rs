//! What the server can be told: declared once, read from four places, each value with its origin.
//!
//! It does not read secrets; those are files of their own.

mod declaration;
mod file;
mod layers;
mod listing;

use std::net::{IpAddr, SocketAddr};

use jiff::civil::Time;
use serde::{Deserialize, Deserializer, de::Error as _};
use ytorch_core::Zone;
use ytorch_telemetry::{LogFormat, LogLevel};

pub use declaration::{DECLARATIONS, Declaration, Shape};
pub use layers::{Given, Loaded, Origin, load};
pub use listing::Listed;
pub(crate) use listing::list;

/// The settings, each of which has a [`Declaration`] of the same name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
    /// After so many seconds without work a server whose sockets are somebody else's ends; 0 is never.
    pub idle_exit_seconds: u32,
    /// Other names by which browsers may call the server.
    #[serde(deserialize_with = "host_names")]
    pub host_names: Vec<String>,
    /// The zone in which days, months and years are counted.
    #[serde(deserialize_with = "zone")]
    pub time_zone: Zone,
    /// The least serious records that are logged.
    pub log_level: LogLevel,
    /// The form of the log file.
    pub log_format: LogFormat,
    /// How many older log files are kept.
    #[serde(deserialize_with = "at_least_one")]
    pub log_keep_files: u32,
    /// The largest upload that is taken, in bytes.
    pub upload_limit_bytes: u64,
    /// The free space below which nothing more is written, in bytes.
    pub disk_floor_bytes: u64,
    /// How many requests a second one client may make; 0 is no limit.
    pub rate_limit_per_second: u32,
    /// How many ended jobs are kept.
    #[serde(deserialize_with = "at_least_one")]
    pub job_keep_count: u32,
    /// For how many days ended jobs are kept.
    pub job_keep_days: u32,
    /// At which local times the database is tidied.
    #[serde(deserialize_with = "times")]
    pub maintenance_times: Vec<Time>,
    /// At which local times a backup is made.
    #[serde(deserialize_with = "times")]
    pub backup_times: Vec<Time>,
    /// How many backups are kept.
    pub backup_keep_count: u32,
    /// For how many days backups are kept.
    pub backup_keep_days: u32,
    /// Where messages go; `None` is nowhere.
    #[serde(deserialize_with = "url")]
    pub notify_url: Option<String>,
    /// So long the service there may take, in seconds.
    #[serde(deserialize_with = "at_least_one")]
    pub notify_timeout_seconds: u32,
    /// After so many failures a service outside is left alone.
    #[serde(deserialize_with = "at_least_one")]
    pub breaker_failures: u32,
    /// For so long, in seconds.
    pub breaker_cool_down_seconds: u64,
}

impl Settings {
    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.bind, self.port)
    }
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zone, D::Error> {
    let name = String::deserialize(deserializer)?;
    Zone::named(&name).map_err(D::Error::custom)
}

fn times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Time>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let mut times = texts
        .iter()
        .map(|text| {
            let reason = || D::Error::custom(format!("`{text}` is no time of day; give it as `03:30`"));
            Time::strptime("%H:%M", text).map_err(|_| reason())
        })
        .collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    times.dedup();
    Ok(times)
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if host.and_then(|host| host.split('/').next()).is_some_and(|authority| authority.contains('@')) {
        return Err(D::Error::custom("a password does not belong into the address: set the secret `notify_token`"));
    }
    match host {
        Some(host) if is_plain && !host.is_empty() && !host.starts_with('/') => Ok(Some(text)),
        _ => Err(D::Error::custom("it is no address; give one such as `https://ntfy.sh/my-topic`")),
    }
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("it is 0, but should be at least 1")),
        number => Ok(number),
    }
}

fn host_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    for name in &names {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:[]".contains(&byte);
        if name.is_empty() || !name.bytes().all(allowed) {
            let reason = format!("`{name}` is not a host name: give lower-case names without a port or a scheme");
            return Err(D::Error::custom(reason));
        }
    }
    Ok(names)
}
