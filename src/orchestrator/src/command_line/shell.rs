//! The words of `ytorch completions`, `ytorch man` and `ytorch version`. It prints none of them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `completions`
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// For which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// The shells that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
}

/// `man`
#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write a page for every verb into this folder, instead of printing the first one
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}

/// `version`
#[derive(Args, Debug)]
pub(crate) struct Version {
    /// Show commit, toolchain, target and the hash of Cargo.lock, of both programs
    #[arg(long, short)]
    pub verbose: bool,
}
