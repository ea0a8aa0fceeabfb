//! The words by which an instance is reached from outside: `ytorch share` and `ytorch render proxy`. They open nothing.

use clap::{Args, ValueEnum};

use super::{Choice, set::host_name};

/// `share`
#[derive(Args, Debug)]
pub(crate) struct Share {
    #[command(flatten)]
    pub choice: Choice,
    /// Where the friend sees it, such as `https://friend.example.org` [default: its address on this machine]
    #[arg(long, value_name = "URL")]
    pub via: Option<String>,
    /// Print the address and the token instead of a link that works once
    #[arg(long)]
    pub token: bool,
}

/// `render proxy`
#[derive(Args, Debug)]
pub(crate) struct ProxySite {
    #[command(flatten)]
    pub choice: Choice,
    /// The name by which browsers ask for it
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub host_name: String,
    /// For which program
    #[arg(long, value_enum, default_value = "caddy")]
    pub kind: ProxyKind,
    /// How the proxy reaches the server [default: unix where systemd holds the socket, else tcp]
    #[arg(long, value_enum)]
    pub over: Option<Over>,
}

/// The proxies that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProxyKind {
    /// Caddy, which gets its certificates by itself
    Caddy,
    /// nginx
    Nginx,
}

/// How a proxy reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Over {
    /// The unix socket of the instance
    Unix,
    /// Its port
    Tcp,
}
