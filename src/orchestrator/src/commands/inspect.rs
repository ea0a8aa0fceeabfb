//! `ytorch inspect`: all that is known of one instance, and what the next command would do about it. It mends nothing.

mod values;
mod weights;

use serde_json::{Value, json};
use ytorch_core::{Problem, Timestamp};

use super::{Context, chosen, engine, instance_log, listing, running, teardown};
use crate::{
    audit,
    command_line::Choice,
    output::{Answer, table},
    plan::Action,
    root::Place,
    size,
    spec::{Desired, Spec},
};

use values::{Stated, values};
use weights::{Weight, weights};

/// So many entries of the trail are shown.
const NEWEST_ENTRIES: usize = 5;

/// Tells everything of an instance, also of one that is being removed or was.
pub(super) fn inspect(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    let (spec, is_removed) = match context.root.place(&name)? {
        Place::Instance(spec) => (spec, false),
        Place::Removed(spec) => (spec, true),
        Place::Absent | Place::Foreign => (context.root.instance(&name)?, false),
    };
    let folders = context.root.folders(&name);
    let status = listing::look(context, &spec, listing::STATUS_PATIENCE);
    let stated = values(&spec, &folders);
    let weights = weights(&folders);
    // A trail that cannot be read must not hide the rest.
    let entries = audit::newest(&folders, NEWEST_ENTRIES).unwrap_or_default();
    let drift = drift(context, &spec, is_removed);
    let mut parts =
        vec![columns(&status.lines()), stated_table(&stated), drift_in_words(&drift), weight_table(&weights)];
    if !entries.is_empty() {
        let lines: Vec<String> = entries.iter().map(instance_log::in_words).collect();
        parts.push(format!("newest changes\n{}", lines.join("\n")));
    }
    let (actions, obstacle) = match &drift {
        Ok(actions) => (json!(actions), Value::Null),
        Err(problem) => (Value::Null, json!(problem.what)),
    };
    let json = json!({
        "instance": name, "removed": is_removed, "spec": spec, "status": status.to_json(), "values": stated,
        "actions": actions, "obstacle": obstacle, "files": weights, "audit": entries,
        "inspected_at": Timestamp::to_string(&context.clock.now()),
    });
    Ok(Answer::shown(parts.join("\n\n"), json))
}

/// What the next command would do to make the instance what its spec says.
fn drift(context: &Context, spec: &Spec, is_removed: bool) -> Result<Vec<Action>, Problem> {
    if is_removed {
        return Ok(Vec::new());
    }
    let folders = context.root.folders(&spec.name);
    let observed = running::observe(&folders, spec)?;
    if spec.desired == Desired::Removed {
        return teardown::removal(context, &spec.name, spec);
    }
    engine(&folders, spec.engine).reconcile(&folders, spec, &observed)
}

fn drift_in_words(drift: &Result<Vec<Action>, Problem>) -> String {
    match drift {
        Ok(actions) if actions.is_empty() => "it is what its spec says".to_owned(),
        Ok(actions) => {
            let lines: Vec<String> = actions.iter().map(|action| format!("would {action}")).collect();
            format!("it differs from its spec; the next command\n{}", lines.join("\n"))
        }
        Err(problem) => format!("it is left alone at the moment: {}", problem.what),
    }
}

fn columns(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(name, text)| format!("{name:<10}{text}")).collect::<Vec<_>>().join("\n")
}

fn stated_table(stated: &[Stated]) -> String {
    let row = |stated: &Stated| vec![stated.name.to_owned(), stated.value.clone(), stated.origin.to_owned()];
    table(&["NAME", "VALUE", "ORIGIN"], stated.iter().map(row).collect())
}

fn weight_table(weights: &[Weight]) -> String {
    let row = |weight: &Weight| {
        let size = weight.size_bytes.map_or_else(|| "not there".to_owned(), size::in_words);
        vec![weight.path.to_owned(), size]
    };
    table(&["FILES", "SIZE"], weights.iter().map(row).collect())
}
