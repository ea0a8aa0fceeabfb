//! The `ytorch` command: makes instances, runs their servers, hands them exports.
//!
//! It never opens a database and never serves a page; `ytorch-server` does. Every verb edits the spec of an instance
//! and makes what is equal to it, so each can be repeated and none leaves a state that the next run cannot mend.

mod command_line;
mod commands;

mod apply;
mod audit;
mod declaration;
mod engine;
mod export_files;
mod folder_copy;
mod image;
mod import;
mod lock;
mod multipart;
mod output;
mod outside;
mod plan;
mod podman;
mod ports;
mod programs;
mod progress;
mod proxy_site;
mod root;
mod server_client;
mod server_log;
mod server_program;
mod server_work;
mod size;
mod spec;
mod state;
mod tail;

use std::ffi::OsString;

use clap::{Parser as _, error::ErrorKind};
use ytorch_core::{ExitCode, Problem};

use command_line::CommandLine;
use output::Output;

/// Reads the command line, does what it says, prints the answer, and returns the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = match CommandLine::try_parse_from(&arguments) {
        Ok(parsed) => parsed,
        Err(error) => return not_understood(&error, &arguments),
    };
    let output = Output { json: parsed.common.json, quiet: parsed.common.quiet };
    match commands::run(parsed, output, &arguments) {
        Ok(answer) => {
            output.answer(&answer);
            answer.code
        }
        Err(problem) => {
            output.problem(&problem);
            problem.code
        }
    }
}

fn not_understood(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if !is_answer && arguments.iter().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        // Up to the usage: what is missing stands on lines of its own.
        let words: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:")).collect();
        let what = words.join(" ");
        let what = what.trim().trim_start_matches("error: ");
        let problem =
            Problem::new(ExitCode::Usage, what).hint("`ytorch -h` and `ytorch VERB -h` say what is understood");
        Output { json: true, quiet: false }.problem(&problem);
        return ExitCode::Usage;
    }
    // Nobody reads any more; there is nobody to tell it to.
    let _ = error.print();
    if is_answer { ExitCode::Success } else { ExitCode::Usage }
}
