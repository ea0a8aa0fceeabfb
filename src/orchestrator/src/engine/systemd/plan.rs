//! What has to be done so that the units of an instance are as its spec says. Pure: what is on the disk comes as values.

use std::path::PathBuf;

use ytorch_core::InstanceName;

use super::{
    names::Names,
    units::{Life, Units},
};
use crate::{
    engine::{
        Step,
        derived::{DerivedFile, Found},
    },
    plan::Action,
    spec::{Desired, Spec},
};

/// A link by which a target starts a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where it is.
    pub path: PathBuf,
    /// What it points to.
    pub to: PathBuf,
    /// Whether it is there and does.
    pub is_there: bool,
}

/// What was found on the disk.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    /// The files that all instances share.
    pub shared: Vec<(DerivedFile, Found)>,
    /// The files of this instance.
    pub own: Vec<(DerivedFile, Found)>,
    /// Files that we wrote for this instance and that should not be there.
    pub surplus: Vec<PathBuf>,
    /// What creates folders that are missing.
    pub folders: Vec<Action>,
    /// The link that starts the socket.
    pub socket_link: Wanted,
    /// The link that starts the service.
    pub service_link: Wanted,
}

/// The actions that make the units equal to the spec.
pub(crate) fn reconcile(names: &Names, spec: &Spec, disk: &Disk, units: &Units) -> Vec<Action> {
    if spec.desired.serves() { serve(names, spec, disk, units) } else { end(names, spec, disk, units) }
}

fn serve(names: &Names, spec: &Spec, disk: &Disk, units: &Units) -> Vec<Action> {
    let (socket, service) = (names.socket(&spec.name), names.service(&spec.name));
    let mut actions = disk.folders.clone();
    let shared = differing(&disk.shared);
    let own = differing(&disk.own);
    let is_reload = !shared.is_empty();
    let is_unit_changed = own.iter().any(is_unit) || disk.surplus.iter().any(|path| is_unit_path(path));
    actions.extend(shared.into_iter().chain(own).map(|file| Action::WriteDerived { file }));
    actions.extend(disk.surplus.iter().map(|path| Action::RemoveFile { path: path.clone() }));
    actions.extend(link(&disk.socket_link, true));
    actions.extend(link(&disk.service_link, spec.desired == Desired::Running));
    if is_reload {
        actions.push(Action::Engine(Step::Reload));
    } else if is_unit_changed || units.stale {
        actions.push(Action::Engine(Step::ReloadIfStale { units: vec![socket.clone(), service.clone()] }));
    }
    let is_running = matches!(units.service, Life::Active | Life::Starting | Life::Stopping);
    let is_current = units.generation.is_none_or(|generation| generation == spec.generation)
        && units.service != Life::Stopping
        && !(units.service == Life::Active && units.generation.is_none());
    if !units.holds(spec) {
        // A socket cannot be started beside its running service.
        if is_running || units.socket != Life::Inactive {
            actions.push(Action::Engine(Step::StopUnits { units: vec![socket.clone(), service.clone()] }));
        }
        actions.push(Action::Engine(Step::StartUnit { unit: socket }));
        if spec.desired == Desired::Running {
            actions.push(Action::Engine(Step::StartUnit { unit: service }));
        }
    } else if is_running && !is_current {
        actions.push(Action::Engine(Step::RestartUnit { unit: service }));
    } else if spec.desired == Desired::Running && !is_running {
        actions.push(Action::Engine(Step::StartUnit { unit: service }));
    }
    actions
}

fn end(names: &Names, spec: &Spec, disk: &Disk, units: &Units) -> Vec<Action> {
    let mut actions: Vec<Action> =
        [&disk.socket_link, &disk.service_link].into_iter().filter_map(|wanted| link(wanted, false)).collect();
    let is_at_rest = |life| matches!(life, Life::Inactive);
    if !is_at_rest(units.socket) || !is_at_rest(units.service) {
        actions.push(Action::Engine(Step::StopUnits { units: both(names, &spec.name) }));
    }
    if spec.desired == Desired::Removed {
        let own = disk.own.iter().filter(|(_, found)| matches!(found, Found::Equal | Found::Older));
        let paths: Vec<PathBuf> = own.map(|(file, _)| file.path.clone()).chain(disk.surplus.iter().cloned()).collect();
        let is_unit_gone = paths.iter().any(|path| is_unit_path(path));
        actions.extend(paths.into_iter().map(|path| Action::RemoveFile { path }));
        if is_unit_gone {
            actions.push(Action::Engine(Step::ReloadIfStale { units: both(names, &spec.name) }));
        }
    }
    actions
}

fn both(names: &Names, name: &InstanceName) -> Vec<String> {
    vec![names.socket(name), names.service(name)]
}

/// The files that have to be written. What somebody changed by hand is theirs.
fn differing(files: &[(DerivedFile, Found)]) -> Vec<DerivedFile> {
    let ours = files.iter().filter(|(_, found)| matches!(found, Found::Absent | Found::Older));
    ours.map(|(file, _)| file.clone()).collect()
}

fn is_unit(file: &DerivedFile) -> bool {
    is_unit_path(&file.path)
}

/// Whether systemd has to read a file anew; it reads environment files at each start anyhow.
fn is_unit_path(path: &std::path::Path) -> bool {
    path.extension().is_none_or(|extension| extension != "env")
}

fn link(wanted: &Wanted, should_be: bool) -> Option<Action> {
    match (wanted.is_there, should_be) {
        (false, true) => Some(Action::Link { path: wanted.path.clone(), to: wanted.to.clone() }),
        (true, false) => Some(Action::RemoveFile { path: wanted.path.clone() }),
        _ => None,
    }
}
