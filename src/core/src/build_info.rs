//! What this program was built from: commit, toolchain, target, dependencies. It asks nothing and nobody at run time.
//!
//! The commit is not compiled in but stamped into the finished program (`deploy/stamp`), so that a commit which changes
//! only documents gives a new program without compiling anything.

use std::{borrow::Cow, fmt, hint::black_box};

use serde::{Deserialize, Serialize};

/// Where the commit goes: a marker, then 46 characters, as many as a commit and `-dirty` have.
static STAMP: [u8; MARKER + 46] = *b"ytorch-commit:----------------------------------------------";
const MARKER: usize = 14;

/// What a program was built from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildInfo {
    /// The version of ytorch, such as `0.1.0`.
    pub version: Cow<'static, str>,
    /// The commit, 40 hexadecimal digits; with `-dirty` behind it if files differed from it. None if nobody stamped it.
    pub commit: Option<Cow<'static, str>>,
    /// The compiler, as it names itself.
    pub toolchain: Cow<'static, str>,
    /// What it was compiled for, such as `x86_64-unknown-linux-gnu`.
    pub target: Cow<'static, str>,
    /// `release` or `debug`.
    pub profile: Cow<'static, str>,
    /// SHA-256 of `Cargo.lock`, which names every dependency with its own hash.
    pub lock_sha256: Cow<'static, str>,
}

impl BuildInfo {
    /// Of the program that runs.
    pub fn of_this_program() -> Self {
        // Without the box the compiler would read the stamp while compiling, before there is one.
        let stamp = black_box(&STAMP);
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: commit(&stamp[MARKER..]).map(Cow::Borrowed),
            toolchain: env!("YTORCH_TOOLCHAIN").into(),
            target: env!("YTORCH_TARGET").into(),
            profile: env!("YTORCH_PROFILE").into(),
            lock_sha256: env!("YTORCH_LOCK_SHA256").into(),
        }
    }
}

impl fmt::Display for BuildInfo {
    /// One line for each fact but the version, which stands behind the program's name everywhere.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version: _, commit, toolchain, target, profile, lock_sha256 } = self;
        let commit = commit.as_deref().unwrap_or("unknown (no release: see docs/building.md)");
        writeln!(formatter, "commit     {commit}")?;
        writeln!(formatter, "toolchain  {toolchain}")?;
        writeln!(formatter, "target     {target}, {profile}")?;
        write!(formatter, "Cargo.lock sha256:{lock_sha256}")
    }
}

/// The commit in a stamp; what is shorter than its place is filled up with `-`.
fn commit(stamp: &'static [u8]) -> Option<&'static str> {
    let text = std::str::from_utf8(stamp).ok()?.trim_end_matches('-');
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_commit_or_none() {
        assert_eq!(
            commit(b"0123456789abcdef0123456789abcdef01234567------"),
            Some("0123456789abcdef0123456789abcdef01234567")
        );
        assert_eq!(
            commit(b"0123456789abcdef0123456789abcdef01234567-dirty"),
            Some("0123456789abcdef0123456789abcdef01234567-dirty")
        );
        assert_eq!(commit(&STAMP[MARKER..]), None);
    }

    #[test]
    fn every_fact_has_a_line() {
        let told = BuildInfo::of_this_program().to_string();
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[0].contains("unknown"), "{told}");
        assert!(lines[1].contains("rustc 1."), "{told}");
        assert!(lines[2].contains("-linux-"), "{told}");
        let hash = lines[3].split_once("sha256:").unwrap().1;
        assert!(hash.len() == 64 && hash.chars().all(|digit| digit.is_ascii_hexdigit()), "{told}");
    }
}
