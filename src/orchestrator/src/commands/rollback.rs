//! `ytorch rollback`: the release from before the last upgrade again. It deletes no database.

use serde_json::json;
use ytorch_core::{BackupName, ExitCode, Problem};

use super::{
    Context, carry_out, chosen, engine, running, server_program_of,
    upgrade::{bring_up, go_back, note_unfinished, settle},
    would_do,
};
use crate::{
    command_line::Rollback,
    output::Answer,
    plan::{self, Action},
    spec::{ReleaseId, Spec, Trial},
};

/// Goes back, or says what would be done.
pub(super) fn rollback(context: &Context, options: &Rollback) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    if options.dry_run.dry_run {
        note_unfinished(context, &spec);
        let back = wanted(context, &spec, options.with_database)?;
        let mut actions = plan::edit(&folders, &spec, &back);
        if back.trial.is_some() {
            actions.extend(engine(&folders, back.engine).pause(&back));
            actions.extend(plan::upgrade::put_back(&folders, &back));
        }
        let observed = running::observe(&folders, &spec)?;
        actions.extend(engine(&folders, back.engine).reconcile(&folders, &back, &observed)?);
        return Ok(would_do(&name, &actions));
    }
    let _lock = context.root.lock_instance(&name, "rollback")?;
    let spec = settle(context, context.root.instance(&name)?)?;
    running::observe(&folders, &spec)?;
    let mut back = wanted(context, &spec, options.with_database)?;
    let actions = plan::edit(&folders, &spec, &back);
    carry_out(&folders, &back, &actions)?;
    if back.trial.is_some() {
        back = go_back(context, &back, true)?;
    }
    bring_up(context, &back)?;
    Ok(answer(context, &spec, &back, &actions))
}

/// The spec with the release from before; with a journal, if the database goes back as well.
fn wanted(context: &Context, spec: &Spec, with_database: bool) -> Result<Spec, Problem> {
    let (name, folders) = (&spec.name, context.root.folders(&spec.name));
    let Some(previous) = &spec.previous_release else {
        return Err(Problem::new(ExitCode::Refused, format!("`{name}` has no release to go back to"))
            .detail("it was not upgraded yet, or its last upgrade went back by itself")
            .hint(format!("name one: ytorch upgrade {name} --release IMAGE|PROGRAM")));
    };
    let back = spec.having(previous, spec.release.as_ref(), None);
    if with_database {
        return with_its_database(context, spec, back, previous);
    }
    if !folders.database().is_file() {
        return Ok(back);
    }
    let accepted = server_program_of(&folders, &back)?.accepts_database(&folders)?;
    accepted.map(|()| back).map_err(|why| {
        Problem::new(ExitCode::Refused, format!("{} cannot work with the database of `{name}`", previous.short()))
            .detail(format!("{why}; nothing was changed"))
            .hint(format!(
                "ytorch rollback {name} --with-database puts the one from before the upgrade back: what came in since is \
                 then only in the newer one, which is kept beside it"
            ))
    })
}

fn with_its_database(context: &Context, spec: &Spec, back: Spec, previous: &ReleaseId) -> Result<Spec, Problem> {
    let folders = context.root.folders(&spec.name);
    let is_there = |snapshot: &&String| folders.root().join(snapshot).is_file();
    let Some(snapshot) = spec.previous_snapshot.as_ref().filter(is_there) else {
        return Err(Problem::new(ExitCode::Refused, "there is no copy of the database from before the upgrade")
            .detail(format!("looked in {}; nothing was changed", folders.backups().display()))
            .hint(format!("restore a backup from before it: ytorch backup list {}", spec.name)));
    };
    let now = context.clock.now();
    let trial = Trial {
        from: previous.clone(),
        snapshot: Some(snapshot.clone()),
        aside: format!("data/db/ytorch.sqlite3.before-rollback-{}", BackupName::stamp(now)),
        put_back: true,
        started: now.to_string(),
        previous_release: spec.release.clone(),
        previous_snapshot: None,
    };
    Ok(Spec { trial: Some(trial), ..back })
}

fn answer(context: &Context, old: &Spec, back: &Spec, actions: &[Action]) -> Answer {
    let name = &back.name;
    let short = |release: Option<&ReleaseId>| release.map_or("?", ReleaseId::short).to_owned();
    let mut lines =
        vec![format!("`{name}` runs {} again, {} before", short(back.release.as_ref()), short(old.release.as_ref()))];
    let written = actions.iter().find_map(|action| match action {
        Action::WriteSpec { spec, .. } => spec.trial.as_ref(),
        _ => None,
    });
    let kept = written.map(|trial| context.root.folders(name).root().join(&trial.aside));
    lines.extend(kept.as_ref().map(|kept| format!("the newer database is kept: {}", kept.display())));
    lines.push(format!("to go forward again: ytorch rollback {name}"));
    let json = json!({
        "instance": name, "changed": true, "release": back.release, "previous_release": back.previous_release,
        "kept_database": kept, "url": back.url(), "actions": actions,
    });
    Answer::done(lines.join("\n"), json)
}
