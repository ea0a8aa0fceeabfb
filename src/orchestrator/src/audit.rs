//! The trail of an instance: one line for each command that changed it, or tried to. It never fails a command.
//!
//! It lies in `logs/`, so it stays when a deployment goes and is gone when the data is. Words that follow `--` are left
//! out, because they are somebody else's and could hold a secret.

mod subject;
mod trail;

use std::{cell::RefCell, ffi::OsString, time::Instant};

use serde::{Deserialize, Serialize};
use ytorch_core::{Clock, InstanceFolders, InstanceName, Problem};

use crate::{command_line::Verb, output::Answer, plan::Action, root::Root};

pub(crate) use trail::{file, newest};

thread_local! {
    /// What the command of this thread was about to do. A plan is made and carried out in many places; all go through one
    /// function, which notes it here, so that no verb has to know of the trail.
    static PLAN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes the actions that are about to be done.
pub(crate) fn about_to(actions: &[Action]) {
    PLAN.with_borrow_mut(|plan| plan.extend(actions.iter().map(ToString::to_string)));
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When the command began, RFC 3339 in UTC.
    pub time: String,
    /// Who ran it.
    pub user: String,
    /// The verb.
    pub verb: String,
    /// The words of the command line, the verb among them.
    pub arguments: Vec<String>,
    /// What was to be done, step by step.
    pub plan: Vec<String>,
    /// The exit code.
    pub result: u8,
    /// What went wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// How long it took.
    pub duration_ms: u64,
}

/// A command that will be told of.
pub(crate) struct Audit {
    verb: &'static str,
    instance: Option<String>,
    arguments: Vec<String>,
    time: String,
    began: Instant,
}

impl Audit {
    /// Begins to tell of a command; `None` if it changes nothing.
    pub(crate) fn begin(verb: &Verb, arguments: &[OsString], clock: &Clock) -> Option<Self> {
        let subject = subject::of(verb)?;
        let words = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned());
        Some(Self {
            verb: subject.verb,
            instance: subject.instance,
            arguments: words.take_while(|word| word != "--").collect(),
            time: clock.now().to_string(),
            began: Instant::now(),
        })
    }

    /// Writes the line, if there is an instance to keep it. What went wrong with that is returned as a sentence.
    pub(crate) fn end(self, root: &Root, result: &Result<Answer, Problem>) -> Option<String> {
        let plan = PLAN.take();
        // A verb may have found out by itself which instance is meant; then its answer names it.
        let told = result.as_ref().ok().and_then(Answer::instance).map(str::to_owned);
        let name: InstanceName = told.or(self.instance)?.parse().ok()?;
        let folders = root.folders(&name);
        if !is_ours(&folders) {
            return None;
        }
        let entry = Entry {
            time: self.time,
            user: trail::user(),
            verb: self.verb.to_owned(),
            arguments: self.arguments,
            plan,
            result: result.as_ref().map_or_else(|problem| problem.code, |answer| answer.code) as u8,
            problem: result.as_ref().err().map(|problem| problem.what.clone()),
            duration_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        let written = trail::append(&folders, &entry);
        written.err().map(|error| format!("could not write to `{}`: {error}", file(&folders).display()))
    }
}

/// A folder that is not an instance, or that is gone, gets no file of ours.
fn is_ours(folders: &InstanceFolders) -> bool {
    folders.spec().is_file() || crate::spec::removed_spec(folders).is_file()
}
