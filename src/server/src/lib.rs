//! The server of one instance: command line, settings, start, stop, health.
//!
//! It does not know what any pipeline does; `pipelines` only lists them.

mod activity;
mod command_line;
mod commands;
mod health;
mod instance;
mod jobs;
mod listener;
mod lock;
mod manager;
mod memory;
mod metrics;
mod output;
mod pipelines;
mod platform;
mod readiness;
mod router;
mod serving;
pub mod settings;
mod sockets;
mod watchdog;
mod web;

use std::ffi::OsString;

use clap::Parser as _;
use rustix::process::{Resource, Rlimit, setrlimit};
use ytorch_core::ExitCode;

use crate::command_line::{CommandLine, Verb};

/// Does what the command line says, and tells a person what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A dump of the memory would hold every secret. Where it cannot be forbidden, the folder's mode still guards it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let command_line = match CommandLine::try_parse_from(arguments) {
        Ok(command_line) => command_line,
        Err(told) => {
            // Nobody is left to tell if even this cannot be printed.
            let _ = told.print();
            return if told.use_stderr() { ExitCode::Usage } else { ExitCode::Success };
        }
    };
    let result = match command_line.verb {
        Verb::Serve(arguments) => commands::serve::run(&arguments),
        Verb::Health(arguments) => Ok(commands::health::run(&arguments)),
        Verb::Import(arguments) => commands::import::import(&arguments),
        Verb::Reingest(arguments) => commands::import::reingest(&arguments),
        Verb::Settings(arguments) => commands::settings::run(&arguments),
        Verb::Check(arguments) => commands::check::run(&arguments),
        Verb::Backup(arguments) => commands::backup::run(&arguments),
        Verb::Snapshot(arguments) => commands::snapshot::run(&arguments),
        Verb::BackupShow(arguments) => commands::archive::show(&arguments),
        Verb::BackupVerify(arguments) => commands::archive::verify(&arguments),
        Verb::BackupDrill(arguments) => commands::archive::drill(&arguments),
        Verb::Restore(arguments) => commands::archive::restore(&arguments),
        Verb::Maintain(arguments) => commands::maintain::run(&arguments),
        Verb::Version(arguments) => Ok(commands::version::run(&arguments)),
    };
    result.unwrap_or_else(|problem| {
        output::tell(&format!("ytorch-server: {problem}"));
        problem.code
    })
}
