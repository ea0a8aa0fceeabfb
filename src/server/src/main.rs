//! The program `ytorch-server`. Everything it does lies in the library, so that tests and documents can reach it.

fn main() -> std::process::ExitCode {
    ytorch_server::run(std::env::args_os()).into()
}
