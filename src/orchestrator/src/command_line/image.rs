//! The words of `ytorch image`. It does not know what Podman is told.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DryRun;

/// `image`
#[derive(Args, Debug)]
pub(crate) struct Image {
    #[command(subcommand)]
    pub verb: ImageVerb,
}

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageVerb {
    /// Build an image from the source of ytorch
    Build(ImageBuild),
    /// Load an image from an archive or a program that writes one, and print its ID
    Load(ImageLoad),
    /// Show the images of ytorch that Podman has, and which instances use them
    List,
}

/// `image build`
#[derive(Args, Debug)]
pub(crate) struct ImageBuild {
    /// Which image
    #[arg(long, value_enum, default_value = "slim")]
    pub target: ImageTarget,
    /// Folder with the source of ytorch and its Containerfile
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub context: PathBuf,
    /// An argument of the Containerfile, such as `BUILD_BASE`; may be repeated
    #[arg(long = "build-arg", value_name = "NAME=VALUE")]
    pub build_arguments: Vec<String>,
    #[command(flatten)]
    pub dry_run: DryRun,
    /// Further options of `podman build`
    #[arg(value_name = "OPTION", last = true)]
    pub further: Vec<String>,
}

/// What `--target` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageTarget {
    /// The server and nothing else
    Slim,
    /// The server with the programs for videos
    Full,
}

impl ImageTarget {
    /// Its name in the Containerfile.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Slim => "slim",
            Self::Full => "full",
        }
    }
}

/// `image load`
#[derive(Args, Debug)]
pub(crate) struct ImageLoad {
    /// The archive, as `podman save` writes it, or a program that writes one to its standard output
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub dry_run: DryRun,
}
