//! The words of `ytorch set`: amounts, limits and names. It knows no instance.

use std::{net::IpAddr, str::FromStr};

use clap::{Args, ValueEnum};

use super::{Choice, DryRun};
use crate::spec::{Desired, Network};

/// `set`
#[derive(Args, Debug)]
pub(crate) struct Set {
    #[command(flatten)]
    pub choice: Choice,
    /// Port it listens on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Address it listens on; anything but loopback lets other machines reach it
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// With `on-demand`: end the server after so long without a request
    #[arg(long, value_name = "SECONDS|never", value_parser = seconds)]
    pub idle: Option<Limit<u32>>,
    /// Memory it may take, such as 512M or 1G
    #[arg(long, value_name = "SIZE|none", value_parser = memory)]
    pub memory: Option<Limit<u64>>,
    /// Processes and threads it may have
    #[arg(long, value_name = "N|none", value_parser = tasks)]
    pub tasks: Option<Limit<u32>>,
    /// Processors it may use, such as 0.5 or 2
    #[arg(long, value_name = "X|none", value_parser = processors)]
    pub cpus: Option<Limit<u32>>,
    /// Name by which a reverse proxy is asked for it; can be given more than once, and replaces those there were
    #[arg(long = "host-name", value_name = "NAME", value_parser = host_name, conflicts_with = "no_host_names")]
    pub host_names: Vec<String>,
    /// Forget the host names
    #[arg(long)]
    pub no_host_names: bool,
    /// Network of its container
    #[arg(long, value_enum)]
    pub network: Option<NetworkWish>,
    /// What is wanted of it
    #[arg(long, value_enum)]
    pub desired: Option<DesiredWish>,
    /// Not changed here
    #[arg(long, visible_alias = "image", value_name = "RELEASE", hide = true)]
    pub release: Option<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// An amount, or that there is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit<T> {
    /// Nothing is limited.
    Nothing,
    /// So much and no more.
    To(T),
}

impl<T> Limit<T> {
    /// The amount, if there is one.
    pub(crate) fn amount(self) -> Option<T> {
        match self {
            Self::Nothing => None,
            Self::To(amount) => Some(amount),
        }
    }
}

/// What `--network` may say.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum NetworkWish {
    /// None, unless the settings name a service outside
    Auto,
    /// None at all
    None,
    /// It reaches the outside
    Outside,
}

impl From<NetworkWish> for Network {
    fn from(wish: NetworkWish) -> Self {
        match wish {
            NetworkWish::Auto => Self::Auto,
            NetworkWish::None => Self::None,
            NetworkWish::Outside => Self::Outside,
        }
    }
}

/// What `--desired` may say.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DesiredWish {
    /// Its server runs
    Running,
    /// Its server starts on the first request
    OnDemand,
    /// Its server does not run
    Stopped,
}

impl From<DesiredWish> for Desired {
    fn from(wish: DesiredWish) -> Self {
        match wish {
            DesiredWish::Running => Self::Running,
            DesiredWish::OnDemand => Self::OnDemand,
            DesiredWish::Stopped => Self::Stopped,
        }
    }
}

fn positive<T: FromStr + Default + PartialOrd>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number| *number > T::default())
}

fn seconds(text: &str) -> Result<Limit<u32>, String> {
    match text {
        "never" => Ok(Limit::Nothing),
        _ => positive(text).map(Limit::To).ok_or_else(|| "it is a number of seconds, or `never`".to_owned()),
    }
}

fn tasks(text: &str) -> Result<Limit<u32>, String> {
    match text {
        "none" => Ok(Limit::Nothing),
        _ => positive(text).map(Limit::To).ok_or_else(|| "it is a number, or `none`".to_owned()),
    }
}

/// A server takes some 20 MiB at rest; with less than this it would be killed while it starts.
const LEAST_MEMORY_BYTES: u64 = 64 << 20;

/// Reads an amount of memory.
pub(crate) fn memory(text: &str) -> Result<Limit<u64>, String> {
    if text == "none" {
        return Ok(Limit::Nothing);
    }
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match text.get(digits.len()..).unwrap_or_default() {
        "" | "B" => Some(0),
        "K" | "k" | "KiB" => Some(10),
        "M" | "m" | "MiB" => Some(20),
        "G" | "g" | "GiB" => Some(30),
        _ => None,
    };
    let bytes = shift.and_then(|shift| positive::<u64>(digits)?.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes < LEAST_MEMORY_BYTES => Err("a server needs at least 64M".to_owned()),
        Some(bytes) => Ok(Limit::To(bytes)),
        None => Err("it is a size such as 512M or 1G, or `none`".to_owned()),
    }
}

/// Reads a number of processors, as hundredths of one.
pub(crate) fn processors(text: &str) -> Result<Limit<u32>, String> {
    if text == "none" {
        return Ok(Limit::Nothing);
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_number =
        !whole.is_empty() && part.len() <= 2 && (whole.bytes().chain(part.bytes())).all(|b| b.is_ascii_digit());
    let percent = is_number.then(|| format!("{whole}{part:0<2}")).and_then(|digits| positive(&digits));
    percent.map(Limit::To).ok_or_else(|| "it is a number such as 0.5 or 2, or `none`".to_owned())
}

/// A name as the browser sends it: no scheme, no port.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(is_sign)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_label) {
        Ok(name)
    } else {
        Err("it is a name such as friend.example.org, without scheme and port".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(memory("512M"), Ok(Limit::To(512 << 20)));
        assert_eq!(memory("1GiB"), Ok(Limit::To(1 << 30)));
        assert_eq!(memory("none"), Ok(Limit::Nothing));
        assert_eq!(processors("0.5"), Ok(Limit::To(50)));
        assert_eq!(processors("2"), Ok(Limit::To(200)));
        assert_eq!(processors("1.25"), Ok(Limit::To(125)));
        assert_eq!(seconds("never"), Ok(Limit::Nothing));
        for wrong in ["", "0", "-1", "1M", "12X", "99999999999999G", "M", "1.5G", "é"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "0", "0.00", ".5", "1.234", "1.5.5", "-1", "one"] {
            assert!(processors(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_name_is_only_a_name() {
        assert_eq!(host_name("Friend.Example.org"), Ok("friend.example.org".to_owned()));
        for wrong in ["", "a..b", "https://a", "a:80", "-a", "a/b", "a b", "{a}", &"a".repeat(64)] {
            assert!(host_name(wrong).is_err(), "{wrong}");
        }
    }
}
