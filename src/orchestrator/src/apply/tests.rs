//! The crash matrix: every plan dies before each of its actions, and the next run mends it. It signals no process;
//! a death between two actions leaves on disk exactly what the actions before it did.

use std::{fs, path::Path};

use ytorch_core::InstanceName;

use super::*;
use crate::{
    engine::{Activity, Observed, Step},
    plan,
    root::{Place, Root},
    spec::{Desired, tests::example},
};

struct NoEngine;

impl Engine for NoEngine {
    fn reachable(&self) -> Result<(), Problem> {
        Ok(())
    }

    fn observe(&self, _: &InstanceFolders, _: &Spec) -> Observed {
        Observed::of(Activity::Nothing, None)
    }

    fn reconcile(&self, _: &InstanceFolders, _: &Spec, _: &Observed) -> Result<Vec<Action>, Problem> {
        Ok(Vec::new())
    }

    fn apply(&self, _: &Step, _: &InstanceFolders, _: &Spec) -> Result<(), Problem> {
        Ok(())
    }

    fn last_words(&self, _: &InstanceFolders, _: &Spec) -> Vec<String> {
        Vec::new()
    }
}

/// Does actions until the one before which it dies.
struct DiesBefore<'a>(usize, Machine<'a>);

impl Hands for DiesBefore<'_> {
    fn apply(&mut self, action: &Action) -> Result<(), Problem> {
        if self.0 == 0 {
            return Err(Problem::new(ExitCode::Failure, "died"));
        }
        self.0 -= 1;
        self.1.apply(action)
    }
}

fn ytorch(root: &Path, words: &[&str]) -> ExitCode {
    let common = ["ytorch", "--quiet", "--root", root.to_str().unwrap()];
    crate::run(common.iter().chain(words).map(Into::into))
}

struct Case {
    folder: tempfile::TempDir,
    root: Root,
    name: InstanceName,
    folders: InstanceFolders,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::choose(Some(folder.path().to_owned()), None).unwrap();
        let name: InstanceName = "friend".parse().unwrap();
        let folders = root.folders(&name);
        Self { folder, root, name, folders }
    }

    fn die_before(&self, number: usize, actions: &[Action], spec: &Spec) {
        let machine = Machine { engine: &NoEngine, folders: &self.folders, spec };
        let died = apply_all(&mut DiesBefore(number, machine), actions);
        assert_eq!(died.is_err(), number < actions.len());
    }

    fn assert_whole(&self) {
        let Place::Instance(spec) = self.root.place(&self.name).unwrap() else { panic!("no instance") };
        assert_ne!(spec.desired, Desired::Removed);
        assert_eq!(Secret::read(&self.folders.token()).unwrap().reveal().len(), 64);
        for path in [self.folders.raw(), self.folders.logs(), self.folders.run(), self.folders.server_settings()] {
            assert!(path.exists(), "{} is missing", path.display());
        }
        assert_eq!(self.root.leftovers(), [] as [&Path; 0]);
    }

    fn create(&self) -> ExitCode {
        ytorch(self.folder.path(), &["create", "friend", "--no-start"])
    }
}

fn teardown(folders: &InstanceFolders, spec: &Spec, observed: &Observed) -> Vec<Action> {
    let removed = plan::removed(spec);
    plan::teardown(folders, spec, &removed, plan::reconcile(&removed, observed))
}

fn plan_of_create(case: &Case, spec: &Spec) -> Vec<Action> {
    plan::create(case.root.leftovers(), &case.root.staging(&case.name), &case.folders, spec, Some("UTC"))
}

#[test]
fn a_create_that_dies_anywhere_is_absent_or_whole_and_the_next_one_mends_it() {
    let spec = example(Desired::Stopped);
    let length = plan_of_create(&Case::new(), &spec).len();
    for number in 0..=length {
        let case = Case::new();
        case.die_before(number, &plan_of_create(&case, &spec), &spec);
        let expected = if number == length { ExitCode::Refused } else { ExitCode::Success };
        assert_eq!(case.root.place(&case.name).unwrap() == Place::Absent, number < length, "before action {number}");
        assert_eq!(case.create(), expected, "before action {number}");
        case.assert_whole();
    }
}

