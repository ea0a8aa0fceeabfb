//! Which commands change an instance, and which instance. Every verb is named, so that a new one must be thought of.

use crate::command_line::{BreakersVerb, Choice, JobsVerb, NamedChoice, SecretVerb, Verb};

/// A command that changes an instance.
pub(super) struct Subject {
    /// What it is called.
    pub verb: &'static str,
    /// The instance, as far as the words say; else the answer does.
    pub instance: Option<String>,
}

fn chosen(verb: &'static str, choice: &Choice) -> Option<Subject> {
    let named = choice.name.as_ref().or(choice.instance.as_ref());
    Some(Subject { verb, instance: Some(named.map_or("default", String::as_str).to_owned()) })
}

fn named(verb: &'static str, choice: &NamedChoice) -> Option<Subject> {
    Some(Subject { verb, instance: Some(choice.instance.clone()) })
}

/// The subject of a command; `None` if it only looks.
pub(super) fn of(verb: &Verb) -> Option<Subject> {
    match verb {
        Verb::Create(options) if !options.dry_run.dry_run => chosen("create", &options.choice),
        Verb::Start(options) if !options.dry_run.dry_run => chosen("start", &options.choice),
        Verb::Stop(options) if !options.dry_run.dry_run => chosen("stop", &options.choice),
        Verb::Restart(options) if !options.dry_run.dry_run => chosen("restart", &options.choice),
        Verb::Set(options) if !options.dry_run.dry_run => chosen("set", &options.choice),
        Verb::Upgrade(options) if !options.dry_run.dry_run && !options.all => chosen("upgrade", &options.choice),
        Verb::Rollback(options) if !options.dry_run.dry_run => chosen("rollback", &options.choice),
        Verb::Ingest(options) if !options.dry_run.dry_run => named("ingest", &options.choice),
        Verb::Reingest(options) if !options.dry_run.dry_run => chosen("reingest", &options.choice),
        Verb::Backup(options) if options.verb.is_none() && !options.dry_run.dry_run => {
            chosen("backup", &options.choice)
        }
        Verb::Restore(options) if !options.dry_run.dry_run => {
            Some(Subject { verb: "restore", instance: options.instance.clone() })
        }
        Verb::Maintain(options) if !options.dry_run.dry_run => chosen("maintain", &options.choice),
        Verb::Jobs(options) => match &options.verb {
            Some(JobsVerb::Cancel(options)) => named("jobs cancel", &options.choice),
            Some(JobsVerb::Retry(options)) => named("jobs retry", &options.choice),
            None => None,
        },
        Verb::Breakers(options) => match &options.verb {
            Some(BreakersVerb::Reset(options)) => chosen("breakers reset", &options.choice),
            None => None,
        },
        Verb::Secret(options) => match &options.verb {
            SecretVerb::Set(options) => named("secret set", &options.choice),
            SecretVerb::Remove(options) => named("secret remove", &options.choice),
            SecretVerb::RotateKey(choice) => named("secret rotate-key", choice),
            SecretVerb::List(_) => None,
        },
        Verb::Teardown(options) if !options.dry_run.dry_run => chosen("teardown", &options.choice),
        Verb::Purge(options) if !options.dry_run.dry_run => chosen("purge", &options.choice),
        Verb::Reconcile(options) if !options.dry_run.dry_run && !options.all => chosen("reconcile", &options.choice),
        // All that it mends is what other commands wished for, and they told of that.
        Verb::Reconcile(_) => None,
        Verb::Upgrade(_) | Verb::Rollback(_) => None,
        Verb::Create(_) | Verb::Start(_) | Verb::Stop(_) | Verb::Restart(_) | Verb::Set(_) | Verb::Ingest(_) => None,
        Verb::Reingest(_) | Verb::Backup(_) | Verb::Restore(_) | Verb::Maintain(_) | Verb::Teardown(_) => None,
        // What it runs is not ours, and so are its changes.
        Verb::Exec(_) => None,
        Verb::Status(_) | Verb::List | Verb::Open(_) | Verb::Token(_) | Verb::Logs(_) | Verb::Config(_) => None,
        Verb::Purge(_) | Verb::Inspect(_) | Verb::Render(_) | Verb::Validate(_) | Verb::Supervise(_) => None,
    }
}
