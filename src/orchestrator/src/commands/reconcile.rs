//! `ytorch reconcile`: whatever happened to an instance, it becomes again what its spec says. It changes no spec but of an
//! upgrade that was interrupted.

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{
    Context, carry_out, chosen, engine, note_kept_by_hand, note_stale, running,
    upgrade::{note_unfinished, settle, sweep},
};
use crate::{command_line::Reconcile, output::Answer, plan::Action, root::Place, spec::Desired};

/// Reconciles one instance, or all.
pub(super) fn reconcile(context: &Context, options: &Reconcile) -> Result<Answer, Problem> {
    let names = if options.all { context.root.names()? } else { vec![chosen(&options.choice)?] };
    let mut items = Vec::new();
    let mut lines = Vec::new();
    let mut worst = ExitCode::Success;
    for name in &names {
        // One that cannot be mended keeps no other from being mended.
        match one(context, name, options.dry_run.dry_run) {
            Ok(actions) => {
                lines.extend(in_words(name, &actions, options.dry_run.dry_run));
                items.push(json!({ "instance": name, "changed": !actions.is_empty(), "actions": actions }));
            }
            Err(problem) if !options.all => return Err(problem),
            Err(problem) => {
                worst = problem.code;
                lines.push(format!("{name}: {}", problem.to_string().replace('\n', "\n  ")));
                items.push(json!({ "instance": name, "changed": false, "problem": problem.to_string() }));
            }
        }
    }
    if options.all && !options.dry_run.dry_run {
        sweep(context);
        super::timers::settle(context)?;
    }
    if lines.is_empty() {
        lines.push(format!("no instances in {}", context.root.path().display()));
    }
    let json = json!({ "dry_run": options.dry_run.dry_run, "instances": Value::Array(items) });
    Ok(Answer::done(lines.join("\n"), json).ending_with(worst))
}

/// Makes one instance what its spec says, or tells what that would take.
pub(super) fn one(context: &Context, name: &InstanceName, is_dry_run: bool) -> Result<Vec<Action>, Problem> {
    if let Place::Instance(spec) = context.root.place(name)?
        && spec.desired == Desired::Removed
    {
        return unfinished_teardown(context, name, is_dry_run);
    }
    let spec = context.root.instance(name)?;
    let folders = context.root.folders(name);
    let (_lock, spec) = if is_dry_run {
        note_unfinished(context, &spec);
        (None, spec)
    } else {
        let lock = context.root.lock_instance(name, "reconcile")?;
        (Some(lock), settle(context, context.root.instance(name)?)?)
    };
    let observed = running::observe(&folders, &spec)?;
    let actions = engine(&folders, spec.engine).reconcile(&folders, &spec, &observed)?;
    note_kept_by_hand(context, &folders, &spec);
    if !is_dry_run {
        note_stale(context, &actions);
        carry_out(&folders, &spec, &actions)?;
        if !actions.is_empty() && spec.desired == Desired::Running {
            running::wait_until_ready(&folders, &spec)?;
        }
    }
    Ok(actions)
}

fn unfinished_teardown(context: &Context, name: &InstanceName, is_dry_run: bool) -> Result<Vec<Action>, Problem> {
    let _root = if is_dry_run { None } else { Some(context.root.lock("reconcile")?) };
    let Place::Instance(spec) = context.root.place(name)? else { return Ok(Vec::new()) };
    let actions = super::teardown::removal(context, name, &spec)?;
    if !is_dry_run {
        super::teardown::finish(context, name, &spec)?;
    }
    Ok(actions)
}

fn in_words(name: &InstanceName, actions: &[Action], is_dry_run: bool) -> Vec<String> {
    if actions.is_empty() {
        return vec![format!("{name}: as it should be")];
    }
    let would = if is_dry_run { "would " } else { "" };
    actions.iter().map(|action| format!("{name}: {would}{action}")).collect()
}
