//! The verbs, one per file, and what they share. It does not print: verbs return answers.

mod adopt;
mod arrival;
mod backup;
mod breakers;
mod clone;
mod completions;
mod config;
mod create;
mod declare;
mod exec;
mod export;
mod image;
mod import;
mod ingest;
mod inspect;
mod instance_log;
mod jobs;
mod listing;
mod live;
mod maintain;
mod man;
mod open;
mod reconcile;
mod reingest;
mod render;
mod restore;
mod rollback;
mod running;
mod secret;
mod set;
mod share;
mod teardown;
mod timers;
mod upgrade;
mod validate;
mod version;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde_json::{Value, json};
use ytorch_core::{Clock, ExitCode, InstanceFolders, InstanceName, Problem, Secret};

use crate::{
    apply::{Machine, apply_all},
    audit::{self, Audit},
    command_line::{Choice, CommandLine, Verb},
    engine::{
        Engine,
        detached::Detached,
        process::{Process, supervisor::supervise},
        systemd::{Systemd, manager::Manager, names::Kind},
    },
    output::{Answer, Output},
    plan::Action,
    root::Root,
    server_program::ServerProgram,
    spec::{EngineName, Spec},
};

/// What every verb works with.
pub(crate) struct Context {
    /// The folder of all instances.
    pub root: Root,
    /// Where words go.
    pub output: Output,
    /// The clock.
    pub clock: Clock,
}

/// Does what the command line says.
pub(crate) fn run(command_line: CommandLine, output: Output, arguments: &[OsString]) -> Result<Answer, Problem> {
    let CommandLine { common, verb } = command_line;
    match &verb {
        // Who packs ytorch has no home and no instances.
        Verb::Completions(options) => return Ok(completions::completions(options)),
        Verb::Man(options) => return man::man(options),
        Verb::Version(options) => return Ok(version::version(options)),
        _ => {}
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    let root = Root::choose(common.root, home.as_deref())?;
    let context = Context { root, output, clock: Clock::system() };
    let audit = Audit::begin(&verb, arguments, &context.clock);
    let result = dispatch(&context, verb);
    if let Some(failure) = audit.and_then(|audit| audit.end(&context.root, &result)) {
        context.output.note(&format!("note: {failure}"));
    }
    result
}

fn dispatch(context: &Context, verb: Verb) -> Result<Answer, Problem> {
    match verb {
        Verb::Create(options) => create::create(context, &options),
        Verb::Start(options) => running::start(context, &options),
        Verb::Stop(options) => running::stop(context, &options),
        Verb::Restart(options) => running::restart(context, &options),
        Verb::Set(options) => set::set(context, &options),
        Verb::Declare(options) => declare::declare(context, &options),
        Verb::Upgrade(options) => upgrade::upgrade(context, &options),
        Verb::Rollback(options) => rollback::rollback(context, &options),
        Verb::Status(choice) => listing::status(context, &choice),
        Verb::List => listing::list(context),
        Verb::Inspect(choice) => inspect::inspect(context, &choice),
        Verb::Open(options) => open::open(context, &options),
        Verb::Share(options) => share::share(context, &options),
        Verb::Token(choice) => token(context, &choice),
        Verb::Logs(options) => instance_log::logs(context, &options),
        Verb::Ingest(options) => ingest::ingest(context, &options),
        Verb::Reingest(options) => reingest::reingest(context, &options),
        Verb::Backup(options) => backup::backup(context, &options),
        Verb::Restore(options) => restore::restore(context, &options),
        Verb::Clone(options) => clone::clone(context, &options),
        Verb::Export(options) => export::export(context, options),
        Verb::Import(options) => import::import(context, &options),
        Verb::Adopt(options) => adopt::adopt(context, &options),
        Verb::Maintain(options) => maintain::maintain(context, &options),
        Verb::Jobs(options) => jobs::jobs(context, &options),
        Verb::Breakers(options) => breakers::breakers(context, &options),
        Verb::Secret(options) => secret::secret(context, &options),
        Verb::Config(choice) => config::config(context, &choice),
        Verb::Validate(choice) => validate::validate(context, &choice),
        Verb::Teardown(options) => teardown::teardown(context, &options),
        Verb::Purge(options) => teardown::teardown(context, &options.into()),
        Verb::Exec(options) => exec::exec(context, &options),
        Verb::Completions(options) => Ok(completions::completions(&options)),
        Verb::Man(options) => man::man(&options),
        Verb::Version(options) => Ok(version::version(&options)),
        Verb::Names => listing::names(context),
        Verb::Reconcile(options) => reconcile::reconcile(context, &options),
        Verb::Render(options) => render::render(context, &options),
        Verb::Timers(options) => timers::timers(context, &options),
        Verb::Image(options) => image::image(context, &options),
        Verb::Supervise(options) => supervise(&options, &context.clock).map(|()| Answer::done("", Value::Null)),
    }
}

/// The instance that a verb is about, by its position or its option.
pub(crate) fn chosen(choice: &Choice) -> Result<InstanceName, Problem> {
    match (&choice.name, &choice.instance) {
        (Some(name), Some(option)) if name != option => {
            Err(Problem::new(ExitCode::Usage, format!("two instances are named: `{name}` and `{option}`"))
                .hint("name one of them"))
        }
        (Some(name), _) | (None, Some(name)) => parse_name(name),
        (None, None) => Ok(InstanceName::default()),
    }
}

/// A name as a person typed it.
pub(crate) fn parse_name(text: &str) -> Result<InstanceName, Problem> {
    text.parse().map_err(|error| {
        Problem::new(ExitCode::Usage, "this cannot be the name of an instance")
            .because(&error)
            .hint("a name is also a folder and a host name: for example `default`, `friend`, `family-2026`")
    })
}

/// The engine that a spec names, for an instance in this folder.
pub(crate) fn engine(folders: &InstanceFolders, name: EngineName) -> Box<dyn Engine> {
    let root = folders.root().parent().unwrap_or(folders.root());
    match name {
        EngineName::Process => Box::new(Process::new(folders, server_program())),
        EngineName::Quadlet => Box::new(Systemd::new(Kind::Quadlet, root)),
        EngineName::Podman if !has_systemd() => Box::new(Detached::new(root)),
        EngineName::Podman => Box::new(Systemd::new(Kind::Podman, root)),
        EngineName::Native => Box::new(Systemd::new(Kind::Native, root)),
    }
}

/// Whether there is a systemd for us; it is asked once per command.
fn has_systemd() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| Manager::of_this_user().reachable().is_ok())
}

