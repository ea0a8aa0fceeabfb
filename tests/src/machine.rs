//! A machine on which people's instances live: a host with systemd, or this one without. It tells no story.

use std::{fs, path::Path, process::Command};

use crate::{Answer, Host, Ytorch, command::free_port, host};

/// A machine with the command `ytorch` and a person who uses it.
pub trait Machine {
    /// Runs `ytorch` as that person.
    fn ytorch(&self, words: &[&str]) -> Answer;

    /// Runs a shell text as that person, in the folder that holds `root` of the instances.
    fn shell(&self, text: &str) -> Answer;

    /// Runs a shell text as root.
    fn as_root(&self, text: &str) -> Answer;

    /// Does something in the machine's network.
    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T;

    /// The folder that holds the instances.
    fn root(&self) -> String;

    /// A folder that is the person's and outlives nothing.
    fn home(&self) -> String;

    /// Puts a file there and gives its path there.
    fn give(&self, from: &Path, name: &str) -> String;

    /// A port that is free there.
    fn port(&self) -> u16;

    /// Shuts it down and starts it again, if it is one for which a test can do that.
    fn restart(&self) -> bool;

    /// Runs `ytorch`, which must succeed.
    #[track_caller]
    fn must(&self, words: &[&str]) -> Answer {
        let answer = self.ytorch(words);
        assert_eq!(answer.code, Some(0), "ytorch {words:?}: {answer:?}");
        answer
    }
}

impl Machine for Host {
    fn ytorch(&self, words: &[&str]) -> Answer {
        self.as_alice(&[&["ytorch"], words].concat())
    }

    fn shell(&self, text: &str) -> Answer {
        self.as_alice(&["sh", "-ec", text])
    }

    fn as_root(&self, text: &str) -> Answer {
        Self::as_root(self, &["sh", "-ec", text])
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        Self::inside(self, work)
    }

    fn root(&self) -> String {
        format!("{}/projectDeployments", self.home())
    }

    fn home(&self) -> String {
        "/home/alice".to_owned()
    }

    fn give(&self, from: &Path, name: &str) -> String {
        Self::give(self, from, name);
        format!("{}/{name}", self.home())
    }

    fn port(&self) -> u16 {
        free_port()
    }

    fn restart(&self) -> bool {
        Self::restart(self);
        true
    }
}

/// This machine, as it is: without a systemd that a test may use.
#[derive(Debug)]
pub struct Here {
    ytorch: Ytorch,
    variables: Vec<(&'static str, &'static str)>,
}

impl Here {
    /// With no more than the two programs.
    pub fn alone() -> Self {
        Self { ytorch: Ytorch::new(), variables: Vec::new() }
    }

    /// With the Podman and the images of `deploy/images`.
    pub fn with_podman() -> Self {
        let wanted = ["CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF"];
        let settings = host::settings().iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let variables: Vec<_> = settings.filter(|(name, _)| wanted.contains(name)).collect();
        Self { ytorch: Ytorch::with(&variables), variables }
    }
}

impl Machine for Here {
    fn ytorch(&self, words: &[&str]) -> Answer {
        self.ytorch.run(words)
    }

    fn shell(&self, text: &str) -> Answer {
        let mut command = Command::new("sh");
        command.args(["-ec", text]).current_dir(self.home()).envs(self.variables.iter().copied());
        command.output().expect("there is a shell").into()
    }

    fn as_root(&self, text: &str) -> Answer {
        self.shell(text)
    }

    fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        work()
    }

    fn root(&self) -> String {
        self.ytorch.root().display().to_string()
    }

    fn home(&self) -> String {
        self.ytorch.root().parent().expect("a root has a folder").display().to_string()
    }

    fn give(&self, from: &Path, name: &str) -> String {
        let to = format!("{}/{name}", self.home());
        fs::copy(from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        to
    }

    fn port(&self) -> u16 {
        free_port()
    }

    fn restart(&self) -> bool {
        false
    }
}