#[test]
fn a_teardown_that_dies_anywhere_keeps_the_data_and_can_be_finished_or_taken_back() {
    let nothing = Observed::of(Activity::Nothing, None);
    for (finish_first, number) in [true, false].iter().flat_map(|finish| (0..=3).map(move |number| (*finish, number))) {
        let case = Case::new();
        assert_eq!(case.create(), ExitCode::Success);
        let token = fs::read(case.folders.token()).unwrap();
        write_atomically(&case.folders.raw().join("export"), b"precious", Access::Shared).unwrap();
        let Place::Instance(spec) = case.root.place(&case.name).unwrap() else { panic!("no instance") };
        let actions = teardown(&case.folders, &spec, &nothing);
        assert_eq!(actions.len(), 3);
        case.die_before(number, &actions, &spec);
        if finish_first || number == 0 {
            assert_eq!(ytorch(case.folder.path(), &["teardown", "friend"]), ExitCode::Success);
            assert!(matches!(case.root.place(&case.name).unwrap(), Place::Removed(_)));
        }
        assert_eq!(case.create(), ExitCode::Success, "before action {number}");
        case.assert_whole();
        assert_eq!(fs::read(case.folders.token()).unwrap(), token);
        assert_eq!(fs::read(case.folders.raw().join("export")).unwrap(), b"precious");
    }
}

#[test]
fn an_adoption_that_dies_anywhere_is_finished_by_the_next_create() {
    let spec = example(Desired::Stopped);
    let length = plan::adopt(&Case::new().folders, &spec, true).len();
    for number in 0..=length {
        let case = Case::new();
        assert_eq!(case.create(), ExitCode::Success);
        assert_eq!(ytorch(case.folder.path(), &["teardown", "friend"]), ExitCode::Success);
        case.die_before(number, &plan::adopt(&case.folders, &spec, true), &spec);
        let exists = number >= length - 1;
        assert_eq!(case.create(), if exists { ExitCode::Refused } else { ExitCode::Success }, "before {number}");
        case.assert_whole();
    }
}

#[test]
fn a_purge_that_dies_is_out_of_sight_and_swept_by_the_next_create() {
    let case = Case::new();
    assert_eq!(case.create(), ExitCode::Success);
    let spec = example(Desired::Stopped);
    case.die_before(1, &plan::purge(&case.folders, case.root.purged(&case.name)), &spec);
    assert_eq!(case.root.place(&case.name).unwrap(), Place::Absent);
    assert_eq!(case.root.leftovers().len(), 1);
    assert_eq!(case.create(), ExitCode::Success);
    case.assert_whole();
}

#[test]
fn a_replacement_that_dies_anywhere_leaves_the_old_instance_or_the_new_whole() {
    let spec = example(Desired::Stopped);
    for number in 0..=13 {
        let case = Case::new();
        assert_eq!(case.create(), ExitCode::Success);
        let mark = |folders: &InstanceFolders, text: &str| {
            create_private_folder(&folders.raw()).unwrap();
            write_atomically(&folders.raw().join("mark"), text.as_bytes(), Access::Shared).unwrap();
        };
        mark(&case.folders, "old");
        create_private_folder(&case.folders.backups()).unwrap();
        write_atomically(&case.folders.backups().join("backup"), b"kept", Access::Private).unwrap();
        let unpacked = case.root.restoring(&case.name);
        mark(&unpacked, "new");
        create_private_folder(&unpacked.config()).unwrap();
        write_atomically(&unpacked.server_settings(), b"", Access::Shared).unwrap();
        let away = case.root.replaced(&case.name, ytorch_core::Timestamp::from_seconds(0));
        let mut actions = plan::complete(&unpacked, &spec);
        actions.extend(plan::replace(&unpacked, &case.folders, &away));
        assert_eq!(actions.len(), 13);
        case.die_before(number, &actions, &spec);
        let (there, elsewhere) = if number == 13 { ("new", "old") } else { ("old", "new") };
        assert_eq!(fs::read_to_string(case.folders.raw().join("mark")).unwrap(), there, "before action {number}");
        assert_eq!(fs::read(case.folders.backups().join("backup")).unwrap(), b"kept", "before action {number}");
        let other = InstanceFolders::new(if number < 12 { unpacked.root() } else { &away });
        assert_eq!(fs::read_to_string(other.raw().join("mark")).unwrap(), elsewhere, "before action {number}");
        // What was unpacked in vain is swept; what was or would have been in the place of the other never is.
        let leftovers: &[&Path] = if number < 12 { &[unpacked.root()] } else { &[] };
        assert_eq!(case.root.leftovers(), leftovers, "before action {number}");
        if number < 12 {
            fs::remove_dir_all(unpacked.root()).unwrap();
        }
        case.assert_whole();
    }
}

#[test]
fn a_backup_that_is_being_unpacked_is_no_left_over() {
    let case = Case::new();
    let unpacked = case.root.restoring(&case.name);
    create_private_folder(unpacked.root()).unwrap();
    let owner = fs::File::open(unpacked.root()).unwrap();
    owner.lock_shared().unwrap();
    assert_eq!(case.create(), ExitCode::Success);
    assert!(unpacked.root().is_dir());
    drop(owner);
    assert_eq!(case.root.leftovers(), [unpacked.root()]);
}
