//! The program `ytorch`. It does nothing by itself: the library reads the command line and does the work.

use std::process::ExitCode;

fn main() -> ExitCode {
    ytorch_orchestrator::run(std::env::args_os()).into()
}
