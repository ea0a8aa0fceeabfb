//! `ytorch import`: a restore that only ever makes a new instance. What is there stays as it is.

use ytorch_core::Problem;

use super::{Context, arrival, parse_name, restore};
use crate::{
    command_line::{Import, Restore},
    output::Answer,
};

/// Makes an instance of a file.
pub(super) fn import(context: &Context, options: &Import) -> Result<Answer, Problem> {
    let name = match options.instance.as_deref() {
        Some(name) => parse_name(name)?,
        None => restore::origin(context, &options.file)?.0,
    };
    arrival::is_free(context, &name)?;
    let restore = Restore {
        file: options.file.clone(),
        instance: Some(name.to_string()),
        yes: false,
        no_start: options.no_start,
        dry_run: crate::command_line::DryRun { dry_run: options.dry_run.dry_run },
    };
    restore::restore(context, &restore)
}
