//! What the server can be told: declared once, read from four places, each value with its origin.
//!
//! It does not read secrets; those are files of their own.

mod declaration;
mod file;
mod layers;
mod listing;

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Deserializer, de::Error as _};
use ytorch_core::Zone;
use ytorch_telemetry::{LogFormat, LogLevel};

pub use declaration::{DECLARATIONS, Declaration, Shape};
pub use layers::{Given, Loaded, Origin, load};
pub use listing::{Listed, list};

/// The settings, each of which has a [`Declaration`] of the same name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
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
    /// The largest upload that is taken, in bytes.
    pub upload_limit_bytes: u64,
    /// The free space below which nothing more is written, in bytes.
    pub disk_floor_bytes: u64,
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
