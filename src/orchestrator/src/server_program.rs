//! The program `ytorch-server`: which one it is for an instance, and how it is asked. It does not start it for serving;
//! engines do.

mod container;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use ytorch_core::{BuildInfo, ExitCode, InstanceFolders, Problem};

use crate::{
    engine::choice,
    output,
    podman::Podman,
    programs,
    progress::Progress,
    server_work,
    spec::{ReleaseId, Spec},
};

pub(crate) use container::Shared;

/// A server program that exists.
#[derive(Clone, Debug)]
pub(crate) enum ServerProgram {
    /// A file of this machine.
    Host(PathBuf),
    /// The program of an image.
    Image {
        /// Who runs it.
        podman: Podman,
        /// The image.
        release: ReleaseId,
    },
}

impl ServerProgram {
    /// The program of this machine: that of `YTORCH_SERVER`, or the one beside `ytorch` itself.
    pub(crate) fn of_this_machine() -> Result<Self, Problem> {
        Self::find(std::env::var_os("YTORCH_SERVER").as_deref())
    }

    fn find(chosen: Option<&OsStr>) -> Result<Self, Problem> {
        let path = match chosen.filter(|text| !text.is_empty()) {
            Some(path) => PathBuf::from(path),
            None => std::env::current_exe()
                .map_err(|error| Problem::new(ExitCode::Unfit, "could not find ytorch itself").because(&error))?
                .with_file_name("ytorch-server"),
        };
        if path.is_file() {
            // Servers are started from the folder of their instance, where a relative path means something else.
            let absolute = std::path::absolute(&path);
            return absolute
                .map(Self::Host)
                .map_err(|error| Problem::new(ExitCode::Unfit, "could not find the current folder").because(&error));
        }
        Err(Problem::new(ExitCode::Unfit, "the program `ytorch-server` was not found")
            .detail(format!("looked for {}", path.display()))
            .hint("install it beside `ytorch`, or name it in the environment variable YTORCH_SERVER"))
    }

    /// The program that is kept for a release.
    pub(crate) fn kept(root: &Path, release: &ReleaseId) -> Result<Self, Problem> {
        let path = programs::place(root, release);
        if path.is_file() {
            return Ok(Self::Host(path));
        }
        Err(Problem::new(ExitCode::Unfit, format!("the server program of release {} is missing", release.short()))
            .detail(format!("looked for {}", path.display()))
            .hint("take another one: ytorch upgrade NAME"))
    }

    /// The program of the newest image.
    pub(crate) fn of_newest_image() -> Option<Self> {
        let podman = Podman::of_this_machine().ok()?;
        let release = choice::newest_image(&podman).ok()??;
        Some(Self::Image { podman, release })
    }

    /// The program of an instance: that of its release, and if it names none, the given one.
    pub(crate) fn of(
        folders: &InstanceFolders,
        spec: &Spec,
        usual: impl FnOnce() -> Result<Self, Problem>,
    ) -> Result<Self, Problem> {
        match &spec.release {
            None => usual(),
            Some(release) if spec.engine.is_container() => {
                Ok(Self::Image { podman: Podman::of_this_machine()?, release: release.clone() })
            }
            Some(release) => Self::kept(folders.root().parent().unwrap_or(folders.root()), release),
        }
    }

