//! `ytorch ingest`: exports become an import, through the running server or without one. It reads no export itself.

use std::{path::PathBuf, thread, time::Duration};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, files::size_bytes};

use super::{Context, absolute, parse_name, read_token, running::observe, server_program_of};
use crate::{
    command_line::Ingest,
    engine::Activity,
    export_files,
    import::{self, Kind},
    multipart::MultipartFiles,
    output::Answer,
    progress::{Counted, Progress},
    server_client::ServerClient,
    size,
    spec::Spec,
};

/// The server may think this long before it answers a question; an upload takes as long as it takes.
const API_PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(200);

/// Imports files and folders.
pub(super) fn ingest(context: &Context, options: &Ingest) -> Result<Answer, Problem> {
    let name = parse_name(&options.choice.instance)?;
    let files = export_files::expand(&options.paths)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    let way = Way::of(&spec, &folders)?;
    if options.dry_run.dry_run {
        return Ok(would_import(&name, &way, &files));
    }
    let mut progress = Progress::new(context.output);
    let imported = match way {
        Way::Server(client) => upload(&client, &folders, &files, &mut progress),
        Way::Alone => {
            let _lock = context.root.lock_instance(&name, "ingest")?;
            let paths = options.paths.iter().map(|path| absolute(path)).collect::<Result<Vec<_>, _>>()?;
            import::run_alone(&server_program_of(&folders, &spec)?, "import", &folders, &paths, &mut progress)
        }
    };
    progress.finish();
    import::answer(Kind::Import, imported?)
}

/// How the database is reached.
pub(super) enum Way {
    /// The running server does the work.
    Server(ServerClient),
    /// Nobody holds the database.
    Alone,
}

impl Way {
    /// Looks who holds the database.
    pub(super) fn of(spec: &Spec, folders: &InstanceFolders) -> Result<Self, Problem> {
        match observe(folders, spec)?.activity {
            // Which release may write is not settled.
            Activity::Nothing | Activity::Importing { .. } if spec.trial.is_some() => {
                Err(Problem::new(ExitCode::Unfit, format!("an upgrade of `{}` was interrupted", spec.name))
                    .hint(format!("finish it first: ytorch reconcile {}", spec.name)))
            }
            Activity::Nothing | Activity::Importing { .. } => Ok(Self::Alone),
            Activity::Kept | Activity::Listening | Activity::Orphan { .. } => {
                let client = ServerClient::new(spec, API_PATIENCE);
                if client.health().is_some_and(|health| health.instance == spec.name.as_str()) {
                    return Ok(Self::Server(client));
                }
                Err(Problem::new(ExitCode::Busy, format!("the server of `{}` runs but does not answer", spec.name))
                    .detail(format!("tried {}", client.url()))
                    .hint(format!(
                        "`ytorch status {0}` says why; after `ytorch stop {0}` it works without it",
                        spec.name
                    )))
            }
        }
    }
}

fn upload(
    client: &ServerClient,
    folders: &InstanceFolders,
    files: &[PathBuf],
    progress: &mut Progress,
) -> Result<Value, Problem> {
    let token = read_token(folders)?;
    let body = MultipartFiles::new("export", files)
        .map_err(|error| Problem::new(ExitCode::Failure, "could not read an export").because(&error))?;
    let (kind, length_bytes) = (body.content_type(), body.length_bytes());
    let length = length_bytes.to_string();
    let headers = [("content-type", kind.as_str()), ("content-length", &length), ("prefer", "respond-async")];
    let mut counted = Counted { inner: body, progress, phase: "uploading", bytes_done: 0, bytes_total: length_bytes };
    let queued = client.send("/api/v1/history/imports", &token, &headers, &mut counted)?;
    await_import(client, folders, queued, progress)
}

/// Asks after an import until it has ended.
pub(super) fn await_import(
    client: &ServerClient,
    folders: &InstanceFolders,
    mut import: Value,
    progress: &mut Progress,
) -> Result<Value, Problem> {
    let token = read_token(folders)?;
    let id = match import.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(Problem::new(ExitCode::Failure, "the server did not say which import it began")),
    };
    while import::is_under_way(&import) {
        if let Some(shown) = import.get("progress").filter(|shown| !shown.is_null()) {
            progress.show_import(shown);
        }
        thread::sleep(POLL);
        import = client.ask(&format!("/api/v1/history/imports/{id}"), &token).map_err(|problem| {
            Problem::new(problem.code, "the server stopped answering before the import had ended")
                .detail(problem.what)
                .hint("nothing is lost: the export is kept, and the import goes on when the instance starts again")
        })?;
    }
    Ok(import)
}

fn would_import(name: &InstanceName, way: &Way, files: &[PathBuf]) -> Answer {
    let how = match way {
        Way::Server(client) => format!("through the server at {}", client.url()),
        Way::Alone => "without a server".to_owned(),
    };
    let mut bytes = 0;
    let mut lines = vec![format!("would import into `{name}` {how}:")];
    for file in files {
        let size_bytes = size_bytes(file);
        bytes += size_bytes;
        lines.push(format!("  {} ({})", file.display(), size::in_words(size_bytes)));
    }
    let json = json!({ "instance": name, "dry_run": true, "files": files, "size_bytes": bytes });
    Answer::shown(lines.join("\n"), json)
}
