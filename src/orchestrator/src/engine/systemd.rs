//! The engines that let systemd hold the port and run the server: `quadlet`, `podman` and `native`. It decides nothing;
//! `plan` does, and `text` says what is written.

mod generations;
pub(crate) mod generator;
pub(crate) mod manager;
pub(crate) mod names;
mod plan;
pub(crate) mod text;
pub(crate) mod timers;
mod units;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ytorch_core::{ExitCode, InstanceFolders, Problem, Zone};

use crate::{
    engine::{
        Activity, Engine, Observed, Step, busy_alone,
        derived::{DerivedFile, Found, is_ours_at},
        missing_folders,
    },
    outside,
    plan::Action,
    podman::{Podman, Refusal, pause},
    ports,
    spec::{Desired, Spec},
    tail::last_lines,
};

use generations::Generations;
use manager::{Manager, Properties};
use names::{Kind, Names, fit_for_units};
use plan::{Disk, Wanted};
use text::Setting;
use units::{Life, PROPERTIES};

pub(crate) use units::Units;

/// How many lines of the journal are looked at for the reason of a failure.
const JOURNAL_LINES: usize = 30;

/// How long systemd is waited for when it starts a server. One that cannot start says why at once; one that takes longer
/// is waited for by whoever wants it to be ready, who knows for how long.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server that has not come up yet may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// Runs servers as services of systemd behind sockets of systemd.
pub(crate) struct Systemd {
    manager: Manager,
    names: Names,
    root: PathBuf,
}

impl Systemd {
    /// The engine for the instances of a root folder.
    pub(crate) fn new(kind: Kind, root: &Path) -> Self {
        let manager = Manager::of_this_user();
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let names = Names::new(kind, root, home.as_deref(), &manager);
        Self { manager, names, root: root.to_owned() }
    }

    /// What the units are called.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// The files of an instance: those that all share, and its own.
    ///
    /// # Errors
    /// If the path of the root folder cannot stand in a unit.
    fn rendered(
        &self,
        folders: &InstanceFolders,
        spec: &Spec,
    ) -> Result<(Vec<DerivedFile>, Vec<DerivedFile>), Problem> {
        let podman = Podman::of_this_machine()
            .map_or("/usr/bin/podman".to_owned(), |podman| podman.path().display().to_string());
        let zone = Zone::system();
        let setting = Setting {
            names: &self.names,
            root: fit_for_units(&self.root)?,
            scope: self.manager.scope(),
            podman: &podman,
            time_zone: zone.name(),
        };
        let own = text::own(&setting, spec, folders, outside::is_wanted(folders, spec));
        Ok((text::shared(&setting).into(), own))
    }

    fn show(&self, spec: &Spec) -> Result<(Units, Properties), Problem> {
        let (socket, service) = (self.names.socket(&spec.name), self.names.service(&spec.name));
        let mut shown = self.manager.show(&[&socket, &service], &PROPERTIES)?;
        let units = Units::of(shown.get(&socket), shown.get(&service));
        let units = Generations::of(self.names.kind()).complete(units, &service);
        Ok((units, shown.remove(&service).unwrap_or_default()))
    }

    /// What many units are like. Of those that are idle or do nothing, that is all there is to know.
    fn show_all(&self, mut units: Vec<&str>) -> BTreeMap<String, Properties> {
        let listed = self.manager.list(&format!("{}@*", self.names.base()));
        let is_simple = |unit: &str| {
            let Some(listed) = &listed else { return false };
            let state = listed.get(unit).map(String::as_str);
            matches!(state, None | Some("inactive")) || (unit.ends_with(".socket") && state == Some("active"))
        };
        units.retain(|unit| !is_simple(unit));
        let mut shown =
            if units.is_empty() { BTreeMap::new() } else { self.manager.show(&units, &PROPERTIES).unwrap_or_default() };
        for (unit, state) in listed.unwrap_or_default() {
            shown.entry(unit).or_insert_with(|| Properties::from([("ActiveState".to_owned(), state)]));
        }
        shown
    }

