//! Which engine an instance gets, and which release it runs, with the reason in words. It starts and changes nothing.

use std::path::{Path, PathBuf};

use ytorch_core::{ExitCode, Problem};

use super::systemd::{generator, manager::Manager, names::fit_for_units};
use crate::{
    image::TARGET_LABEL,
    plan::Action,
    podman::{Podman, PodmanError, PodmanVersion},
    programs,
    server_program::ServerProgram,
    spec::{EngineName, ReleaseId},
};

/// The first Podman whose quadlets can be templates and need not wait for the network.
const TEMPLATES: PodmanVersion = PodmanVersion(5, 3, 0);

/// The first Podman that is known to hand sockets and readiness through.
const OLDEST: PodmanVersion = PodmanVersion(4, 3, 0);

/// What of a machine decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The systemd that would run the units, or why there is none.
    pub systemd: Result<(), String>,
    /// Podman's version, or why there is none.
    pub podman: Result<PodmanVersion, String>,
    /// Whether Podman's generator is installed.
    pub generator: bool,
    /// Whether there is an image of the server.
    pub image: bool,
}

impl Facts {
    /// Looks at this machine.
    pub(crate) fn of_this_machine(root: &Path) -> Self {
        let why = |problem: Problem| {
            problem.detail.map_or(problem.what.clone(), |detail| format!("{}: {detail}", problem.what))
        };
        let podman = Podman::of_this_machine();
        let image = podman.as_ref().is_ok_and(|podman| newest_image(podman).is_ok_and(|image| image.is_some()));
        Self {
            systemd: Manager::of_this_user().reachable().and_then(|()| fit_for_units(root).map(drop)).map_err(why),
            podman: podman.and_then(|podman| podman.version()).map_err(|error| error.to_string()),
            generator: generator::find().is_some(),
            image,
        }
    }

    /// Whether an engine works here, or why not.
    pub(crate) fn fits(&self, engine: EngineName) -> Result<(), String> {
        let podman = |least: PodmanVersion| match &self.podman {
            Ok(version) if *version >= least => Ok(()),
            Ok(version) => Err(format!("Podman {version} is older than {least}")),
            Err(why) => Err(why.clone()),
        };
        match engine {
            EngineName::Quadlet => {
                podman(TEMPLATES)?;
                self.systemd.clone()?;
                if self.generator { Ok(()) } else { Err("Podman's quadlet generator is not installed".to_owned()) }
            }
            EngineName::Podman => podman(OLDEST),
            EngineName::Native => self.systemd.clone(),
            EngineName::Process => Ok(()),
        }
    }

    /// The best engine that works here, and why it is that one.
    pub(crate) fn best(&self) -> (EngineName, String) {
        let mut reasons = Vec::new();
        for engine in [EngineName::Quadlet, EngineName::Podman, EngineName::Native] {
            match self.fits(engine) {
                Ok(()) if engine.is_container() && !self.image => {
                    reasons.push(format!("{engine}: there is no image (ytorch image build)"));
                }
                Ok(()) => return (engine, reasons.join("; ")),
                Err(why) => reasons.push(format!("{engine}: {why}")),
            }
        }
        (EngineName::Process, reasons.join("; "))
    }
}

/// The ID of the newest image of the server on this machine.
pub(crate) fn newest_image(podman: &Podman) -> Result<Option<ReleaseId>, PodmanError> {
    let filter = format!("label={TARGET_LABEL}");
    // Not `image::all`, which also has the layers that a build left on its way.
    let told = podman.json(["images", "--filter", &filter, "--no-trunc", "--format", "json"])?;
    let newest = told.as_array().into_iter().flatten().max_by_key(|image| image["Created"].as_i64());
    Ok(newest.and_then(|image| image["Id"].as_str()?.parse().ok()))
}

/// The release that a person named, or the newest there is; `None` is the program beside `ytorch`, for `process` alone.
///
/// # Errors
/// If there is no such image or program.
pub(crate) fn release(engine: EngineName, named: Option<&str>, root: &Path) -> Result<Chosen, Problem> {
    if engine.is_container() {
        return image(named).map(Chosen::Image);
    }
    match named {
        Some(text) => {
            let kept = text.parse().ok().map(|release| programs::place(root, &release)).filter(|place| place.is_file());
            Ok(Chosen::Program(kept.unwrap_or_else(|| PathBuf::from(text))))
        }
        None if engine == EngineName::Process => Ok(Chosen::Beside),
        None => {
            let program = ServerProgram::of_this_machine()?;
            Ok(Chosen::Program(program.path().to_owned()))
        }
    }
}

/// What an instance shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// An image that Podman has.
    Image(ReleaseId),
    /// A program that is to be kept.
    Program(PathBuf),
    /// The program beside `ytorch`, whatever version it has.
    Beside,
}

impl Chosen {
    /// What a spec calls it, and what has to be done to have it.
    pub(crate) fn release(self, root: &Path) -> Result<(Option<ReleaseId>, Vec<Action>), Problem> {
        match self {
            Self::Image(release) => Ok((Some(release), Vec::new())),
            Self::Program(program) => {
                let release = programs::release_of(&program)?;
                let keep = Action::KeepProgram { root: root.to_owned(), release: release.clone(), program };
                Ok((Some(release), vec![keep]))
            }
            Self::Beside => Ok((None, Vec::new())),
        }
    }
}

fn image(named: Option<&str>) -> Result<ReleaseId, Problem> {
    let podman = Podman::of_this_machine()?;
    let Some(named) = named else {
        return newest_image(&podman)?.ok_or_else(|| {
            Problem::new(ExitCode::NotFound, "there is no image of the server on this machine")
                .hint("make one: ytorch image build; or load one: ytorch image load FILE")
        });
    };
    let plain = named.strip_prefix("sha256:").unwrap_or(named);
    // Not by a template: Podman looks for the fields of one in other places than those of another.
    let told = podman.json(["image", "inspect", "--", plain])?;
    let id = told[0]["Id"].as_str().unwrap_or_default();
    id.parse().map_err(|error: String| Problem::new(ExitCode::Failure, "Podman names an image strangely").detail(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts { systemd: Ok(()), podman: Ok(PodmanVersion(5, 4, 2)), generator: true, image: true }
    }

    #[test]
    fn the_best_engine_that_works_is_taken_and_the_others_say_why_not() {
        let nothing = || "nothing".to_owned();
        let old = Ok(PodmanVersion(4, 9, 3));
        let cases = [
            (facts(), EngineName::Quadlet, ""),
            (Facts { podman: old.clone(), ..facts() }, EngineName::Podman, "quadlet: Podman 4.9.3 is older than 5.3.0"),
            (Facts { systemd: Err(nothing()), ..facts() }, EngineName::Podman, "quadlet: nothing"),
            (Facts { podman: Err(nothing()), ..facts() }, EngineName::Native, "quadlet: nothing; podman: nothing"),
            (
                Facts { image: false, podman: old, ..facts() },
                EngineName::Native,
                "quadlet: Podman 4.9.3 is older than 5.3.0; podman: there is no image (ytorch image build)",
            ),
            (
                Facts { podman: Err(nothing()), systemd: Err("no systemd".to_owned()), ..facts() },
                EngineName::Process,
                "quadlet: nothing; podman: nothing; native: no systemd",
            ),
        ];
        for (facts, engine, why) in cases {
            assert_eq!(facts.best(), (engine, why.to_owned()), "{facts:?}");
        }
    }

    #[test]
    fn a_missing_generator_leaves_plain_units() {
        assert_eq!(Facts { generator: false, ..facts() }.best().0, EngineName::Podman);
    }
}
