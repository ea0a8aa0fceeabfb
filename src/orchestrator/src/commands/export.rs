//! `ytorch export`: a backup for another machine. It is the same file, made by the same code, with other defaults:
//! media go along, and it goes where the person is.

use std::path::PathBuf;

use ytorch_core::Problem;

use super::{Context, backup};
use crate::{
    command_line::{Backup, Export},
    output::Answer,
};

/// Packs an instance.
pub(super) fn export(context: &Context, options: Export) -> Result<Answer, Problem> {
    let Export { choice, to, no_media, dry_run } = options;
    let to = Some(to.unwrap_or_else(|| PathBuf::from(".")));
    backup::backup(context, &Backup { verb: None, choice, to, media: !no_media, dry_run })
}