    fn disk(&self, folders: &InstanceFolders, spec: &Spec) -> Result<Disk, Problem> {
        let (shared, own) = self.rendered(folders, spec)?;
        let find = |files: Vec<DerivedFile>| files.into_iter().map(|file| (file.clone(), file.find())).collect();
        let (socket, service) = (self.names.socket(&spec.name), self.names.service(&spec.name));
        let possible = [self.names.drop_in(&service)];
        let is_surplus = |path: &PathBuf| !own.iter().any(|file| file.path == *path) && is_ours_at(path);
        let surplus = possible.into_iter().filter(is_surplus).collect();
        let socket_to = self.names.socket_file();
        // The service of a quadlet has no file there; systemd only looks at the link's name.
        let service_to = socket_to.with_file_name(format!("{}@.service", self.names.base()));
        Ok(Disk {
            shared: find(shared),
            own: find(own),
            surplus,
            folders: missing_folders(folders),
            socket_link: wanted(self.names.wanted_by("sockets.target", &socket), socket_to),
            service_link: wanted(self.names.wanted_by(self.manager.usual_target(), &service), service_to),
        })
    }

    /// Starts or restarts a unit; what it said is the reason if it does not come up.
    fn bring_up(&self, order: &str, unit: &str, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
        let Err(mut problem) = self.manager.order_within(&[order, "--", unit], PATIENCE) else { return Ok(()) };
        let mut words = self.last_words(folders, spec);
        if self.is_mended(&words) {
            match self.manager.order_within(&[order, "--", unit], PATIENCE) {
                Ok(()) => return Ok(()),
                Err(another) => problem = another,
            }
            words = self.last_words(folders, spec);
        }
        if unit == self.names.socket(&spec.name) && !ports::can_bind(spec.bind, spec.port) {
            let hint = format!("stop that program, or choose another port: ytorch set {} --port N", spec.name);
            return Err(ports::taken(spec.port, &hint));
        }
        if let Some(reason) = self.why_not_found(&problem) {
            let what = "Podman's generator does not accept the quadlet, so there is no service";
            let quadlet = self.names.service_file();
            return Err(Problem::new(ExitCode::Unfit, what).detail(reason).hint(format!(
                "delete {} to get ytorch's own: ytorch reconcile {}",
                quadlet.display(),
                spec.name
            )));
        }
        Err(Refusal::explained(problem, &words))
    }

    /// Ends what has not come up yet, by force if it does not end soon: it has no request to finish, and somebody may wait
    /// in the socket for what shall be run instead.
    fn hurry(&self, units: &[String]) -> Result<(), Problem> {
        let names: Vec<&str> = units.iter().map(String::as_str).collect();
        let shown = self.manager.show(&names, &["ActiveState"])?;
        for (unit, properties) in shown {
            let is_starting = properties.get("ActiveState").is_some_and(|state| state == "activating");
            if is_starting && unit.ends_with(".service") {
                self.manager.order_within(&["stop", "--", &unit], GRACE)?;
                // One that has ended cannot be killed, which is as good.
                let _ = self.manager.order(&["kill", "--signal=KILL", "--", &unit]);
            }
        }
        Ok(())
    }

    /// Whether the reason was one that could be mended at once.
    fn is_mended(&self, words: &[String]) -> bool {
        self.names.kind() != Kind::Native
            && Podman::of_this_machine().is_ok_and(|podman| pause::is_mended(&podman, &words.join("\n")))
    }

    /// What the generator says where systemd only says that there is no such unit.
    fn why_not_found(&self, problem: &Problem) -> Option<String> {
        let is_missing = problem.detail.as_ref().is_some_and(|words| words.contains("not found"));
        if self.names.kind() != Kind::Quadlet || !is_missing {
            return None;
        }
        let quadlet = self.names.service_file();
        generator::check(&generator::find()?, quadlet.parent()?, self.manager.scope()).err()
    }
}

fn observed(units: Units, service: &Properties, folders: &InstanceFolders, spec: &Spec) -> Observed {
    let activity = match units.activity() {
        Activity::Nothing | Activity::Listening => busy_alone(folders).unwrap_or(units.activity()),
        other => other,
    };
    let is_known = matches!(units.service, Life::Active | Life::Starting | Life::Stopping | Life::Failed);
    let report = is_known.then(|| units::report(&units, spec, service));
    Observed { activity, report, units: Some(units) }
}

/// What was said since the last start that came to something, without Podman's own diary.
fn words_of_the_last_start(said: Vec<String>) -> Vec<String> {
    let is_diary = |line: &String| line.trim().is_empty() || (line.contains(" m=+") && line.contains(" container "));
    let said: Vec<String> = said.into_iter().filter(|line| !is_diary(line)).collect();
    let starts = said.iter().enumerate().filter(|(_, line)| line.starts_with("Starting "));
    let begins = starts.map(|(index, _)| index).rfind(|index| index + 1 < said.len()).unwrap_or(0);
    said.into_iter().skip(begins).collect()
}

