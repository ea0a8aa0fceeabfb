//! `ytorch create --from-backup`: the port, the address and the engine are said as for any new instance, and the rest
//! comes from the backup. It replaces nothing.

use std::path::Path;

use serde_json::json;
use ytorch_core::{InstanceName, Problem};

use super::{ChosenEngine, desired};
use crate::{
    command_line::{Create, EngineWish},
    commands::{
        Context,
        arrival::{self, Wishes},
        restore::{self, Unpacked},
    },
    output::Answer,
};

/// Makes an instance of a backup.
pub(super) fn create(context: &Context, name: &InstanceName, options: &Create, file: &Path) -> Result<Answer, Problem> {
    arrival::is_free(context, name)?;
    let (origin, header) = restore::origin(context, file)?;
    let at = header["created_at"].as_str().unwrap_or_default();
    if options.dry_run.dry_run {
        let text = format!("would make `{name}` from the backup of `{origin}` from {at}");
        return Ok(Answer::shown(text, json!({ "instance": name, "dry_run": true, "backup": header })));
    }
    let is_chosen = options.engine != EngineWish::Auto || options.release.is_some();
    let engine = if is_chosen {
        let ChosenEngine { name, release, actions, why: _ } = ChosenEngine::of(context, options)?;
        Some((name, release, actions))
    } else {
        None
    };
    let unpacked = Unpacked::make(context, name, &origin, file)?;
    let wishes = Wishes { port: options.port, bind: Some(options.bind), engine, desired: desired(options) };
    let spec = arrival::publish(context, &unpacked.staging, unpacked.spec.as_ref(), wishes, "create")?;
    drop(unpacked);
    let started = arrival::start(context, &spec, "created")?;
    let folders = context.root.folders(name);
    let lines = [
        format!("created `{name}` on port {} in {}", spec.port, folders.root().display()),
        format!("it has what the backup of `{origin}` from {at} had, with its settings and token"),
        arrival::next_step(&spec, started),
    ];
    let json = json!({
        "instance": name, "created": true, "adopted": false, "started": started, "port": spec.port, "url": spec.url(),
        "folder": folders.root(), "engine": spec.engine, "release": spec.release, "backup": header,
    });
    Ok(Answer::done(lines.join("\n"), json))
}