/// The server program of this machine.
pub(crate) fn server_program() -> Result<ServerProgram, Problem> {
    ServerProgram::of_this_machine()
}

/// The server program of an instance, which is that of its release.
pub(crate) fn server_program_of(folders: &InstanceFolders, spec: &Spec) -> Result<ServerProgram, Problem> {
    ServerProgram::of(folders, spec, server_program)
}

/// A server program for what belongs to no instance: that of this machine, else that of the newest image.
pub(crate) fn any_server_program() -> Result<ServerProgram, Problem> {
    server_program().or_else(|problem| ServerProgram::of_newest_image().ok_or(problem))
}

/// A path that means the same in every folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path)
        .map_err(|error| Problem::new(ExitCode::Usage, format!("could not find `{}`", path.display())).because(&error))
}

/// The token that opens an instance.
pub(crate) fn read_token(folders: &InstanceFolders) -> Result<Secret, Problem> {
    let path = folders.token();
    Secret::read(&path).map_err(|error| {
        Problem::new(ExitCode::Unfit, format!("could not read the token `{}`", path.display()))
            .because(&error)
            .hint("if it is lost, delete the file and restart the instance: the server makes a new one")
    })
}

/// Says which files were changed by hand and are therefore left alone.
pub(crate) fn note_kept_by_hand(context: &Context, folders: &InstanceFolders, spec: &Spec) {
    for path in engine(folders, spec.engine).kept_by_hand(folders, spec) {
        let path = path.display();
        context
            .output
            .note(&format!("note: {path} was changed by hand and is left alone; delete it to get ytorch's own"));
    }
}

/// Does the actions on this machine.
pub(crate) fn carry_out(folders: &InstanceFolders, spec: &Spec, actions: &[Action]) -> Result<(), Problem> {
    audit::about_to(actions);
    let engine = engine(folders, spec.engine);
    apply_all(&mut Machine { engine: &*engine, folders, spec }, actions)
}

/// The answer of `--dry-run`.
pub(crate) fn would_do(name: &InstanceName, actions: &[Action]) -> Answer {
    let lines: Vec<String> = actions.iter().map(|action| format!("would {action}")).collect();
    let text = if lines.is_empty() { "nothing to do".to_owned() } else { lines.join("\n") };
    Answer::shown(text, json!({ "instance": name, "dry_run": true, "actions": actions }))
}

/// Says what will be mended: a left-over process id is worth a word, because it looks like a running server.
pub(crate) fn note_stale(context: &Context, actions: &[Action]) {
    for action in actions {
        if let Action::Engine(
            step @ (crate::engine::Step::ClearStale { .. } | crate::engine::Step::StopOrphan { .. }),
        ) = action
        {
            context.output.note(&format!("note: {step}"));
        }
    }
}

fn token(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    context.root.present(&name)?;
    let token = read_token(&context.root.folders(&name))?;
    Ok(Answer::shown(token.reveal(), json!({ "instance": name, "token": token.reveal() })))
}
