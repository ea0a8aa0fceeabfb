//! `ytorch declare`: an instance becomes what a file says of it, whatever it was. It deletes no data, and no other instance
//! is its matter.

use std::fs;

use serde_json::json;
use ytorch_core::{
    ExitCode, InstanceFolders, Problem,
    files::{Access, create_private_folder, write_atomically},
};

use super::{Context, carry_out, create, image, reconcile, server_program, server_program_of, set, teardown, upgrade};
use crate::{
    apply::apply_file,
    command_line::{Choice, Create, Declare, DryRun, EngineWish},
    declaration::Declaration,
    engine::choice::{self, Chosen},
    output::Answer,
    plan::{self, Action},
    podman::Podman,
    programs,
    root::Place,
    server_program::ServerProgram,
    spec::{Desired, EngineName, ReleaseId, Spec},
};

/// Makes an instance what its file says.
pub(super) fn declare(context: &Context, options: &Declare) -> Result<Answer, Problem> {
    let declared = Declaration::read(&options.file)?;
    let name = &declared.name;
    let folders = context.root.folders(name);
    let settings = declared.settings_text().map_err(|why| Problem::new(ExitCode::Usage, why))?;
    let release = Release::of(context, &declared)?;
    let is_same = |spec: &Spec| spec.release.as_ref() == Some(&release.id) && has_settings(&folders, &settings);
    if !matches!(context.root.place(name)?, Place::Instance(spec) if is_same(&spec)) {
        try_settings(context, &declared, &settings, &release.program)?;
    }
    let created = make(context, &declared, &release)?;
    let before = context.root.instance(name)?;
    let is_other = before.release.as_ref() != Some(&release.id);
    // Settings and release may change together, and then the program that runs may not know the new settings.
    let knows = |old: ServerProgram| try_settings(context, &declared, &settings, &old);
    let at_once =
        !is_other || has_settings(&folders, &settings) || server_program_of(&folders, &before).and_then(knows).is_ok();
    let written = write(context, &declared, at_once.then_some(&*settings))?;
    let upgraded = is_other && upgrade::to(context, name, &release.named)?;
    if !at_once {
        write(context, &declared, Some(&settings))?;
    }
    let mended = !reconcile::one(context, name, false)?.is_empty();
    let changed = created || written || upgraded || mended;
    let spec = context.root.instance(name)?;
    let text = if changed {
        format!("`{name}` is as declared, at {}", spec.url())
    } else {
        format!("`{name}` is as declared already, at {}", spec.url())
    };
    let json = json!({
        "instance": name, "created": created, "upgraded": upgraded, "changed": changed, "port": spec.port,
        "url": spec.url(), "engine": spec.engine, "release": spec.release,
    });
    Ok(Answer::done(text, json))
}

/// What is to be run.
struct Release {
    id: ReleaseId,
    /// As `create` and `upgrade` understand it.
    named: String,
    program: ServerProgram,
}

impl Release {
    /// The declared one; an image is loaded for that.
    fn of(context: &Context, declared: &Declaration) -> Result<Self, Problem> {
        if declared.engine.is_container() {
            let podman = Podman::of_this_machine()?;
            let id = match &declared.image {
                Some(file) => image::load::loaded(&podman, file)?.release,
                None => present(context, declared)?,
            };
            return Ok(Self {
                id: id.clone(),
                named: id.to_string(),
                program: ServerProgram::Image { podman, release: id },
            });
        }
        let program = match &declared.program {
            Some(program) => super::absolute(program)?,
            None => server_program()?.path().to_owned(),
        };
        let named = program.display().to_string();
        Ok(Self { id: programs::release_of(&program)?, named, program: ServerProgram::Host(program) })
    }
}

