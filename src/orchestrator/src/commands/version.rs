//! `ytorch version`: what both programs were built from. It looks at no instance.

use serde_json::json;
use ytorch_core::BuildInfo;

use super::any_server_program;
use crate::{
    command_line::Version,
    output::{Answer, problem_json},
};

/// One line, or every fact of both programs.
pub(super) fn version(options: &Version) -> Answer {
    let own = BuildInfo::of_this_program();
    let line = format!("ytorch {}", own.version);
    if !options.verbose {
        return Answer::shown(line, json!({ "build": own }));
    }
    let server = any_server_program().and_then(|program| Ok((program.in_words(), program.build_info()?)));
    let (text, server) = match server {
        Ok((place, info)) => (
            format!("ytorch-server {}\nprogram    {place}\n{info}", info.version),
            json!({ "program": place, "build": info }),
        ),
        Err(problem) => (format!("ytorch-server is not known: {}", problem.what), problem_json(&problem)),
    };
    Answer::shown(format!("{line}\n{own}\n\n{text}"), json!({ "build": own, "server": server }))
}
