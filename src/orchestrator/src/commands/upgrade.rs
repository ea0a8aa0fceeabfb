//! `ytorch upgrade`: another release, tried as a client would; if it is not good, the old one again with its database.
//! It opens no database: the server's programs do.

mod goal;
mod sweep;
mod trial;
mod way_back;

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{Context, chosen, would_do};
use crate::{
    command_line::{Choice, DryRun, Upgrade},
    output::Answer,
    plan::Action,
    programs::InUse,
    spec::{ReleaseId, Spec},
};

use goal::Goal;

pub(super) use sweep::{sweep, sweep_locked};
pub(super) use way_back::{bring_up, go_back, note_unfinished, settle};

/// How long a new release may take where nobody says it: as long as `ytorch upgrade` gives it.
const PATIENCE_SECONDS: u32 = 120;

/// Upgrades one instance, or all.
pub(super) fn upgrade(context: &Context, options: &Upgrade) -> Result<Answer, Problem> {
    if options.all {
        return all(context, options);
    }
    let name = chosen(&options.choice)?;
    let upgraded = one(context, options, &name)?;
    sweep(context);
    Ok(upgraded.answer())
}

/// Upgrades an instance to a named release; whether it did not run that already.
pub(super) fn to(context: &Context, name: &InstanceName, release: &str) -> Result<bool, Problem> {
    let choice = Choice { name: Some(name.to_string()), instance: None };
    let dry_run = DryRun { dry_run: false };
    let options =
        Upgrade { choice, all: false, release: Some(release.to_owned()), patience: PATIENCE_SECONDS, dry_run };
    let upgraded = one(context, &options, name)?;
    sweep(context);
    Ok(upgraded.before.is_some())
}

/// What became of an instance.
struct Upgraded {
    /// What it is now, or would be.
    spec: Spec,
    /// What it ran before; none if nothing changes.
    before: Option<ReleaseId>,
    actions: Vec<Action>,
    is_dry: bool,
}

fn one(context: &Context, options: &Upgrade, name: &InstanceName) -> Result<Upgraded, Problem> {
    let spec = context.root.instance(name)?;
    if options.dry_run.dry_run {
        note_unfinished(context, &spec);
        return Goal::of(context, &spec, options)?.planned(context, &spec);
    }
    let in_use = InUse::take(context.root.path())
        .map_err(|error| Problem::new(ExitCode::Unfit, "could not lock the folder of kept programs").because(&error))?;
    let _lock = context.root.lock_instance(name, "upgrade")?;
    let spec = settle(context, context.root.instance(name)?)?;
    let goal = Goal::of(context, &spec, options)?;
    if goal.is_reached() {
        // What was settled may have to be started again.
        bring_up(context, &spec)?;
        return Ok(Upgraded { spec, before: None, actions: Vec::new(), is_dry: false });
    }
    let upgraded = trial::upgrade(context, &spec, &goal);
    drop(in_use);
    upgraded
}

/// The first release that is not good would not be good for the next instance either.
fn all(context: &Context, options: &Upgrade) -> Result<Answer, Problem> {
    let names = context.root.names()?;
    let (mut lines, mut items, mut worst) = (Vec::new(), Vec::new(), ExitCode::Success);
    for (index, name) in names.iter().enumerate() {
        match one(context, options, name) {
            Ok(upgraded) => {
                let (text, json) = upgraded.told();
                lines.push(text);
                items.push(json);
            }
            Err(problem) => {
                worst = problem.code;
                lines.push(format!("{name}: {}", problem.to_string().replace('\n', "\n  ")));
                items.push(json!({ "instance": name, "changed": false, "problem": problem.to_string() }));
                if problem.code == ExitCode::Unhealthy {
                    let left = names.len() - index - 1;
                    lines.push(format!("the other {left} instances were left alone"));
                    break;
                }
            }
        }
    }
    sweep(context);
    if names.is_empty() {
        lines.push(format!("no instances in {}", context.root.path().display()));
    }
    let json = json!({ "dry_run": options.dry_run.dry_run, "instances": Value::Array(items) });
    Ok(Answer::done(lines.join("\n"), json).ending_with(worst))
}

impl Upgraded {
    fn answer(self) -> Answer {
        if self.is_dry {
            return would_do(&self.spec.name, &self.actions);
        }
        let (text, json) = self.told();
        Answer::done(text, json)
    }

    fn told(self) -> (String, Value) {
        let Self { spec, before, actions, is_dry } = self;
        let name = &spec.name;
        let release = spec.release.as_ref().map_or("the program beside ytorch", ReleaseId::short);
        let mut lines = vec![match &before {
            _ if is_dry => {
                actions.iter().map(|action| format!("{name}: would {action}")).collect::<Vec<_>>().join("\n")
            }
            None => format!("`{name}` runs {release} already: nothing changes"),
            Some(before) if spec.desired.serves() => {
                format!("`{name}` runs {release} now, {} before, at {}", before.short(), spec.url())
            }
            Some(before) => format!("`{name}` runs {release} from its next start on, {} before", before.short()),
        }];
        lines.extend(before.is_some().then(|| format!("to go back: ytorch rollback {name}")));
        let json = json!({
            "instance": name, "dry_run": is_dry, "changed": before.is_some(), "release": spec.release,
            "previous_release": spec.previous_release, "url": spec.url(), "actions": actions,
        });
        (lines.join("\n"), json)
    }
}
