//! `ytorch teardown`: the deployment goes, the data stays, unless its deletion is asked for by name.

use serde_json::json;
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{
    Context, carry_out, chosen, engine, note_stale,
    running::observe,
    upgrade::{settle, sweep_locked},
    would_do,
};
use crate::{
    command_line::Teardown,
    output::{Answer, can_ask},
    plan::{self, Action},
    root::Place,
    size,
    spec::{Desired, Spec},
};

/// Removes an instance.
pub(super) fn teardown(context: &Context, options: &Teardown) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let place = context.root.place(&name)?;
    let (spec, is_removed) = match place {
        Place::Instance(spec) => (spec, false),
        Place::Removed(spec) => (spec, true),
        Place::Foreign => return Err(context.root.foreign(&name)),
        Place::Absent => return context.root.instance(&name).map(|_| Answer::done("", json!(null))),
    };
    if options.dry_run.dry_run {
        let mut actions = if is_removed { Vec::new() } else { removal(context, &name, &spec)? };
        if options.purge {
            actions.extend(plan::purge(&context.root.folders(&name), context.root.purged(&name)));
        }
        return Ok(would_do(&name, &actions));
    }
    let data_bytes = size::folder_bytes(&context.root.folders(&name).data());
    if options.purge {
        confirm_purge(context, &name, options.yes_delete_data_of.as_deref(), data_bytes)?;
    }
    let _lock = context.root.lock("teardown")?;
    if let Place::Instance(spec) = context.root.place(&name)? {
        finish(context, &name, &spec)?;
        super::timers::settle(context)?;
    }
    sweep_locked(context);
    if options.purge {
        return purge(context, &name, &spec, data_bytes);
    }
    let data = context.root.folders(&name).data();
    let verb = if is_removed { "was removed before" } else { "is removed" };
    let text = format!(
        "`{name}` {verb}\nits data is kept: {} ({})\nto get it back: ytorch create {name}\nto delete the data as well: ytorch purge {name}",
        data.display(),
        size::in_words(data_bytes)
    );
    let json = json!({
        "instance": name, "removed": true, "purged": false, "changed": !is_removed, "kept": data,
        "data_bytes": data_bytes,
    });
    Ok(Answer::done(text, json))
}

/// Takes an existing instance down, from wherever an earlier teardown stopped. The root must be locked.
pub(super) fn finish(context: &Context, name: &InstanceName, spec: &Spec) -> Result<(), Problem> {
    let folders = context.root.folders(name);
    let _lock = context.root.lock_instance(name, "teardown")?;
    // Whoever takes the data back must find a database and a release that fit.
    let settled = if spec.desired == Desired::Removed { spec.clone() } else { settle(context, spec.clone())? };
    let actions = removal(context, name, &settled)?;
    note_stale(context, &actions);
    carry_out(&folders, &settled, &actions)
}

pub(super) fn removal(context: &Context, name: &InstanceName, spec: &Spec) -> Result<Vec<Action>, Problem> {
    let folders = context.root.folders(name);
    let observed = observe(&folders, spec)?;
    let removed = plan::removed(spec);
    let ending = engine(&folders, spec.engine).reconcile(&folders, &removed, &observed)?;
    Ok(plan::teardown(&folders, spec, &removed, ending))
}

fn purge(context: &Context, name: &InstanceName, spec: &Spec, data_bytes: u64) -> Result<Answer, Problem> {
    let folders = context.root.folders(name);
    let mut actions: Vec<Action> = context.root.leftovers().into_iter().map(|path| Action::Sweep { path }).collect();
    actions.extend(plan::purge(&folders, context.root.purged(name)));
    carry_out(&folders, spec, &actions)?;
    let text = format!("`{name}` and its data ({}) are deleted", size::in_words(data_bytes));
    let json = json!({
        "instance": name, "removed": true, "purged": true, "changed": true, "kept": null, "data_bytes": data_bytes,
    });
    Ok(Answer::done(text, json))
}

fn confirm_purge(context: &Context, name: &InstanceName, given: Option<&str>, data_bytes: u64) -> Result<(), Problem> {
    let refused = |what: String| Err(Problem::new(ExitCode::Refused, what).detail("nothing was changed"));
    match given {
        Some(given) if given == name.as_str() => return Ok(()),
        Some(given) => return refused(format!("the data of `{given}` may be deleted, but this is `{name}`")),
        None => {}
    }
    if context.output.json || !can_ask() {
        return refused(format!("deleting the data of `{name}` needs a yes"))
            .map_err(|problem: Problem| problem.hint(format!("add --yes-delete-data-of={name}")));
    }
    let question = format!(
        "This deletes {} of data in {}. Type the name of the instance to go on:",
        size::in_words(data_bytes),
        context.root.folders(name).root().display()
    );
    match inquire::Text::new(&question).prompt() {
        Ok(typed) if typed.trim() == name.as_str() => Ok(()),
        _ => refused(format!("the name `{name}` was not typed")),
    }
}