/// Where no image is declared, an instance keeps the one that it has, and a new one gets the newest.
fn present(context: &Context, declared: &Declaration) -> Result<ReleaseId, Problem> {
    if let Place::Instance(Spec { release: Some(release), engine, .. }) = context.root.place(&declared.name)?
        && engine.is_container()
    {
        return Ok(release);
    }
    match choice::release(declared.engine, None, context.root.path())? {
        Chosen::Image(release) => Ok(release),
        Chosen::Program(_) | Chosen::Beside => Err(Problem::new(ExitCode::Failure, "a container runs an image")),
    }
}

/// Makes the instance, not started, unless it is there. Another engine is another deployment with the same data.
fn make(context: &Context, declared: &Declaration, release: &Release) -> Result<bool, Problem> {
    if let Place::Instance(spec) = context.root.place(&declared.name)? {
        if spec.engine == declared.engine && spec.desired != Desired::Removed {
            return Ok(false);
        }
        let _lock = context.root.lock("declare")?;
        teardown::finish(context, &declared.name, &spec)?;
    }
    let options = Create {
        choice: Choice { name: Some(declared.name.to_string()), instance: None },
        port: Some(declared.port.get()),
        bind: declared.bind,
        engine: match declared.engine {
            EngineName::Quadlet => EngineWish::Quadlet,
            EngineName::Podman => EngineWish::Podman,
            EngineName::Native => EngineWish::Native,
            EngineName::Process => EngineWish::Process,
        },
        release: Some(release.named.clone()),
        on_demand: false,
        from_backup: None,
        time_zone: None,
        no_start: true,
        dry_run: DryRun { dry_run: false },
    };
    create::create(context, &options).map(|_| true)
}

/// Writes the declared spec and, if they are given, the settings; whether anything differed. The spec goes first: what runs
/// for an older generation is started anew, however often this is interrupted.
fn write(context: &Context, declared: &Declaration, settings: Option<&str>) -> Result<bool, Problem> {
    let name = &declared.name;
    let folders = context.root.folders(name);
    // Under this lock nobody else chooses a port.
    let _root = context.root.lock("declare")?;
    let _lock = context.root.lock_instance(name, "declare")?;
    let old = upgrade::settle(context, context.root.instance(name)?)?;
    let mut new = set::checked(context, &old, declared.wanted(&old)?)?;
    let other = settings.filter(|text| !has_settings(&folders, text));
    if other.is_some() && new.generation == old.generation {
        new.generation += 1;
    }
    let mut actions = plan::edit(&folders, &old, &new);
    actions
        .extend(other.map(|text| Action::ReplaceSettings { path: folders.server_settings(), text: text.to_owned() }));
    carry_out(&folders, &new, &actions)?;
    Ok(!actions.is_empty())
}

fn has_settings(folders: &InstanceFolders, text: &str) -> bool {
    fs::read_to_string(folders.server_settings()).is_ok_and(|found| found == text)
}

/// Lets a server program read the settings before an instance has them.
fn try_settings(context: &Context, declared: &Declaration, text: &str, program: &ServerProgram) -> Result<(), Problem> {
    // Whoever sweeps what interrupted commands left has this lock.
    let _root = context.root.lock("declare")?;
    let staging = context.root.staging(&declared.name);
    // The server wants a folder with a name that an instance can have, and the sweep one that holds what staging does.
    let folders = InstanceFolders::new(staging.config());
    let spec = Spec::new(declared.name.clone(), declared.engine, declared.bind, declared.port.get());
    let path = folders.server_settings();
    let written = create_private_folder(&folders.config())
        .and_then(|()| write_atomically(&path, text.as_bytes(), Access::Shared))
        .map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not write `{}`", path.display())).because(&error)
        });
    let read = written.and_then(|()| program.settings(&folders, &spec)).map(drop);
    let swept = apply_file(&Action::Sweep { path: staging.root().to_owned() });
    read.map_err(|problem| {
        let what = format!("the server of `{}` does not accept the declared settings", declared.name);
        Problem::new(problem.code, what)
            .detail(problem.detail.unwrap_or(problem.what))
            .hint("correct them; nothing was changed")
    })?;
    swept
}
