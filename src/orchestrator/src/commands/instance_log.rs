//! `ytorch logs`: the records of the server's log that are asked for. It changes nothing and asks no server.

mod trail;

use std::{io, path::Path};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceFolders, Problem, Zone};

use super::{Context, chosen};
use crate::{
    command_line::Logs,
    engine::process::server_output,
    lock::live_holder,
    output::{Answer, line_reaches_stdout},
    server_log::{Backlog, Filter, Record, Records, Since, Unfinished, open_all, pattern},
    tail::{Follower, last_lines},
};

pub(super) use trail::in_words;

/// How many records are shown to those who choose none.
const USUAL_RECORDS: usize = 100;

/// Shows the log, and with `--follow` what is added to it until nobody reads any more.
pub(super) fn logs(context: &Context, options: &Logs) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    if options.audit {
        return trail::shown(context, &name, options.lines.unwrap_or(USUAL_RECORDS));
    }
    let filter = filter(context, options)?;
    context.root.present(&name)?;
    let folders = context.root.folders(&name);
    let path = folders.server_log();
    let unreadable = |error: io::Error| {
        Problem::new(ExitCode::Failure, format!("could not read `{}`", path.display())).because(&error)
    };
    let files = open_all(&path).map_err(unreadable)?;
    if files.is_empty() {
        context.output.note(&format!("`{name}` has no log yet: its server never ran"));
    }
    let most = options.lines.or_else(|| filter.wants_all().then_some(USUAL_RECORDS));
    let unfinished = if options.follow { Unfinished::Kept } else { Unfinished::Taken };
    let backlog = Backlog::read(files, &filter, most, unfinished).map_err(unreadable)?;
    if options.follow {
        return follow(context, &path, backlog, &filter).map_err(unreadable);
    }
    last_words_of_a_failed_start(context, &folders);
    let texts: Vec<&str> = backlog.records.iter().map(|record| record.text.as_str()).collect();
    let records: Vec<Value> = backlog.records.iter().map(Record::to_json).collect();
    Ok(Answer::shown(texts.join("\n"), json!({ "instance": name, "file": path, "records": records })))
}

fn filter(context: &Context, options: &Logs) -> Result<Filter, Problem> {
    let now = Zone::system().local(context.clock.now());
    let since = options.since.as_deref().map(|text| Since::parse(text)?.instant(&now)).transpose()?;
    let pattern = options.grep.as_deref().map(pattern).transpose()?;
    Ok(Filter { since, level: options.level, pattern })
}

/// Shows what was there, then what comes. With `--json` each record is a line, for there is no end of an array.
fn follow(context: &Context, path: &Path, backlog: Backlog, filter: &Filter) -> io::Result<Answer> {
    let Backlog { records: found, current, pending } = backlog;
    let mut follower = Follower::after(path.to_owned(), current, pending);
    let mut records = Records::default();
    let mut found = found;
    loop {
        for record in found.iter().filter(|record| filter.wants(record)) {
            let reached = if context.output.json {
                line_reaches_stdout(&record.to_json().to_string())
            } else {
                line_reaches_stdout(&record.text)
            };
            if !reached {
                return Ok(Answer::done("", Value::Null));
            }
        }
        let lines = follower.next_lines()?;
        found = lines.iter().filter_map(|line| records.take(line)).collect();
        if lines.is_empty() {
            // The server writes a record at once, so after a moment without a line nothing more belongs to the last one.
            found.extend(records.rest());
        }
    }
}

/// What a server said that ended at its start: it may not have come as far as its log.
fn last_words_of_a_failed_start(context: &Context, folders: &InstanceFolders) {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let output = server_output(folders);
    let is_newer = modified(&output) > modified(&folders.server_log());
    if is_newer && live_holder(&folders.server_lock()).is_none() {
        context.output.note("the last start ended with these words:");
        for line in last_lines(&output, 12).unwrap_or_default() {
            context.output.note(&format!("    {line}"));
        }
    }
}
