//! `ytorch exec`: a command beside the server of an instance. It is never given the token.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::Command};

use ytorch_core::{ExitCode, InstanceFolders, Problem};

use super::{Context, chosen};
use crate::{command_line::Exec, output::Answer, spec::Spec};

/// Becomes the command, so that its exit status, its terminal and its signals are its own. It returns only if it cannot.
pub(super) fn exec(context: &Context, options: &Exec) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let mut command = inside(&spec, &context.root.folders(&name), &options.command)?;
    let error = command.exec();
    let program = command.get_program().to_string_lossy();
    let code = if error.kind() == std::io::ErrorKind::NotFound { ExitCode::NotFound } else { ExitCode::Unfit };
    Err(Problem::new(code, format!("could not run `{program}`")).because(&error))
}

/// The command where the server of the instance is: for engines without containers in its folder.
///
/// This is the place for engines with containers: what they return runs inside the container of the instance.
fn inside(spec: &Spec, folders: &InstanceFolders, words: &[OsString]) -> Result<Command, Problem> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(
            Problem::new(ExitCode::Usage, "no command was given").hint(format!("ytorch exec {} -- COMMAND", spec.name))
        );
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folders.root());
    command.env("YTORCH_INSTANCE", spec.name.as_str());
    command.env("YTORCH_INSTANCE_DIR", folders.root());
    command.env("YTORCH_URL", spec.url());
    Ok(command)
}
