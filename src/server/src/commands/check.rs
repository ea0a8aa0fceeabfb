//! `check`: whether the server could start here. It changes nothing: no folder, no table, no lock that lasts.

use std::path::Path;

use rustix::fs::Access;
use serde::Serialize;
use ytorch_core::{ExitCode, Problem, Secret};
use ytorch_store::{open_untouched, rusqlite};

use crate::{command_line::Work, instance::Instance, lock, output, pipelines::Pipelines, readiness};

#[derive(Serialize)]
struct Found {
    name: &'static str,
    ok: bool,
    detail: String,
}

pub(crate) fn run(arguments: &Work) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.target)?;
    let all = look(&instance);
    let ok = all.iter().all(|found| found.ok);
    if arguments.json {
        output::answer_json(&serde_json::json!({ "ok": ok, "checks": all }));
    } else {
        for Found { name, ok, detail } in &all {
            output::answer(&format!("{} {name:<10} {detail}", if *ok { "ok  " } else { "FAIL" }));
        }
    }
    Ok(if ok { ExitCode::Success } else { ExitCode::Unfit })
}

fn look(instance: &Instance) -> Vec<Found> {
    // Settings that cannot be meant have ended the command before.
    let settings = match instance.loaded.warnings.as_slice() {
        [] => "every setting can be read".to_owned(),
        warnings => warnings.join("; "),
    };
    let mut all = vec![Found { name: "settings", ok: true, detail: settings }];
    let folders = &instance.folders;
    for folder in [folders.secrets(), folders.raw(), folders.database_folder(), folders.logs(), folders.run()] {
        all.push(writable(&folder));
    }
    all.push(token(&folders.token()));
    let holder = lock::holder(folders);
    all.push(database(&folders.database(), holder.is_some()));
    let disk = readiness::disk(folders, instance.loaded.settings.disk_floor_bytes);
    all.push(Found { name: "disk", ok: disk.ok, detail: disk.detail });
    all.push(Found { name: "lock", ok: true, detail: holder.unwrap_or_else(|| "nobody holds it".to_owned()) });
    all
}

/// The nearest part of the path that exists could be written by this user.
fn writable(path: &Path) -> Found {
    let existing = path.ancestors().find(|part| part.exists()).unwrap_or(path);
    let missing = if existing == path { "" } else { " (it does not exist yet)" };
    match rustix::fs::access(existing, Access::WRITE_OK) {
        Ok(()) => Found { name: "writable", ok: true, detail: format!("{}{missing}", path.display()) },
        Err(error) => {
            Found { name: "writable", ok: false, detail: format!("{} cannot be written: {error}", existing.display()) }
        }
    }
}

fn token(path: &Path) -> Found {
    let (ok, detail) = match Secret::read(path) {
        Ok(_) => (true, "there is one, and only its owner can read it".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (true, "the first start makes one".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Found { name: "token", ok, detail }
}

fn database(path: &Path, in_use: bool) -> Found {
    let (ok, detail) = if path.exists() {
        match newest_migrations(path, in_use) {
            Ok(None) => (true, "it opens".to_owned()),
            Ok(Some(newer)) => (false, newer),
            Err(error) => (false, format!("it does not open: {error}")),
        }
    } else {
        (true, "there is none yet; the first start makes it".to_owned())
    };
    Found { name: "database", ok, detail }
}

/// What in the database is newer than this program, in words.
fn newest_migrations(path: &Path, in_use: bool) -> rusqlite::Result<Option<String>> {
    // A server that was killed leaves a WAL, in which the newest of it may be.
    let has_wal = std::fs::metadata(path.with_extension("sqlite3-wal")).is_ok_and(|wal| wal.len() > 0);
    let connection = open_untouched(path, in_use || has_wal)?;
    let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    for migrations in Pipelines::all().migrations {
        let applied: usize =
            connection
                .query_row("select count(*) from migration where owner = ?", [migrations.owner], |row| row.get(0))?;
        if applied > migrations.list.len() {
            return Ok(Some(format!("a newer version of ytorch has written it (`{}`)", migrations.owner)));
        }
    }
    Ok(None)
}