    /// The file that is run: the program, or Podman.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Host(path) => path,
            Self::Image { podman, .. } => podman.path(),
        }
    }

    /// A command of the program for an instance.
    pub(crate) fn command(&self, verb: &str, folders: &InstanceFolders) -> Command {
        self.command_with(verb, folders, &[])
    }

    /// The same, which needs further files. Their paths must be absolute.
    pub(crate) fn command_with(&self, verb: &str, folders: &InstanceFolders, shared: &[Shared]) -> Command {
        let mut command = self.start(Some(folders), shared);
        command.arg(verb).arg("--instance-dir").arg(folders.root());
        command
    }

    /// A command of the program that needs no instance, but these files.
    pub(crate) fn bare_command(&self, verb: &str, shared: &[Shared]) -> Command {
        let mut command = self.start(None, shared);
        command.arg(verb);
        command
    }

    fn start(&self, folders: Option<&InstanceFolders>, shared: &[Shared]) -> Command {
        let mut command = match self {
            Self::Host(path) => Command::new(path),
            Self::Image { podman, release } => container::command(podman, release, folders, shared),
        };
        command.stdin(Stdio::null());
        command
    }

    /// The version the program says it is, such as `0.1.0`.
    pub(crate) fn version(&self) -> Result<String, Problem> {
        let output = self.run(&mut self.bare_command("--version", &[]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split_whitespace().last().unwrap_or_default().to_owned())
    }

    /// What the program was built from.
    pub(crate) fn build_info(&self) -> Result<BuildInfo, Problem> {
        let output = self.run(self.bare_command("version", &[]).arg("--json"))?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Problem::new(ExitCode::Failure, "could not understand what ytorch-server was built from").because(&error)
        })
    }

    /// Which one it is, for a person.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Host(path) => path.display().to_string(),
            Self::Image { release, .. } => format!("of the image {}", release.short()),
        }
    }

    /// The settings of an instance with their origins, as a server started for this spec would tell them.
    pub(crate) fn settings(&self, folders: &InstanceFolders, spec: &Spec) -> Result<Value, Problem> {
        let address = ["--port", &spec.port.to_string(), "--bind", &spec.bind.to_string()];
        let output = self.run(self.command("settings", folders).arg("--json").args(address))?;
        serde_json::from_slice(&output.stdout).map_err(|error| {
            Problem::new(ExitCode::Failure, "could not understand the settings that ytorch-server told")
                .because(&error)
                .hint("`ytorch validate` says whether both programs are of one version")
        })
    }

    /// Lets the server check an instance; the words it found are the problem.
    pub(crate) fn check(&self, folders: &InstanceFolders) -> Result<(), Problem> {
        let (output, told) = self.look(folders)?;
        if output.status.success() {
            return Ok(());
        }
        let failing = failing_checks(&told);
        Err(if failing.is_empty() { ended(&output) } else { unfit(&failing) })
    }

    /// Copies the database of an instance to a file, beside a running server, and checks the copy.
    pub(crate) fn snapshot(&self, folders: &InstanceFolders, to: &Path) -> Result<(), Problem> {
        let mut command = self.command("snapshot", folders);
        command.args(["--json", "--replace"]).arg("--to").arg(to);
        let mut progress = Progress::new(output::Output { json: true, quiet: true });
        server_work::follow(self, "snapshot", command, &mut progress).map(drop)
    }

    /// Whether the program can work with the database of an instance, or why not.
    pub(crate) fn accepts_database(&self, folders: &InstanceFolders) -> Result<Result<(), String>, Problem> {
        let (output, told) = self.look(folders)?;
        let checks = told["checks"].as_array().ok_or_else(|| ended(&output))?;
        let database = checks.iter().find(|check| check["name"] == "database");
        let refusal = database.filter(|check| check["ok"] == false);
        Ok(refusal.map_or(Ok(()), |check| Err(check["detail"].as_str().unwrap_or_default().to_owned())))
    }

    fn look(&self, folders: &InstanceFolders) -> Result<(Output, Value), Problem> {
        let output = self.command("check", folders).arg("--json").output().map_err(|error| self.cannot_run(&error))?;
        let told = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok((output, told))
    }

    fn run(&self, command: &mut Command) -> Result<Output, Problem> {
        let output = command.output().map_err(|error| self.cannot_run(&error))?;
        if output.status.success() {
            return Ok(output);
        }
        Err(ended(&output))
    }

    /// The problem of a program that does not run.
    pub(crate) fn cannot_run(&self, error: &std::io::Error) -> Problem {
        Problem::new(ExitCode::Unfit, format!("could not run `{}`", self.path().display()))
            .because(error)
            .hint("install ytorch-server again")
    }
}

fn ended(output: &Output) -> Problem {
    let words = String::from_utf8_lossy(&output.stderr);
    let code = exit_code(output.status.code());
    Problem::new(code, format!("ytorch-server ended with {}", output.status)).detail(words.trim())
}

fn unfit(checks: &str) -> Problem {
    Problem::new(ExitCode::Unfit, "the server could not run here").detail(checks).hint("mend what it names")
}

/// The checks that fail in a list of `{name, ok, detail}`, in words; empty if there is none.
pub(crate) fn failing_checks(told: &Value) -> String {
    let word = |check: &Value, name: &str| check.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let checks = told.get("checks").and_then(Value::as_array).into_iter().flatten();
    let failing = checks.filter(|check| check.get("ok").and_then(Value::as_bool) == Some(false));
    failing.map(|check| format!("{}: {}", word(check, "name"), word(check, "detail"))).collect::<Vec<_>>().join("; ")
}

/// The exit code of the server as one of ours; a signal is a failure.
pub(crate) fn exit_code(code: Option<i32>) -> ExitCode {
    match code {
        Some(0) => ExitCode::Success,
        Some(2) => ExitCode::Usage,
        Some(3) => ExitCode::Unfit,
        Some(4) => ExitCode::Unhealthy,
        Some(5) => ExitCode::Busy,
        Some(6) => ExitCode::NotFound,
        Some(7) => ExitCode::PortTaken,
        Some(8) => ExitCode::Refused,
        Some(9) => ExitCode::BadExport,
        _ => ExitCode::Failure,
    }
}
