//! The words of a spec that have their own form: what is wanted, the engine, the network, limits. It reads no file.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is wanted of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Desired {
    /// The server runs.
    Running,
    /// The port is held; the server starts on the first request and ends when it is idle.
    OnDemand,
    /// The server does not run.
    Stopped,
    /// The deployment goes away; its data stays.
    Removed,
}

impl Desired {
    /// Whether requests are to be answered.
    pub(crate) fn serves(self) -> bool {
        matches!(self, Self::Running | Self::OnDemand)
    }
}

impl fmt::Display for Desired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Running => "running",
            Self::OnDemand => "on-demand",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
        })
    }
}

/// The way a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineName {
    /// A container behind a socket of systemd, described by one quadlet for all instances.
    Quadlet,
    /// A container started by a plain unit of systemd, or by `podman run` where there is none.
    Podman,
    /// A sandboxed service of systemd, without a container.
    Native,
    /// A supervised background process.
    Process,
}

impl EngineName {
    /// Whether the server runs in a container, so that its release is an image.
    pub(crate) fn is_container(self) -> bool {
        matches!(self, Self::Quadlet | Self::Podman)
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Quadlet => "quadlet",
            Self::Podman => "podman",
            Self::Native => "native",
            Self::Process => "process",
        })
    }
}

/// Which network the server's container has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Network {
    /// None, unless the settings name a service outside.
    #[default]
    Auto,
    /// None at all.
    None,
    /// It reaches the outside.
    Outside,
}

impl Network {
    /// Whether it need not be written down.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Auto => "auto",
            Self::None => "none",
            Self::Outside => "outside",
        })
    }
}

/// How much of the machine a server may take; nothing named is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Memory, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tasks: Option<u32>,
    /// Processor time, in hundredths of one processor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
