//! What an instance should be. It does not look at what is.

use std::{fmt, fs, io, net::IpAddr, path::Path};

use serde::{Deserialize, Serialize};
use ytorch_core::{
    ExitCode, InstanceFolders, InstanceName, Problem,
    files::{Access, write_atomically},
};

/// The content of `config/instance.toml`: the single truth about an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spec {
    /// The instance; equal to the name of its folder.
    pub name: InstanceName,
    /// Counts the changes; what runs for an older generation is started anew.
    pub generation: u64,
    /// What is wanted of it.
    pub desired: Desired,
    /// How the server is run.
    pub engine: EngineName,
    /// The port it listens on.
    pub port: u16,
    /// The address it listens on.
    pub bind: IpAddr,
}

/// What is wanted of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Desired {
    /// The server runs.
    Running,
    /// The server does not run.
    Stopped,
    /// The deployment goes away; its data stays.
    Removed,
}

impl fmt::Display for Desired {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Removed => "removed",
        })
    }
}

/// The way a server is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EngineName {
    /// A supervised background process.
    Process,
}

impl fmt::Display for EngineName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Process => "process",
        })
    }
}

impl Spec {
    /// The same spec with another wish and the next generation.
    pub(crate) fn wanting(&self, desired: Desired) -> Self {
        Self { desired, generation: self.generation + 1, ..self.clone() }
    }

    /// The URL a browser on this machine uses.
    pub(crate) fn url(&self) -> String {
        let host = if self.bind.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { self.bind };
        match host {
            IpAddr::V4(address) => format!("http://{address}:{}", self.port),
            IpAddr::V6(address) => format!("http://[{address}]:{}", self.port),
        }
    }

    /// The file's text.
    pub(crate) fn to_toml(&self) -> String {
        let fields = toml::to_string(self).expect("names, numbers and addresses can be written as TOML");
        format!("# What this instance should be. After a change by hand run: ytorch start {}\n{fields}", self.name)
    }

    /// Reads the spec of an instance; `None` if the file is not there.
    pub(crate) fn read(path: &Path, name: &InstanceName) -> Result<Option<Self>, Problem> {
        let unfit = |what: &str| Problem::new(ExitCode::Unfit, format!("could not {what} `{}`", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unfit("read").because(&error)),
        };
        let spec: Self = toml::from_str(&text).map_err(|error| {
            unfit("understand").detail(error.to_string().trim()).hint("correct the file; `ytorch validate` checks it")
        })?;
        if spec.name != *name {
            return Err(unfit("use")
                .detail(format!("it is the spec of `{}`, but its folder is `{name}`", spec.name))
                .hint("a copied or renamed folder needs its own name (and port) in this file"));
        }
        Ok(Some(spec))
    }

    /// Writes the spec to a file, whole or not at all.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        write_atomically(path, self.to_toml().as_bytes(), Access::Shared)
    }
}

/// Where the spec of a removed deployment waits for `ytorch create` of the same name.
pub(crate) fn removed_spec(folders: &InstanceFolders) -> std::path::PathBuf {
    folders.config().join("instance.removed.toml")
}

/// Whether an error means that a file or one of its folders is not there.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example(desired: Desired) -> Spec {
        Spec {
            name: "friend".parse().unwrap(),
            generation: 3,
            desired,
            engine: EngineName::Process,
            port: 8100,
            bind: IpAddr::from([127, 0, 0, 1]),
        }
    }

    #[test]
    fn the_stored_form_is_this() {
        let spec = example(Desired::Running);
        let text = "# What this instance should be. After a change by hand run: ytorch start friend\nname = \"friend\"\ngeneration = 3\ndesired = \"running\"\nengine = \"process\"\nport = 8100\nbind = \"127.0.0.1\"\n";
        assert_eq!(spec.to_toml(), text);
        assert_eq!(toml::from_str::<Spec>(text).unwrap(), spec);
    }

    #[test]
    fn a_spec_with_unknown_words_or_a_foreign_name_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.toml");
        let name = "friend".parse().unwrap();
        assert_eq!(Spec::read(&path, &name).unwrap(), None);
        example(Desired::Running).write(&path).unwrap();
        let problem = Spec::read(&path, &"other".parse().unwrap()).unwrap_err();
        assert_eq!(problem.code, ExitCode::Unfit);
        assert!(problem.to_string().contains("it is the spec of `friend`"), "{problem}");
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("prot = 1\n");
        write_atomically(&path, text.as_bytes(), Access::Shared).unwrap();
        assert!(Spec::read(&path, &name).unwrap_err().to_string().contains("prot"));
    }

    #[test]
    fn an_unspecified_address_is_reached_over_loopback() {
        let mut spec = example(Desired::Running);
        spec.bind = "0.0.0.0".parse().unwrap();
        assert_eq!(spec.url(), "http://127.0.0.1:8100");
        spec.bind = "::1".parse().unwrap();
        assert_eq!(spec.url(), "http://[::1]:8100");
    }
}
