//! The program `podman`: where it is, how it is asked, and what its refusals mean. It does not know what is run with it.

pub(crate) mod pause;
mod refusal;

use std::{
    ffi::{OsStr, OsString},
    io::{BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output, Stdio},
    thread,
};

use serde_json::Value;
use ytorch_core::{ExitCode, Problem};

pub(crate) use refusal::Refusal;

/// A Podman that was found.
#[derive(Clone, Debug)]
pub(crate) struct Podman(PathBuf);

/// Why Podman did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PodmanError {
    /// There is no such program.
    #[error("the program `podman` was not found")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// It is there and does not start.
    #[error("could not run `{}`", program.display())]
    CannotRun {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It ran and refused.
    #[error("`podman {command}` ended with {status}")]
    Refused {
        /// The first words that it was given.
        command: String,
        /// How it ended: 125 is Podman itself, 126 and 127 the program in the container, others are the program's own.
        status: ExitStatus,
        /// What that means, if it is known.
        refusal: Refusal,
        /// What it wrote to standard error, without its warnings.
        words: String,
    },
    /// It answered something that is not JSON.
    #[error("could not understand the answer of `podman {command}`")]
    NotUnderstood {
        /// The first words that it was given.
        command: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The version of a Podman: `5.4.2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PodmanVersion(pub u32, pub u32, pub u32);

impl Podman {
    /// The Podman of `YTORCH_PODMAN`, or the first one in `PATH`.
    pub(crate) fn of_this_machine() -> Result<Self, PodmanError> {
        Self::find(std::env::var_os("YTORCH_PODMAN").as_deref(), std::env::var_os("PATH").as_deref())
    }

    /// The chosen program, or the first one called `podman` in the folders of a search path.
    pub(crate) fn find(chosen: Option<&OsStr>, search: Option<&OsStr>) -> Result<Self, PodmanError> {
        if let Some(chosen) = chosen.filter(|text| !text.is_empty()) {
            let path = PathBuf::from(chosen);
            let place = path.display().to_string();
            return if path.is_file() { Ok(Self(path)) } else { Err(PodmanError::Missing { place }) };
        }
        let folders = search.unwrap_or_default();
        let found = std::env::split_paths(folders).map(|folder| folder.join("podman")).find(|path| path.is_file());
        found.map(Self).ok_or_else(|| PodmanError::Missing { place: folders.to_string_lossy().into_owned() })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A command of it that nobody types into.
    pub(crate) fn command<Word: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = Word>) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs it and gives what it wrote to standard output.
    pub(crate) fn run<Word: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Word>,
    ) -> Result<String, PodmanError> {
        let command = self.command(arguments);
        let words = first_words(command.get_args());
        let again: Vec<OsString> = command.get_args().map(OsStr::to_owned).collect();
        let mut output = self.output(command)?;
        if !output.status.success() && pause::is_mended(self, &String::from_utf8_lossy(&output.stderr)) {
            output = self.output(self.command(again))?;
        }
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(refused(words, &output))
    }

    /// Runs it, hands on each line that it writes, and gives what it wrote to standard output.
    pub(crate) fn follow<Word: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Word>,
        on_line: impl Fn(&str) + Sync,
    ) -> Result<String, PodmanError> {
        let mut command = self.command(arguments);
        let words = first_words(command.get_args());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let cannot_run = |source| PodmanError::CannotRun { program: self.0.clone(), source };
        let mut child = command.spawn().map_err(cannot_run)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = thread::scope(|scope| {
            let errors = scope.spawn(|| stderr.map(|pipe| read_lines(pipe, &on_line)).unwrap_or_default());
            let answer = stdout.map(|pipe| read_lines(pipe, &on_line)).unwrap_or_default();
            (answer, errors.join().unwrap_or_default())
        });
        let status = child.wait().map_err(cannot_run)?;
        let output = Output { status, stdout: stdout.into_bytes(), stderr: stderr.into_bytes() };
        if status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            Err(refused(words, &output))
        }
    }

    /// Runs it and gives the JSON that it wrote; nothing is `null`, which 4.3 writes where it has nothing to tell.
    pub(crate) fn json<Word: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = Word>,
    ) -> Result<Value, PodmanError> {
        let command: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        let text = self.run(&command)?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        let words = first_words(command.iter().map(OsString::as_os_str));
        serde_json::from_str(&text).map_err(|source| PodmanError::NotUnderstood { command: words, source })
    }

    /// Loads the images that a program writes to its standard output, and gives what Podman says of them.
    ///
    /// # Errors
    /// If either of the two does not do its part.
    pub(crate) fn load_from(&self, program: &Path) -> Result<String, PodmanError> {
        let cannot_run = |source| PodmanError::CannotRun { program: program.to_owned(), source };
        let mut writing = Command::new(program);
        let mut writing = writing.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot_run)?;
        let mut load = self.command(["load", "--quiet"]);
        if let Some(written) = writing.stdout.take() {
            load.stdin(written);
        }
        let loaded = self.output(load);
        let ended = writing.wait().map_err(cannot_run)?;
        let loaded = loaded?;
        if !loaded.status.success() {
            return Err(refused("load".to_owned(), &loaded));
        }
        if !ended.success() {
            return Err(cannot_run(std::io::Error::other(format!("it ended with {ended}"))));
        }
        Ok(String::from_utf8_lossy(&loaded.stdout).into_owned())
    }

    /// Asks whether something is there: `image exists NAME`, `container exists NAME`, `network exists NAME`.
    pub(crate) fn has(&self, kind: &str, name: &str) -> Result<bool, PodmanError> {
        let output = self.output(self.command([kind, "exists", name]))?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(1) => Ok(false),
            _ => Err(refused(format!("{kind} exists"), &output)),
        }
    }

    /// Which version it is. This works without any service or storage.
    pub(crate) fn version(&self) -> Result<PodmanVersion, PodmanError> {
        let answer = self.json(["version", "--format", "json"])?;
        let text = answer["Client"]["Version"].as_str().unwrap_or_default();
        Ok(PodmanVersion::parse(text).unwrap_or(PodmanVersion(0, 0, 0)))
    }

    fn output(&self, mut command: Command) -> Result<Output, PodmanError> {
        command.output().map_err(|source| PodmanError::CannotRun { program: self.0.clone(), source })
    }
}

impl From<PodmanError> for Problem {
    fn from(error: PodmanError) -> Self {
        let problem = Self::new(ExitCode::Unfit, error.to_string());
        match error {
            PodmanError::Missing { place } => problem.detail(format!("looked for it in {place}")).hint(
                "install it (Debian: apt-get install podman), or name it in the environment variable YTORCH_PODMAN",
            ),
            PodmanError::CannotRun { source, .. } => {
                problem.because(&source).hint("`podman version` on the same machine should answer")
            }
            PodmanError::Refused { refusal, words, .. } => refusal.explain(problem.detail(words)),
            PodmanError::NotUnderstood { source, .. } => {
                problem.because(&source).hint("Podman 4.3 to 5 are known; `podman version` says which one this is")
            }
        }
    }
}

impl PodmanVersion {
    /// Reads `5.4.2`, `4.9.3+ds1` or `5.6.0-rc1`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let plain = text.split(['+', '-', '~']).next()?;
        let mut parts = plain.split('.').map(|part| part.parse().ok());
        Some(Self(parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?))
    }
}

impl std::fmt::Display for PodmanVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(major, minor, patch) = self;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

fn refused(command: String, output: &Output) -> PodmanError {
    let words = refusal::without_warnings(&String::from_utf8_lossy(&output.stderr));
    PodmanError::Refused { command, status: output.status, refusal: Refusal::of(&words), words }
}

fn read_lines(pipe: impl Read, on_line: &impl Fn(&str)) -> String {
    let mut text = String::new();
    for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        on_line(&line);
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The verb of a command, such as `image inspect`: all of it may be a screen full.
fn first_words<'a>(arguments: impl IntoIterator<Item = &'a OsStr>) -> String {
    let words = arguments.into_iter().map(OsStr::to_string_lossy).take_while(|word| !word.starts_with('-'));
    words.take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(PodmanVersion::parse("4.3.1"), Some(PodmanVersion(4, 3, 1)));
        assert_eq!(PodmanVersion::parse("5.10.0-rc1"), Some(PodmanVersion(5, 10, 0)));
        assert_eq!(PodmanVersion::parse("4.9"), Some(PodmanVersion(4, 9, 0)));
        assert_eq!(PodmanVersion::parse("next"), None);
        assert!(PodmanVersion(5, 10, 0) > PodmanVersion(5, 3, 0));
    }

    #[test]
    fn a_missing_podman_says_where_it_was_looked_for() {
        let problem = Problem::from(Podman::find(Some(OsStr::new("/nowhere/podman")), None).unwrap_err());
        assert_eq!(problem.code, ExitCode::Unfit);
        assert!(problem.to_string().contains("looked for it in /nowhere/podman"), "{problem}");
        let problem = Problem::from(Podman::find(None, Some(OsStr::new("/nowhere:/nobody"))).unwrap_err());
        assert!(problem.to_string().contains("/nowhere:/nobody"), "{problem}");
    }
}
