//! `ytorch clone`: a copy of an instance, made while it runs, under another name. The instance itself is not touched.
//!
//! The copy is another person's, or a trial's: it has a token of its own, no host names, and unless they are asked for
//! none of the secrets that services outside gave to the first.

use std::path::Path;

use serde_json::json;
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, files::create_private_folder};

use super::{
    Context,
    arrival::{self, Staging, Wishes},
    parse_name, server_program_of,
};
use crate::{
    command_line::Clone,
    folder_copy::{self, Copied},
    output::Answer,
    progress::Progress,
    server_program::Shared,
    server_work, size,
    spec::{Desired, Spec},
};

/// Files of `config/` that belong to the first instance alone, or that follow from its spec.
const OWN: [&str; 5] = ["instance.toml", "instance.removed.toml", "app.env", "unit.env", "secrets"];

/// Copies an instance and, unless told otherwise, starts the copy.
pub(super) fn clone(context: &Context, options: &Clone) -> Result<Answer, Problem> {
    let (name, new) = (parse_name(&options.name)?, parse_name(&options.new)?);
    let spec = context.root.instance(&name)?;
    arrival::is_free(context, &new)?;
    let folders = context.root.folders(&name);
    if options.dry_run.dry_run {
        return Ok(would(&name, &new, &folders, options));
    }
    let staging = Staging::make(context, &new, "clone")?;
    // First the database: whatever file one of its rows names was there before the row was.
    copy_database(context, &spec, &folders, &staging.folders, options)?;
    let copied = copy_files(&folders, &staging.folders, options).map_err(|error| {
        Problem::new(ExitCode::Unfit, format!("could not copy the files of `{name}`"))
            .because(&error)
            .hint("nothing was left behind: free some disk space, or see who may read the folder, and try again")
    })?;
    let kept = Spec { host_names: Vec::new(), ..spec };
    let desired = if options.no_start { Desired::Stopped } else { running_like(&kept) };
    let wishes = Wishes { port: options.port, ..Wishes::only(desired) };
    let made = arrival::publish(context, &staging, Some(&kept), wishes, "clone")?;
    drop(staging);
    let started = arrival::start(context, &made, "cloned")?;
    Ok(answer(context, &name, &made, copied, options, started))
}

/// On demand if the first is; else running, even if the first is stopped: who makes an instance wants to see it.
fn running_like(spec: &Spec) -> Desired {
    if spec.desired == Desired::OnDemand { Desired::OnDemand } else { Desired::Running }
}

fn copy_database(
    context: &Context,
    spec: &Spec,
    from: &InstanceFolders,
    to: &InstanceFolders,
    options: &Clone,
) -> Result<(), Problem> {
    let target = to.database();
    let folder = target.parent().unwrap_or(to.root());
    create_private_folder(folder).map_err(|error| {
        Problem::new(ExitCode::Unfit, format!("could not create `{}`", folder.display())).because(&error)
    })?;
    let program = server_program_of(from, spec)?;
    let mut command = program.command_with("snapshot", from, &[Shared::Write(target.clone())]);
    command.arg("--json").arg("--to").arg(&target);
    command.args((!options.with_secrets).then_some("--without-secrets"));
    let mut progress = Progress::new(context.output);
    let done = server_work::follow(&program, "snapshot", command, &mut progress);
    progress.finish();
    done.map(drop)
}

fn copy_files(from: &InstanceFolders, to: &InstanceFolders, options: &Clone) -> std::io::Result<Copied> {
    let config = from.config();
    let is_shared = |path: &Path| {
        let own = OWN.iter().any(|own| path == config.join(own));
        !own
    };
    let not_the_token = |path: &Path| path != from.token();
    let mut parts = vec![folder_copy::copy(&config, &to.config(), &is_shared)?];
    parts.push(folder_copy::copy(&from.raw(), &to.raw(), &|_| true)?);
    if !options.no_media {
        parts.push(folder_copy::copy(&from.media(), &to.media(), &|_| true)?);
    }
    if options.with_secrets {
        parts.push(folder_copy::copy(&from.secrets(), &to.secrets(), &not_the_token)?);
    }
    let sum = |all: Copied, part: &Copied| Copied { files: all.files + part.files, bytes: all.bytes + part.bytes };
    Ok(parts.iter().fold(Copied::default(), sum))
}

fn would(name: &InstanceName, new: &InstanceName, folders: &InstanceFolders, options: &Clone) -> Answer {
    let media = if options.no_media { 0 } else { size::folder_bytes(&folders.media()) };
    let bytes = ytorch_core::files::size_bytes(&folders.database()) + size::folder_bytes(&folders.raw()) + media;
    let secrets = if options.with_secrets { "with" } else { "without" };
    let text = format!("would copy `{name}` to `{new}`: {}, {secrets} its secrets", size::in_words(bytes));
    let json = json!({
        "instance": new, "dry_run": true, "clone_of": name, "size_bytes": bytes, "secrets": options.with_secrets,
        "media": !options.no_media,
    });
    Answer::shown(text, json)
}

fn answer(
    context: &Context,
    name: &InstanceName,
    made: &Spec,
    copied: Copied,
    options: &Clone,
    started: bool,
) -> Answer {
    let new = &made.name;
    let secrets = if options.with_secrets {
        "the secrets of services outside were copied: both instances use them now"
    } else {
        "it has none of the secrets of services outside: ytorch secret list shows which it can have"
    };
    let lines = [
        format!("cloned `{name}` to `{new}` on port {}: {} files beside the database", made.port, copied.files),
        format!("it has a token of its own; {secrets}"),
        arrival::next_step(made, started),
    ];
    let json = json!({
        "instance": new, "clone_of": name, "started": started, "port": made.port, "url": made.url(),
        "folder": context.root.folders(new).root(), "secrets": options.with_secrets, "media": !options.no_media,
        "files": copied.files, "size_bytes": copied.bytes,
    });
    Answer::done(lines.join("\n"), json)
}
