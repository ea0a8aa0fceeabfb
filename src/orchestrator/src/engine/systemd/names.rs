//! What our units are called and where their files lie. It writes none.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use ytorch_core::{ExitCode, InstanceName, Problem, hexadecimal};

use super::manager::Manager;

/// Which kind of unit runs the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A quadlet: Podman writes the service.
    Quadlet,
    /// A plain service that runs Podman.
    Podman,
    /// A service that runs the server itself.
    Native,
}

/// The names of the units of one root folder and one kind. Two roots never share a unit.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    kind: Kind,
    prefix: String,
    units: PathBuf,
    quadlets: PathBuf,
    runtime: PathBuf,
}

/// The prefix of everything of one root folder: `ytorch` for the usual one, else with a part of its hash.
pub(crate) fn prefix(root: &Path, home: Option<&Path>) -> String {
    if home.is_some_and(|home| root == home.join("projectDeployments")) {
        return "ytorch".to_owned();
    }
    let hash = hexadecimal(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
    format!("ytorch-{}", hash.get(..6).unwrap_or(&hash))
}

/// A root folder whose path can stand in a unit.
///
/// # Errors
/// If it has letters that mean something to systemd or Podman: blanks, quotes, `:`, `%`, `$`, `\`.
pub(crate) fn fit_for_units(root: &Path) -> Result<&str, Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@,=".contains(&byte) || !byte.is_ascii();
    root.to_str().filter(|text| text.bytes().all(plain)).ok_or_else(|| {
        Problem::new(ExitCode::Unfit, format!("the path `{}` cannot stand in a unit of systemd", root.display()))
            .detail("it has a blank, a quote or one of `:`, `%`, `$`, `\\`")
            .hint("choose another folder (--root DIR, or YTORCH_ROOT), or the engine `process`")
    })
}

impl Names {
    /// The names for a root folder.
    pub(crate) fn new(kind: Kind, root: &Path, home: Option<&Path>, manager: &Manager) -> Self {
        Self {
            kind,
            prefix: prefix(root, home),
            units: manager.units(),
            quadlets: manager.quadlets(),
            runtime: manager.runtime().to_owned(),
        }
    }

    /// The kind.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// `ytorch`, `ytorch-podman` or `ytorch-native`.
    pub(crate) fn base(&self) -> String {
        let suffix = match self.kind {
            Kind::Quadlet => "",
            Kind::Podman => "-podman",
            Kind::Native => "-native",
        };
        format!("{}{suffix}", self.prefix)
    }

    /// The container of an instance.
    pub(crate) fn container(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// The service of an instance.
    pub(crate) fn service(&self, name: &InstanceName) -> String {
        format!("{}@{name}.service", self.base())
    }

    /// The socket of an instance.
    pub(crate) fn socket(&self, name: &InstanceName) -> String {
        format!("{}@{name}.socket", self.base())
    }

    /// The file of the socket of all instances.
    pub(crate) fn socket_file(&self) -> PathBuf {
        self.units.join(format!("{}@.socket", self.base()))
    }

    /// The file from which the service of all instances comes.
    pub(crate) fn service_file(&self) -> PathBuf {
        match self.kind {
            Kind::Quadlet => self.quadlets.join(format!("{}@.container", self.base())),
            Kind::Podman | Kind::Native => self.units.join(format!("{}@.service", self.base())),
        }
    }

    /// What one instance adds to a unit.
    pub(crate) fn drop_in(&self, unit: &str) -> PathBuf {
        self.units.join(format!("{unit}.d")).join("10-ytorch.conf")
    }

    /// The link by which a target starts a unit.
    pub(crate) fn wanted_by(&self, target: &str, unit: &str) -> PathBuf {
        self.units.join(format!("{target}.wants")).join(unit)
    }

    /// The unix socket of an instance, for a reverse proxy on this machine.
    pub(crate) fn unix_socket(&self, name: &InstanceName) -> PathBuf {
        self.runtime.join(self.base()).join(format!("{name}.sock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_roots_never_share_a_unit() {
        let home = Path::new("/home/alice");
        assert_eq!(prefix(&home.join("projectDeployments"), Some(home)), "ytorch");
        let other = prefix(Path::new("/srv/ytorch"), Some(home));
        assert_eq!(other.len(), "ytorch-".len() + 6);
        assert_ne!(other, prefix(Path::new("/srv/ytorch2"), Some(home)));
    }

    #[test]
    fn paths_that_would_mean_something_else_in_a_unit_are_refused() {
        for path in ["/home/a b", "/home/%h", "/a:b", "/a\"b", "/a$b", "/a\\b", "/a\nb"] {
            assert!(fit_for_units(Path::new(path)).is_err(), "{path}");
        }
        assert!(fit_for_units(Path::new("/home/jürgen/projectDeployments")).is_ok());
    }
}
