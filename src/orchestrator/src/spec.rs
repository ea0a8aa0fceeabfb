//! What an instance should be. It does not look at what is.

mod release;
mod trial;
mod wishes;

use std::{fs, io, net::IpAddr, path::Path};

use serde::{Deserialize, Serialize};
use ytorch_core::{
    ExitCode, InstanceFolders, InstanceName, Problem,
    files::{Access, write_atomically},
};

pub(crate) use release::ReleaseId;
pub(crate) use trial::Trial;
pub(crate) use wishes::{Desired, EngineName, Limits, Network};

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
    /// What is run; none is the program beside `ytorch`, whatever version that has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseId>,
    /// What ran before the last upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_release: Option<ReleaseId>,
    /// The database from before the last upgrade, relative to the instance's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_snapshot: Option<String>,
    /// With `on-demand`: the server ends after so many seconds without a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_exit_seconds: Option<u32>,
    /// Names by which a reverse proxy is asked for the instance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub host_names: Vec<String>,
    /// Which network the server's container has.
    #[serde(default, skip_serializing_if = "Network::is_usual")]
    pub network: Network,
    /// How much of the machine the server may take.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    /// An upgrade that is not finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

impl Spec {
    /// A new instance on a port; the server runs, and nothing is limited.
    pub(crate) fn new(name: InstanceName, engine: EngineName, bind: IpAddr, port: u16) -> Self {
        Self {
            name,
            generation: 1,
            desired: Desired::Running,
            engine,
            port,
            bind,
            release: None,
            previous_release: None,
            previous_snapshot: None,
            idle_exit_seconds: None,
            host_names: Vec::new(),
            network: Network::default(),
            limits: Limits::default(),
            trial: None,
        }
    }

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
        let Some(spec) = Self::read_any(path)? else { return Ok(None) };
        if spec.name != *name {
            return Err(Problem::new(ExitCode::Unfit, format!("could not use `{}`", path.display()))
                .detail(format!("it is the spec of `{}`, but its folder is `{name}`", spec.name))
                .hint("`ytorch adopt` gives a renamed folder its name; a copied one needs its own name and port in this file"));
        }
        Ok(Some(spec))
    }

    /// Reads a spec, whatever its folder is called; `None` if the file is not there.
    pub(crate) fn read_any(path: &Path) -> Result<Option<Self>, Problem> {
        let unfit = |what: &str| Problem::new(ExitCode::Unfit, format!("could not {what} `{}`", path.display()));
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(unfit("read").because(&error)),
        };
        let spec = toml::from_str(&text).map_err(|error| {
            unfit("understand").detail(error.to_string().trim()).hint("correct the file; `ytorch validate` checks it")
        })?;
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
        let name = "friend".parse().unwrap();
        let spec = Spec::new(name, EngineName::Process, IpAddr::from([127, 0, 0, 1]), 8100);
        Spec { generation: 3, desired, ..spec }
    }

    #[test]
    fn the_stored_form_is_this() {
        let spec = example(Desired::Running);
        let text = "# What this instance should be. After a change by hand run: ytorch start friend\nname = \"friend\"\ngeneration = 3\ndesired = \"running\"\nengine = \"process\"\nport = 8100\nbind = \"127.0.0.1\"\n";
        assert_eq!(spec.to_toml(), text);
        assert_eq!(toml::from_str::<Spec>(text).unwrap(), spec);
    }

    #[test]
    fn everything_that_can_be_wished_is_stored_and_read_again() {
        let release: ReleaseId = "0123456789abcdef".repeat(4).parse().unwrap();
        let spec = Spec {
            desired: Desired::OnDemand,
            engine: EngineName::Quadlet,
            release: Some(release.clone()),
            previous_release: Some(release.clone()),
            idle_exit_seconds: Some(300),
            host_names: vec!["friend.example.org".to_owned()],
            network: Network::Outside,
            limits: Limits { memory_bytes: Some(1 << 29), tasks: Some(64), cpu_percent: Some(150) },
            previous_snapshot: Some("a/b".to_owned()),
            trial: Some(Trial {
                from: release.clone(),
                snapshot: Some("a/b".to_owned()),
                aside: "a/c".to_owned(),
                put_back: true,
                started: "now".to_owned(),
                previous_release: Some(release),
                previous_snapshot: None,
            }),
            ..example(Desired::Running)
        };
        assert_eq!(toml::from_str::<Spec>(&spec.to_toml()).unwrap(), spec);
        assert!(spec.to_toml().contains("desired = \"on-demand\"\nengine = \"quadlet\""), "{}", spec.to_toml());
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