fn wanted(path: PathBuf, to: PathBuf) -> Wanted {
    let is_there = fs::read_link(&path).is_ok_and(|found| found == to);
    Wanted { path, to, is_there }
}

impl Engine for Systemd {
    fn reachable(&self) -> Result<(), Problem> {
        self.manager.reachable()?;
        fit_for_units(&self.root).map(drop)
    }

    fn observe(&self, folders: &InstanceFolders, spec: &Spec) -> Observed {
        let Ok((units, service)) = self.show(spec) else { return Observed::of(Activity::Nothing, None) };
        observed(units, &service, folders, spec)
    }

    /// A list of a hundred instances asks systemd once, not a hundred times.
    fn observe_together(&self, instances: &[(InstanceFolders, &Spec)]) -> Option<Vec<Observed>> {
        let names: Vec<[String; 2]> =
            instances.iter().map(|(_, spec)| [self.names.socket(&spec.name), self.names.service(&spec.name)]).collect();
        let shown = self.show_all(names.iter().flatten().map(String::as_str).collect());
        let (nothing, generations) = (Properties::new(), Generations::of(self.names.kind()));
        let see = |((folders, spec), [socket, service]): (&(InstanceFolders, &Spec), &[String; 2])| {
            let units = generations.complete(Units::of(shown.get(socket), shown.get(service)), service);
            observed(units, shown.get(service).unwrap_or(&nothing), folders, spec)
        };
        Some(instances.iter().zip(&names).map(see).collect())
    }

    fn reconcile(&self, folders: &InstanceFolders, spec: &Spec, observed: &Observed) -> Result<Vec<Action>, Problem> {
        if matches!(observed.activity, Activity::Importing { .. }) {
            return Ok(Vec::new());
        }
        let units = observed.units.clone().unwrap_or_else(|| Units::of(None, None));
        Ok(plan::reconcile(&self.names, spec, &self.disk(folders, spec)?, &units))
    }

    fn apply(&self, step: &Step, folders: &InstanceFolders, spec: &Spec) -> Result<(), Problem> {
        match step {
            Step::Reload => self.manager.order(&["daemon-reload"]),
            Step::ReloadIfStale { units } => {
                let names: Vec<&str> = units.iter().map(String::as_str).collect();
                let shown = self.manager.show(&names, &["NeedDaemonReload"])?;
                let is_stale = |unit: &Properties| unit.get("NeedDaemonReload").is_some_and(|word| word == "yes");
                if shown.values().any(is_stale) { self.manager.order(&["daemon-reload"]) } else { Ok(()) }
            }
            Step::StartUnit { unit } => self.bring_up("start", unit, folders, spec),
            Step::RestartUnit { unit } => self.bring_up("restart", unit, folders, spec),
            Step::StopUnits { units } => {
                self.hurry(units)?;
                let mut arguments = vec!["stop", "--"];
                arguments.extend(units.iter().map(String::as_str));
                self.manager.order(&arguments)?;
                // A unit that failed before would otherwise stay failed in every list; one that is not loaded is no matter.
                arguments[0] = "reset-failed";
                let _ = self.manager.order(&arguments);
                Ok(())
            }
            Step::Start | Step::Stop | Step::StopOrphan { .. } | Step::ClearStale { .. } => Ok(()),
        }
    }

    fn pause(&self, spec: &Spec) -> Vec<Action> {
        vec![Action::Engine(Step::StopUnits { units: vec![self.names.service(&spec.name)] })]
    }

    fn last_words(&self, folders: &InstanceFolders, spec: &Spec) -> Vec<String> {
        let said = words_of_the_last_start(self.manager.journal(&self.names.service(&spec.name), JOURNAL_LINES));
        if said.is_empty() { last_lines(&folders.server_log(), 8).unwrap_or_default() } else { said }
    }

    fn files(&self, folders: &InstanceFolders, spec: &Spec) -> Result<Vec<DerivedFile>, Problem> {
        self.rendered(folders, spec).map(|(shared, own)| shared.into_iter().chain(own).collect())
    }

    fn kept_by_hand(&self, folders: &InstanceFolders, spec: &Spec) -> Vec<PathBuf> {
        if spec.desired == Desired::Removed {
            return Vec::new();
        }
        let files = self.files(folders, spec).unwrap_or_default();
        files.into_iter().filter(|file| file.find() == Found::ByHand).map(|file| file.path).collect()
    }
}
