//! `ytorch create`: an instance comes into being whole or not at all. It never touches a folder that is not ours.

mod from_backup;

use serde_json::json;
use ytorch_core::{ExitCode, InstanceFolders, InstanceName, Problem, Zone};

use super::{Context, arrival, carry_out, chosen, running, would_do};
use crate::{
    command_line::{Create, EngineWish},
    engine::choice::{self, Facts},
    output::Answer,
    plan::{self, Action},
    ports,
    root::Place,
    size,
    spec::{Desired, EngineName, ReleaseId, Spec},
};

/// Makes an instance and, unless told otherwise, starts it.
pub(super) fn create(context: &Context, options: &Create) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    if let Some(file) = &options.from_backup {
        return from_backup::create(context, &name, options, file);
    }
    let zone = options
        .time_zone
        .as_deref()
        .map(Zone::named)
        .transpose()
        .map_err(|error| Problem::new(ExitCode::Usage, "the time zone is not known").because(&error))?;
    if options.dry_run.dry_run {
        let making = Making::of(context, &name, options, zone.as_ref())?;
        let mut actions = making.actions;
        if !options.no_start {
            actions.push(Action::Engine(crate::engine::Step::Start));
        }
        return Ok(would_do(&name, &actions));
    }
    let lock = context.root.lock("create")?;
    if let Place::Instance(spec) = context.root.place(&name)?
        && spec.desired == Desired::Removed
    {
        super::teardown::finish(context, &name, &spec)?;
    }
    let making = Making::of(context, &name, options, zone.as_ref())?;
    let folders = context.root.folders(&name);
    carry_out(&folders, &making.spec, &making.actions)?;
    super::timers::settle(context)?;
    drop(lock);
    if !making.spec.bind.is_loopback() {
        context.output.note(&format!("note: other machines can reach this instance on {}", making.spec.bind));
    }
    let started = if options.no_start { None } else { Some(running::bring_up(context, &name, &making.spec)?) };
    Ok(answer(&folders, &making, started.is_some()))
}

/// What `create` is about to make.
struct Making {
    spec: Spec,
    actions: Vec<Action>,
    adopted: bool,
    /// Why a better engine was not taken.
    why: String,
}

impl Making {
    fn of(context: &Context, name: &InstanceName, options: &Create, zone: Option<&Zone>) -> Result<Self, Problem> {
        let folders = context.root.folders(name);
        let kept = match context.root.place(name)? {
            Place::Absent => None,
            Place::Removed(spec) => Some(spec),
            Place::Instance(spec) if spec.desired == Desired::Removed => Some(spec),
            Place::Instance(spec) => return Err(exists(&spec)),
            Place::Foreign => return Err(context.root.foreign(name)),
        };
        if kept.is_some() && zone.is_some() {
            return Err(Problem::new(ExitCode::Usage, "this instance has kept its settings, with their time zone")
                .hint(format!("leave out --time-zone and edit {}", folders.server_settings().display())));
        }
        let others: Vec<Spec> = context.root.specs()?.into_iter().filter(|spec| spec.name != *name).collect();
        let preferred = kept.as_ref().map(|spec| spec.port);
        let is_free = |port| ports::can_bind(options.bind, port);
        let chosen = ChosenEngine::of(context, options)?;
        let port = ports::allocate(&others, options.port, preferred, is_free)?;
        let spec = Spec {
            generation: kept.as_ref().map_or(1, |spec| spec.generation + 1),
            desired: desired(options),
            release: chosen.release,
            ..Spec::new(name.clone(), chosen.name, options.bind, port)
        };
        let mut actions = chosen.actions;
        actions.extend(if kept.is_some() {
            plan::adopt(&folders, &spec, folders.token().is_file())
        } else {
            let leftovers = context.root.leftovers();
            plan::create(leftovers, &context.root.staging(name), &folders, &spec, zone.map(Zone::name))
        });
        Ok(Self { spec, actions, adopted: kept.is_some(), why: chosen.why })
    }
}

fn desired(options: &Create) -> Desired {
    match (options.no_start, options.on_demand) {
        (true, _) => Desired::Stopped,
        (false, true) => Desired::OnDemand,
        (false, false) => Desired::Running,
    }
}

/// The engine and the release of a new instance.
struct ChosenEngine {
    name: EngineName,
    /// Why none of the better ones.
    why: String,
    release: Option<ReleaseId>,
    /// What has to be done to have it.
    actions: Vec<Action>,
}

impl ChosenEngine {
    fn of(context: &Context, options: &Create) -> Result<Self, Problem> {
        let root = context.root.path();
        let (name, why) = match options.engine {
            EngineWish::Auto => Facts::of_this_machine(root).best(),
            EngineWish::Quadlet => (EngineName::Quadlet, String::new()),
            EngineWish::Podman => (EngineName::Podman, String::new()),
            EngineWish::Native => (EngineName::Native, String::new()),
            EngineWish::Process => (EngineName::Process, String::new()),
        };
        let facts =
            (options.engine != EngineWish::Auto && name != EngineName::Process).then(|| Facts::of_this_machine(root));
        if let Some(Err(reason)) = facts.map(|facts| facts.fits(name)) {
            return Err(Problem::new(ExitCode::Unfit, format!("the engine `{name}` does not work here"))
                .detail(reason)
                .hint("`ytorch validate` says which engines work; `--engine auto` takes the best of them"));
        }
        if options.on_demand && name == EngineName::Process {
            return Err(Problem::new(ExitCode::Unfit, "the engine `process` cannot start a server on demand")
                .detail("somebody has to hold the port meanwhile, which systemd does")
                .hint("leave out --on-demand, or use another engine: `ytorch validate` says which work"));
        }
        let (release, actions) = choice::release(name, options.release.as_deref(), root)?.release(root)?;
        Ok(Self { name, why, release, actions })
    }
}

fn exists(spec: &Spec) -> Problem {
    Problem::new(ExitCode::Refused, format!("the instance `{name}` exists already", name = spec.name))
        .detail(format!("it has port {}", spec.port))
        .hint(format!("start it with `ytorch start {name}`, open it with `ytorch open {name}`", name = spec.name))
}

fn answer(folders: &InstanceFolders, making: &Making, started: bool) -> Answer {
    let Making { spec, actions, adopted, why } = making;
    let name = &spec.name;
    let mut lines = vec![format!("created `{name}` on port {} in {}", spec.port, folders.root().display())];
    if *adopted {
        let size = size::in_words(size::folder_bytes(&folders.data()));
        lines.push(format!("it has its kept data ({size}), settings and token again"));
    }
    let instead = if why.is_empty() { String::new() } else { format!(" ({why})") };
    lines.push(format!("engine {}{instead}", spec.engine));
    lines.push(arrival::next_step(spec, started));
    let json = json!({
        "instance": name, "created": true, "adopted": adopted, "started": started, "port": spec.port,
        "url": spec.url(), "folder": folders.root(), "engine": spec.engine, "engine_reason": why, "release": spec.release,
        "actions": actions,
    });
    Answer::done(lines.join("\n"), json)
}
