//! The program `ytorch-server`: where it is and how it is asked. It does not start it for serving; engines do.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use ytorch_core::{ExitCode, InstanceFolders, Problem};

use crate::{
    programs,
    spec::{ReleaseId, Spec},
};

/// A server program that exists.
#[derive(Clone, Debug)]
pub(crate) struct ServerProgram(PathBuf);

impl ServerProgram {
    /// The program of `YTORCH_SERVER`, or the one beside `ytorch` itself.
    pub(crate) fn find(chosen: Option<&OsStr>) -> Result<Self, Problem> {
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
                .map(Self)
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
            return Ok(Self(path));
        }
        Err(Problem::new(ExitCode::Unfit, format!("the server program of release {} is missing", release.short()))
            .detail(format!("looked for {}", path.display()))
            .hint("take another one: ytorch upgrade NAME"))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A command of the program for an instance.
    pub(crate) fn command(&self, verb: &str, folders: &InstanceFolders) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(verb).arg("--instance-dir").arg(folders.root()).stdin(Stdio::null());
        command
    }

    /// A command of the program that needs no instance.
    pub(crate) fn bare_command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.0);
        command.arg(verb).stdin(Stdio::null());
        command
    }

    /// The version the program says it is, such as `0.1.0`.
    pub(crate) fn version(&self) -> Result<String, Problem> {
        let output = self.run(Command::new(&self.0).arg("--version").stdin(Stdio::null()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.split_whitespace().last().unwrap_or_default().to_owned())
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
        let output = self.command("check", folders).arg("--json").output().map_err(|error| self.cannot_run(&error))?;
        if output.status.success() {
            return Ok(());
        }
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let failing = failing_checks(&told);
        Err(if failing.is_empty() { ended(&output) } else { unfit(&failing) })
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
        Problem::new(ExitCode::Unfit, format!("could not run `{}`", self.0.display()))
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
