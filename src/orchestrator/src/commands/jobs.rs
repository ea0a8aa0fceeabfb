//! `ytorch jobs`: what the queue of a running server holds, cancelling and trying again. It makes no job.

use clap::ValueEnum as _;
use serde_json::{Value, json};
use ytorch_core::Problem;

use super::{
    Context, chosen,
    live::{Live, items, text},
    parse_name,
};
use crate::{
    command_line::{Jobs, JobsVerb, OneJob},
    output::{Answer, table},
    server_client::segment,
    state::local,
};

/// Lists jobs, or does something with one.
pub(super) fn jobs(context: &Context, options: &Jobs) -> Result<Answer, Problem> {
    match &options.verb {
        None => list(context, options),
        Some(JobsVerb::Cancel(options)) => change(context, options, "cancel"),
        Some(JobsVerb::Retry(options)) => change(context, options, "retry"),
    }
}

fn list(context: &Context, options: &Jobs) -> Result<Answer, Problem> {
    let live = Live::of(context, chosen(&options.choice)?)?;
    let state = options.state.and_then(|state| state.to_possible_value());
    let state = state.map(|state| format!("&state={}", state.get_name())).unwrap_or_default();
    let kind = options.kind.as_ref().map(|kind| format!("&kind={}", segment(kind))).unwrap_or_default();
    let found = live.ask(&format!("/api/v1/jobs?limit={}{state}{kind}", options.number))?;
    let words = if items(&found).is_empty() {
        "no such jobs".to_owned()
    } else {
        table(&["ID", "STATE", "KIND", "CREATED", "WHAT"], items(&found).iter().map(row).collect())
    };
    Ok(Answer::shown(words, json!({ "instance": live.name, "jobs": found["items"] })))
}

fn change(context: &Context, options: &OneJob, what: &str) -> Result<Answer, Problem> {
    let live = Live::of(context, parse_name(&options.choice.instance)?)?;
    let mut job = live.post(&format!("/api/v1/jobs/{}/{what}", options.id))?;
    let words = match text(&job, "state") {
        "cancelled" => format!("job {} is cancelled", options.id),
        "running" if what == "cancel" => format!("job {} runs and was told to give up", options.id),
        state => format!("job {} is {state}", options.id),
    };
    job["instance"] = live.name.as_str().into();
    Ok(Answer::done(words, job))
}

fn row(job: &Value) -> Vec<String> {
    let said = ["error", "message"].into_iter().map(|name| text(job, name)).find(|said| !said.is_empty());
    let what = match said {
        Some(said) => format!("{}: {said}", text(job, "subject")),
        None => text(job, "subject").to_owned(),
    };
    vec![
        job["id"].to_string(),
        text(job, "state").to_owned(),
        text(job, "kind").to_owned(),
        local(text(job, "created_at")),
        // One line for each, however much it says of itself.
        what.split_whitespace().collect::<Vec<_>>().join(" "),
    ]
}
