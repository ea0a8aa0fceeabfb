//! `ytorch validate`: is this machine, and an instance on it, fit? It starts no server and changes nothing.

mod engines;
mod instance;
mod machine;
mod running;

use serde::Serialize;
use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use super::{Context, chosen};
use crate::{command_line::Choice, output::Answer, root::Place};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Ok,
    Warn,
    Fail,
}

/// One check: what was looked at, what was found, and what to do about it.
#[derive(Clone, Debug, Serialize)]
struct Check {
    name: &'static str,
    outcome: Outcome,
    found: String,
    hint: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Ok, found: found.into(), hint: None }
    }

    fn warn(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Warn, found: found.into(), hint: Some(hint.into()) }
    }

    fn fail(name: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, outcome: Outcome::Fail, found: found.into(), hint: Some(hint.into()) }
    }

    /// A problem as a failed check.
    fn failed(name: &'static str, problem: Problem) -> Self {
        let Problem { what, detail, hint, code: _ } = problem;
        let found = detail.map_or_else(|| what.clone(), |detail| format!("{what}: {}", detail.replace('\n', "\n    ")));
        Self { name, outcome: Outcome::Fail, found, hint }
    }
}

/// Checks the machine, and the instance if there is one or one was named.
pub(super) fn validate(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    let is_named = choice.name.is_some() || choice.instance.is_some();
    let mut checks = machine::checks(context);
    checks.extend(engines::checks(context));
    match context.root.place(&name) {
        Ok(Place::Instance(spec)) => {
            checks.extend(instance::checks(context, &spec));
            checks.extend(running::checks(context, &spec));
        }
        Ok(Place::Absent | Place::Removed(_)) if !is_named => {}
        Ok(Place::Foreign) if !is_named => checks.push(Check::warn(
            "folder",
            format!("{} is not an instance of ytorch", context.root.folders(&name).root().display()),
            "move it away before `ytorch create`",
        )),
        Ok(_) => return context.root.instance(&name).map(|_| Answer::done("", json!(null))),
        Err(problem) => checks.push(Check::failed("spec", problem)),
    }
    let failed = checks.iter().filter(|check| check.outcome == Outcome::Fail).count();
    let answer = Answer::shown(in_words(&checks), json!({ "fit": failed == 0, "checks": checks }));
    Ok(if failed == 0 { answer } else { answer.ending_with(ExitCode::Unfit) })
}

fn in_words(checks: &[Check]) -> String {
    let mut lines = Vec::new();
    for check in checks {
        let word = match check.outcome {
            Outcome::Ok => "ok",
            Outcome::Warn => "warn",
            Outcome::Fail => "fail",
        };
        lines.push(format!("{word:<5} {:<16} {}", check.name, check.found));
        lines.extend(check.hint.iter().map(|hint| format!("{:23}hint: {hint}", "")));
    }
    lines.join("\n")
}
