//! `version`: what this program was built from. It looks at no instance.

use ytorch_core::{BuildInfo, ExitCode};

use crate::{command_line::Version, output};

pub(crate) fn run(arguments: &Version) -> ExitCode {
    let info = BuildInfo::of_this_program();
    if arguments.json {
        output::answer_json(&info);
    } else {
        output::answer(&format!("ytorch-server {}", info.version));
        output::answer(&info.to_string());
    }
    ExitCode::Success
}
