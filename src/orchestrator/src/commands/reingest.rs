//! `ytorch reingest`: everything is built again from the kept source files. It never deletes one of them.

use std::fs;

use serde_json::json;
use ytorch_core::{ExitCode, InstanceFolders, Problem};

use super::{
    Context, chosen,
    ingest::{Way, await_import},
    read_token, server_program_of,
};
use crate::{
    command_line::Reingest,
    import::{self, Kind},
    output::{Answer, can_ask},
    progress::Progress,
    size,
};

/// Asks, and builds everything again.
pub(super) fn reingest(context: &Context, options: &Reingest) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    let sources = count_sources(&folders);
    let size = size::in_words(size::folder_bytes(&folders.raw()));
    let way = Way::of(&spec, &folders)?;
    let what = format!(
        "build `{name}` again from {sources} source files ({size}); pages show the old data until the new is complete"
    );
    if options.dry_run.dry_run {
        let json = json!({ "instance": name, "dry_run": true, "sources": sources });
        return Ok(Answer::shown(format!("would {what}"), json));
    }
    if !options.yes {
        confirm(context, &what)?;
    }
    let mut progress = Progress::new(context.output);
    let imported = match way {
        Way::Server(client) => {
            let token = read_token(&folders)?;
            let headers = [("content-length", "0"), ("prefer", "respond-async")];
            client
                .send("/api/v1/history/reingest", &token, &headers, &mut std::io::empty())
                .and_then(|queued| await_import(&client, &folders, queued, &mut progress))
        }
        Way::Alone => {
            let _lock = context.root.lock_instance(&name, "reingest")?;
            import::run_alone(&server_program_of(&folders, &spec)?, "reingest", &folders, &[], &mut progress)
        }
    };
    progress.finish();
    import::answer(Kind::Reingest, imported?)
}

fn count_sources(folders: &InstanceFolders) -> usize {
    let is_source = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    fs::read_dir(folders.raw()).map_or(0, |entries| entries.flatten().filter(is_source).count())
}

fn confirm(context: &Context, what: &str) -> Result<(), Problem> {
    let refused = Problem::new(ExitCode::Refused, format!("this needs a yes: {what}")).detail("nothing was changed");
    if context.output.json || !can_ask() {
        return Err(refused.hint("add --yes"));
    }
    match inquire::Confirm::new(&format!("This will {what}. Go on?")).with_default(false).prompt() {
        Ok(true) => Ok(()),
        _ => Err(refused),
    }
}
