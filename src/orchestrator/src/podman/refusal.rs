//! What Podman means when it refuses, read from its words: it has one exit status for nearly everything. It runs nothing.

use ytorch_core::{ExitCode, Problem};

/// A refusal with a known reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such image here.
    ImageUnknown,
    /// There is no such container here.
    ContainerUnknown,
    /// A folder that should be mounted is not there.
    MountMissing,
    /// The file given is not an archive of images.
    NotAnArchive,
    /// The disk is full.
    DiskFull,
    /// A port is taken.
    PortTaken,
    /// The process that keeps the user's namespace was killed; `podman system migrate` mends that.
    PauseProcess,
    /// The user has no subordinate ids.
    SubordinateIds,
    /// The user's service manager cannot be reached.
    NoUserBus,
    /// A limit cannot be set, because its controller is not delegated or the hard limit is lower.
    LimitRefused,
    /// Anything else.
    Unknown,
}

/// A text that Podman 4.3 to 5 writes, and what it means. The first that is found counts.
const KNOWN: [(&str, Refusal); 18] = [
    ("no space left on device", Refusal::DiskFull),
    ("disk quota exceeded", Refusal::DiskFull),
    ("invalid internal status", Refusal::PauseProcess),
    ("pause process", Refusal::PauseProcess),
    ("/etc/subuid", Refusal::SubordinateIds),
    ("/etc/subgid", Refusal::SubordinateIds),
    ("insufficient uids or gids", Refusal::SubordinateIds),
    ("newuidmap", Refusal::SubordinateIds),
    ("address already in use", Refusal::PortTaken),
    ("image not known", Refusal::ImageUnknown),
    ("no such image", Refusal::ImageUnknown),
    ("no such container", Refusal::ContainerUnknown),
    ("statfs", Refusal::MountMissing),
    ("payload does not match any of the supported image formats", Refusal::NotAnArchive),
    ("dbus-launch", Refusal::NoUserBus),
    ("failed to connect to user scope bus", Refusal::NoUserBus),
    ("setrlimit", Refusal::LimitRefused),
    ("for writing: no such file or directory: oci runtime", Refusal::LimitRefused),
];

impl Refusal {
    /// What words of Podman mean.
    pub(crate) fn of(words: &str) -> Self {
        let words = words.to_lowercase();
        let known = KNOWN.iter().find(|(text, _)| words.contains(text));
        known.map_or(Self::Unknown, |(_, refusal)| *refusal)
    }

    /// A problem of systemd with what the unit itself said, which is the reason; known words get their next step.
    pub(crate) fn explained(problem: Problem, said: &[String]) -> Problem {
        let words = said.join("\n    ");
        let refusal = Self::of(&words);
        let problem = if words.is_empty() { problem } else { problem.detail(&words) };
        if refusal == Self::Unknown { problem } else { refusal.explain(problem) }
    }

    /// Gives a problem the code and the next step of this refusal, and where it is known, plainer words.
    pub(super) fn explain(self, problem: Problem) -> Problem {
        let (what, code, hint) = match self {
            Self::ImageUnknown => {
                ("image not known to Podman", ExitCode::NotFound, "`ytorch image list` shows what is there")
            }
            Self::ContainerUnknown => {
                ("container not known to Podman", ExitCode::NotFound, "`ytorch list` shows what runs")
            }
            Self::MountMissing => {
                ("a folder of the instance is missing", ExitCode::Unfit, "`ytorch validate` names it")
            }
            Self::NotAnArchive => {
                ("this is no archive of an image", ExitCode::Usage, "give a file that `podman save` wrote")
            }
            Self::DiskFull => ("the disk is full", ExitCode::Unfit, "make room: `podman system df` says what takes it"),
            Self::PortTaken => ("the port is taken", ExitCode::PortTaken, "`ytorch validate` says who holds it"),
            Self::PauseProcess => {
                ("Podman lost the process that keeps its namespace", ExitCode::Unfit, "run: podman system migrate")
            }
            Self::SubordinateIds => (
                "this user has no ids for containers",
                ExitCode::Unfit,
                "run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER, then: podman system migrate",
            ),
            Self::NoUserBus => (
                "the user's service manager cannot be reached",
                ExitCode::Unfit,
                "run as root: loginctl enable-linger USER",
            ),
            Self::LimitRefused => (
                "a limit cannot be set on this machine",
                ExitCode::Unfit,
                "`ytorch validate` says which limits can be set",
            ),
            Self::Unknown => return problem.hint("`podman info` on the same machine may say more"),
        };
        Problem { what: what.to_owned(), code, ..problem }.hint(hint)
    }
}

/// What Podman wrote, without the warnings that it writes on its way and the word it begins its end with.
pub(super) fn without_warnings(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("level=warning"));
    let lines: Vec<&str> = lines.collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    let words: Vec<&str> = last.iter().map(|line| line.strip_prefix("Error: ").unwrap_or(line)).collect();
    words.join("\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Standard error as versions 4.3.1 and 5.4.2 wrote it.
    const SEEN: [(&str, Refusal); 7] = [
        ("Error: inspecting object: nope: image not known", Refusal::ImageUnknown),
        ("Error: nope:1: image not known", Refusal::ImageUnknown),
        ("Error: statfs /home/alice/none: no such file or directory", Refusal::MountMissing),
        (
            "Error: crun: opening file `memory.max` for writing: No such file or directory: OCI runtime attempted to invoke a command that was not found",
            Refusal::LimitRefused,
        ),
        (
            "Error: invalid internal status, try resetting the pause process with \"podman system migrate\": could not find any running process",
            Refusal::PauseProcess,
        ),
        ("Error: payload does not match any of the supported image formats:\n * oci: open …", Refusal::NotAnArchive),
        ("Error: something else", Refusal::Unknown),
    ];

    #[test]
    fn refusals_are_known_by_their_words() {
        for (text, refusal) in SEEN {
            assert_eq!(Refusal::of(&without_warnings(text)), refusal, "{text}");
        }
    }

    #[test]
    fn warnings_are_not_the_reason() {
        let text = "time=\"…\" level=warning msg=\"statfs of nothing\"\nError: nope:1: image not known\n";
        assert_eq!(without_warnings(text), "nope:1: image not known");
    }
}
