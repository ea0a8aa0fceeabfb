//! The exit codes that both programs share. It does not decide which error has which code.

/// What a program's exit status says. Scripts may rely on the numbers; `docs/cli.md` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// What was asked for is done.
    Success = 0,
    /// Something went wrong that has no code of its own; the message says what.
    Failure = 1,
    /// The command line or a settings file says something that cannot be meant.
    Usage = 2,
    /// This machine, folder or database is not fit to run the instance.
    Unfit = 3,
    /// The server did not become healthy.
    Unhealthy = 4,
    /// Another command or server holds the instance at the moment.
    Busy = 5,
    /// There is no such instance or file.
    NotFound = 6,
    /// The port is taken.
    PortTaken = 7,
    /// Refused, because something would be lost or overwritten, or the person said no.
    Refused = 8,
    /// The file given is not an export that can be read.
    BadExport = 9,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
