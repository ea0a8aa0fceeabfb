//! `ytorch timers`: systemd reconciles all instances at its start and every few minutes, and backs up those that are on
//! demand. It works no instance itself, and where there is no systemd it says so.

use std::{collections::BTreeSet, env, fs, path::PathBuf};

use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use super::Context;
use crate::{
    apply::{Hands, apply_all, apply_file},
    command_line::{Timers as Options, TimersVerb},
    engine::{
        Step,
        derived::Found,
        systemd::{
            manager::Manager,
            names::fit_for_units,
            timers::{Timers, USUAL_PAUSE, pause_of},
        },
    },
    output::Answer,
    plan::Action,
    spec::Desired,
};

/// Switches the timers on or off, or says how they are.
pub(super) fn timers(context: &Context, options: &Options) -> Result<Answer, Problem> {
    let mut clockwork = Clockwork::of(context);
    clockwork.manager.reachable()?;
    let (actions, is_dry_run, words) = match &options.verb {
        TimersVerb::Status => return Ok(clockwork.status()),
        TimersVerb::On { every, dry_run } => {
            (clockwork.on(context, every)?, dry_run.dry_run, format!("all instances are reconciled every {every}"))
        }
        TimersVerb::Off { dry_run } => (clockwork.off(), dry_run.dry_run, "the timers are off".to_owned()),
    };
    let json = json!({ "dry_run": is_dry_run, "actions": actions });
    if is_dry_run {
        let lines: Vec<String> = actions.iter().map(|action| format!("would {action}")).collect();
        return Ok(Answer::shown(if lines.is_empty() { "nothing to do".to_owned() } else { lines.join("\n") }, json));
    }
    let _lock = context.root.lock("timers")?;
    apply_all(&mut clockwork, &actions)?;
    Ok(Answer::done(words, json))
}

/// After instances came, went or changed: if the timers are on, there is one for each that needs one, and with the last
/// instance all of them go.
pub(super) fn settle(context: &Context) -> Result<(), Problem> {
    let mut clockwork = Clockwork::of(context);
    let Some(pause) = clockwork.pause() else { return Ok(()) };
    let is_last = context.root.names()?.is_empty();
    let actions = if is_last { clockwork.off() } else { clockwork.on(context, &pause)? };
    apply_all(&mut clockwork, &actions)
}

/// The timers of a root folder and the systemd that runs them.
struct Clockwork {
    manager: Manager,
    timers: Timers,
}

impl Clockwork {
    fn of(context: &Context) -> Self {
        let manager = Manager::of_this_user();
        let home = env::var_os("HOME").map(PathBuf::from);
        let timers = Timers::new(context.root.path(), home.as_deref(), &manager);
        Self { manager, timers }
    }

    /// How often all are reconciled; none if the timers are off.
    fn pause(&self) -> Option<String> {
        let text = fs::read_to_string(self.timers.reconcile_file()).ok()?;
        Some(pause_of(&text).unwrap_or(USUAL_PAUSE).to_owned())
    }

    /// The backup timers that have a link.
    fn linked(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.timers.links()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| self.timers.is_backup(name)).collect()
    }

    fn active(&self, units: &BTreeSet<String>) -> Result<BTreeSet<String>, Problem> {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        let shown = self.manager.show(&names, &["ActiveState"])?;
        let is_active = |unit: &&String| {
            shown.get(*unit).and_then(|unit| unit.get("ActiveState")).is_some_and(|state| state == "active")
        };
        Ok(units.iter().filter(is_active).cloned().collect())
    }

    fn on(&self, context: &Context, pause: &str) -> Result<Vec<Action>, Problem> {
        let program = env::current_exe()
            .map_err(|error| Problem::new(ExitCode::Unfit, "could not find ytorch itself").because(&error))?;
        let files = self.timers.files(fit_for_units(&program)?, fit_for_units(context.root.path())?, pause);
        let specs = context.root.specs()?;
        let on_demand = specs.iter().filter(|spec| spec.desired == Desired::OnDemand);
        let backups: BTreeSet<String> = on_demand.map(|spec| self.timers.backup(&spec.name)).collect();
        let surplus: Vec<String> = self.linked().difference(&backups).cloned().collect();
        let mut wanted = backups.clone();
        wanted.insert(self.timers.reconcile());
        let different = files.into_iter().filter(|file| matches!(file.find(), Found::Absent | Found::Older));
        let mut actions: Vec<Action> = different.map(|file| Action::WriteDerived { file }).collect();
        let is_changed = !actions.is_empty();
        for timer in &wanted {
            let to = if backups.contains(timer) { self.timers.backup_file() } else { self.timers.reconcile_file() };
            let path = self.timers.link(timer);
            if fs::read_link(&path).ok().as_ref() != Some(&to) {
                actions.push(Action::Link { path, to });
            }
        }
        actions.extend(self.unlinked(&surplus));
        if is_changed {
            actions.push(Action::Engine(Step::Reload));
        }
        // What was read anew is started anew, else another pause would count from the next boot.
        let active = if is_changed { BTreeSet::new() } else { self.active(&wanted)? };
        let missing = wanted.difference(&active).cloned();
        actions.extend(missing.map(|unit| Action::Engine(Step::RestartUnit { unit })));
        Ok(actions)
    }

    fn off(&self) -> Vec<Action> {
        let mut all: Vec<String> = self.linked().into_iter().collect();
        all.push(self.timers.reconcile());
        let is_on = self.pause().is_some();
        let files = self.timers.files("x", "x", USUAL_PAUSE);
        // The file that says that they are on goes last, so that whoever is killed is found to be on.
        let (last, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.path == self.timers.reconcile_file());
        let present = others.into_iter().chain(last).filter(|file| file.path.exists());
        let mut actions = if is_on { self.unlinked(&all) } else { Vec::new() };
        actions.extend(present.map(|file| Action::RemoveFile { path: file.path }));
        if !actions.is_empty() {
            actions.push(Action::Engine(Step::Reload));
        }
        actions
    }

    fn unlinked(&self, timers: &[String]) -> Vec<Action> {
        let links = timers.iter().map(|timer| self.timers.link(timer));
        let present = links.filter(|path| fs::symlink_metadata(path).is_ok());
        let mut actions: Vec<Action> = present.map(|path| Action::RemoveFile { path }).collect();
        if !timers.is_empty() {
            actions.push(Action::Engine(Step::StopUnits { units: timers.to_vec() }));
        }
        actions
    }

    fn status(&self) -> Answer {
        let backups: Vec<String> = self.linked().into_iter().collect();
        let Some(pause) = self.pause() else {
            return Answer::shown("the timers are off\nswitch them on with: ytorch timers on", json!({ "on": false }));
        };
        let mut lines = vec![format!("all instances are reconciled every {pause} ({})", self.timers.reconcile())];
        lines.extend(backups.iter().map(|timer| format!("backup every day: {timer}")));
        Answer::shown(lines.join("\n"), json!({ "on": true, "every": pause, "backups": backups }))
    }
}

impl Hands for Clockwork {
    fn apply(&mut self, action: &Action) -> Result<(), Problem> {
        match action {
            Action::Engine(Step::Reload) => self.manager.order(&["daemon-reload"]),
            Action::Engine(Step::RestartUnit { unit }) => self.manager.order(&["restart", "--", unit]),
            Action::Engine(Step::StopUnits { units }) => {
                let mut arguments = vec!["stop", "--"];
                arguments.extend(units.iter().map(String::as_str));
                self.manager.order(&arguments)
            }
            other => apply_file(other),
        }
    }
}
