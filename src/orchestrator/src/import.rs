//! The import object of the server: running one without a server, and its end in words. It counts nothing itself.

use std::path::PathBuf;

use serde_json::Value;
use ytorch_core::{ExitCode, InstanceFolders, Problem};

use crate::{
    output::Answer,
    progress::Progress,
    server_client::problem_of,
    server_program::{ServerProgram, Shared},
    server_work,
};

/// What a summary is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// New exports.
    Import,
    /// Everything that was kept.
    Reingest,
}

/// Whether an import has not ended yet.
pub(crate) fn is_under_way(import: &Value) -> bool {
    matches!(import.get("status").and_then(Value::as_str), Some("queued" | "running"))
}

/// Runs `ytorch-server import` or `reingest` and shows its progress; returns the import object.
pub(crate) fn run_alone(
    program: &ServerProgram,
    verb: &str,
    folders: &InstanceFolders,
    paths: &[PathBuf],
    progress: &mut Progress,
) -> Result<Value, Problem> {
    let shared: Vec<Shared> = paths.iter().cloned().map(Shared::Read).collect();
    let mut command = program.command_with(verb, folders, &shared);
    command.arg("--json");
    if !paths.is_empty() {
        command.arg("--").args(paths);
    }
    let mut done = server_work::follow(program, verb, command, progress)?;
    Ok(done["import"].take())
}

/// An ended import as an answer, or as the problem that ended it.
pub(crate) fn answer(kind: Kind, import: Value) -> Result<Answer, Problem> {
    if let Some(problem) = import.get("problem").filter(|problem| !problem.is_null()) {
        return Err(problem_of(problem, ExitCode::BadExport));
    }
    if import.get("status").and_then(Value::as_str) == Some("failed") {
        return Err(Problem::new(ExitCode::Failure, "the import failed").hint("`ytorch logs` shows why"));
    }
    Ok(Answer::done(summary(kind, &import), import))
}

fn summary(kind: Kind, import: &Value) -> String {
    let number = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or_default();
    let count = |name: &str| number(import.get(name));
    let skipped = |name: &str| number(import.get("skipped").and_then(|skipped| skipped.get(name)));
    let what = match kind {
        Kind::Import => "imported",
        Kind::Reingest => "built again from",
    };
    let sources = import.get("sources").and_then(Value::as_array).map_or(0, Vec::len);
    let duration_ms = count("duration_ms");
    let files = if sources == 1 { "file" } else { "files" };
    let rows = [
        ("records read", count("records_total")),
        ("views added", count("views_added")),
        ("views known before", count("views_known")),
        ("skipped: ads", skipped("ads")),
        ("skipped: posts", skipped("posts")),
        ("skipped: removed, without id", skipped("removed_without_id")),
        ("skipped: other", skipped("other")),
        ("rejected", count("rejected")),
    ];
    let duration = match duration_ms {
        0..1000 => format!("{duration_ms} ms"),
        _ => format!("{}.{:01} s", duration_ms / 1000, duration_ms % 1000 / 100),
    };
    let mut lines = vec![format!("{what} {sources} {files} in {duration}")];
    lines.extend(rows.iter().map(|(name, count)| format!("  {name:<30}{:>13}", grouped(*count))));
    if count("rejected") > 0 {
        lines.push("the imports page shows each rejected record and why".to_owned());
    }
    lines.join("\n")
}

/// A number with its thousands set apart: 1,234,567.
/// A count with a comma between each three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_summary_shows_every_count() {
        let import = json!({
            "status": "done", "sources": [{}], "records_total": 1_234_567, "views_added": 1_234_000, "views_known": 500,
            "skipped": {"ads": 60, "posts": 4, "removed_without_id": 2, "other": 1}, "rejected": 0, "duration_ms": 2345,
        });
        let expected = "imported 1 file in 2.3 s
  records read                      1,234,567
  views added                       1,234,000
  views known before                      500
  skipped: ads                             60
  skipped: posts                            4
  skipped: removed, without id              2
  skipped: other                            1
  rejected                                  0";
        assert_eq!(summary(Kind::Import, &import), expected);
    }

    #[test]
    fn a_failed_import_is_the_servers_problem() {
        let import = json!({"status": "failed", "problem": {"what": "no export", "detail": null, "hint": "try"}});
        let problem = answer(Kind::Import, import).unwrap_err();
        assert_eq!((problem.code, problem.to_string().as_str()), (ExitCode::BadExport, "no export\n  hint: try"));
    }
}
