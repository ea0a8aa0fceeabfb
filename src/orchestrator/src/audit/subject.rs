//! Which commands change an instance, and which instance. Every verb is named, so that a new one must be thought of.

use crate::{
    command_line::{BreakersVerb, Choice, JobsVerb, NamedChoice, SecretVerb, Verb},
    declaration::Declaration,
};

/// A command that changes an instance.
pub(super) struct Subject {
    /// What it is called.
    pub verb: &'static str,
    /// The instance, as far as the words say; else the answer does.
    pub instance: Option<String>,
}

fn chosen(verb: &'static str, choice: &Choice) -> Subject {
    let named = choice.name.as_ref().or(choice.instance.as_ref());
    Subject { verb, instance: Some(named.map_or("default", String::as_str).to_owned()) }
}

fn named(verb: &'static str, choice: &NamedChoice) -> Subject {
    Subject { verb, instance: Some(choice.instance.clone()) }
}

/// The subject of a command; `None` if it only looks.
pub(super) fn of(verb: &Verb) -> Option<Subject> {
    match verb {
        Verb::Create(options) if !options.dry_run.dry_run => Some(chosen("create", &options.choice)),
        Verb::Start(options) if !options.dry_run.dry_run => Some(chosen("start", &options.choice)),
        Verb::Stop(options) if !options.dry_run.dry_run => Some(chosen("stop", &options.choice)),
        Verb::Restart(options) if !options.dry_run.dry_run => Some(chosen("restart", &options.choice)),
        Verb::Set(options) if !options.dry_run.dry_run => Some(chosen("set", &options.choice)),
        Verb::Declare(options) => {
            let declared = Declaration::read(&options.file).ok();
            Some(Subject { verb: "declare", instance: declared.map(|declared| declared.name.to_string()) })
        }
        Verb::Upgrade(options) if !options.dry_run.dry_run && !options.all => Some(chosen("upgrade", &options.choice)),
        Verb::Rollback(options) if !options.dry_run.dry_run => Some(chosen("rollback", &options.choice)),
        Verb::Ingest(options) if !options.dry_run.dry_run => Some(named("ingest", &options.choice)),
        Verb::Reingest(options) if !options.dry_run.dry_run => Some(chosen("reingest", &options.choice)),
        Verb::Backup(options) if options.verb.is_none() && !options.dry_run.dry_run => {
            Some(chosen("backup", &options.choice))
        }
        Verb::Restore(options) if !options.dry_run.dry_run => {
            Some(Subject { verb: "restore", instance: options.instance.clone() })
        }
        Verb::Clone(options) if !options.dry_run.dry_run => {
            Some(Subject { verb: "clone", instance: Some(options.new.clone()) })
        }
        Verb::Export(options) if !options.dry_run.dry_run => Some(chosen("export", &options.choice)),
        Verb::Import(options) if !options.dry_run.dry_run => {
            Some(Subject { verb: "import", instance: options.instance.clone() })
        }
        Verb::Adopt(options) if !options.dry_run.dry_run => {
            Some(Subject { verb: "adopt", instance: options.instance.clone() })
        }
        Verb::Maintain(options) if !options.dry_run.dry_run => Some(chosen("maintain", &options.choice)),
        Verb::Jobs(options) => match &options.verb {
            Some(JobsVerb::Cancel(options)) => Some(named("jobs cancel", &options.choice)),
            Some(JobsVerb::Retry(options)) => Some(named("jobs retry", &options.choice)),
            None => None,
        },
        Verb::Breakers(options) => {
            options.verb.as_ref().map(|BreakersVerb::Reset(options)| chosen("breakers reset", &options.choice))
        }
        Verb::Secret(options) => match &options.verb {
            SecretVerb::Set(options) => Some(named("secret set", &options.choice)),
            SecretVerb::Remove(options) => Some(named("secret remove", &options.choice)),
            SecretVerb::RotateKey(choice) => Some(named("secret rotate-key", choice)),
            SecretVerb::List(_) => None,
        },
        Verb::Teardown(options) if !options.dry_run.dry_run => Some(chosen("teardown", &options.choice)),
        Verb::Purge(options) if !options.dry_run.dry_run => Some(chosen("purge", &options.choice)),
        Verb::Reconcile(options) if !options.dry_run.dry_run && !options.all => {
            Some(chosen("reconcile", &options.choice))
        }
        // Looks, dry runs, timers, which belong to no instance, what `exec` runs, which is not ours, and `reconcile --all`: what that mends is what other
        // commands wished for, and they told of it.
        Verb::Create(_)
        | Verb::Start(_)
        | Verb::Stop(_)
        | Verb::Restart(_)
        | Verb::Set(_)
        | Verb::Upgrade(_)
        | Verb::Rollback(_)
        | Verb::Ingest(_)
        | Verb::Reingest(_)
        | Verb::Backup(_)
        | Verb::Restore(_)
        | Verb::Clone(_)
        | Verb::Export(_)
        | Verb::Import(_)
        | Verb::Adopt(_)
        | Verb::Maintain(_)
        | Verb::Teardown(_)
        | Verb::Purge(_)
        | Verb::Reconcile(_)
        | Verb::Exec(_)
        | Verb::Status(_)
        | Verb::List
        | Verb::Inspect(_)
        | Verb::Open(_)
        | Verb::Share(_)
        | Verb::Token(_)
        | Verb::Logs(_)
        | Verb::Config(_)
        | Verb::Completions(_)
        | Verb::Man(_)
        | Verb::Version(_)
        | Verb::Names
        | Verb::Validate(_)
        | Verb::Render(_)
        | Verb::Image(_)
        | Verb::Timers(_)
        | Verb::Supervise(_) => None,
    }
}
