//! What every page of one instance shares: its name, zone, navigation, clock and log-in.
//!
//! It holds no settings of the server beyond what a page or a guard needs.

use std::sync::Arc;

use ytorch_core::{Clock, InstanceName, Secret, Zone};
use ytorch_telemetry::Metrics;

use crate::{Auth, RateLimit};

/// One entry of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NavEntry {
    /// What the person reads.
    pub label: &'static str,
    /// The local path it leads to; it is current on that path and below.
    pub href: &'static str,
}

/// What a [`Frame`] is made of.
#[derive(Clone, Debug)]
pub struct FrameSettings {
    /// The instance that the pages belong to.
    pub instance: InstanceName,
    /// The zone in which dates are shown.
    pub zone: Zone,
    /// What opens the instance.
    pub token: Secret,
    /// The navigation, in order.
    pub navigation: Vec<NavEntry>,
    /// The version of the server.
    pub version: &'static str,
    /// Where the present comes from.
    pub clock: Clock,
    /// How often one client may ask.
    pub rate_limit: RateLimit,
    /// Names beside the loopback ones under which browsers may reach the server, without port.
    pub hosts: Vec<String>,
    /// What requests move.
    pub metrics: Metrics,
}

/// The frame of one instance; clones are cheap and share the log-in state.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: FrameSettings,
    auth: Auth,
}

impl Frame {
    /// A frame with a log-in state of its own.
    pub fn new(settings: FrameSettings) -> Self {
        let auth = Auth::new(&settings.token, &settings.instance, settings.clock.clone());
        Self(Arc::new(Inner { settings, auth }))
    }

    /// The instance that the pages belong to.
    pub fn instance(&self) -> &InstanceName {
        &self.0.settings.instance
    }

    /// The zone in which dates are shown.
    pub fn zone(&self) -> &Zone {
        &self.0.settings.zone
    }

    /// Where the present comes from.
    pub fn clock(&self) -> &Clock {
        &self.0.settings.clock
    }

    /// The version of the server.
    pub fn version(&self) -> &'static str {
        self.0.settings.version
    }

    /// The navigation, in order.
    pub fn navigation(&self) -> &[NavEntry] {
        &self.0.settings.navigation
    }

    /// How often one client may ask.
    pub(crate) fn rate_limit(&self) -> &RateLimit {
        &self.0.settings.rate_limit
    }

    /// What requests move.
    pub fn metrics(&self) -> &Metrics {
        &self.0.settings.metrics
    }

    /// Sessions, log-in codes and the token.
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// Whether a browser may call the server by this name (no port, IPv6 in brackets).
    pub fn answers_to(&self, host: &str) -> bool {
        let loopback = ["localhost", "127.0.0.1", "[::1]"];
        loopback.iter().any(|name| name.eq_ignore_ascii_case(host))
            || self.0.settings.hosts.iter().any(|name| name.eq_ignore_ascii_case(host))
    }
}
