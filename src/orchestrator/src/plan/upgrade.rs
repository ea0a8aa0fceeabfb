//! What has to be done to run another release, and to come back. Pure: whether the new one is good is not decided here.

use std::path::{Path, PathBuf};

use ytorch_core::InstanceFolders;

use super::{Action, edit};
use crate::{
    programs,
    spec::{ReleaseId, Spec},
};

/// The two places of copies of the database: one is never touched while the other is written.
const SNAPSHOTS: [&str; 2] = ["backups/.upgrade-a", "backups/.upgrade-b"];

/// Where the copy of the next upgrade goes: not where that of the last one is.
pub(crate) fn next_snapshot(spec: &Spec) -> &'static str {
    let [first, second] = SNAPSHOTS;
    if spec.previous_snapshot.as_deref() == Some(first) { second } else { first }
}

/// What precedes every change of a release: both programs are kept, and the database is copied.
pub(crate) fn prepare(root: &Path, programs: &[(ReleaseId, PathBuf)], snapshot: Option<PathBuf>) -> Vec<Action> {
    let missing = programs.iter().filter(|(release, _)| !programs::place(root, release).is_file());
    let mut actions: Vec<Action> = missing
        .map(|(release, program)| Action::KeepProgram {
            root: root.to_owned(),
            release: release.clone(),
            program: program.clone(),
        })
        .collect();
    if let Some(to) = snapshot {
        actions.extend(to.parent().map(|folder| Action::CreateFolder { path: folder.to_owned() }));
        actions.push(Action::Snapshot { to });
    }
    actions
}

/// Makes another release the one that is run, in the journal if it is on trial.
pub(crate) fn begin(folders: &InstanceFolders, old: &Spec, new: &Spec) -> Vec<Action> {
    let trial = new.trial.as_ref();
    // What the last failed upgrade left would be taken for what this one leaves.
    let left = trial.into_iter().flat_map(|trial| {
        let path = folders.root().join(&trial.aside);
        [wal(&path), path]
    });
    let mut actions: Vec<Action> = left.map(|path| Action::RemoveFile { path }).collect();
    actions.extend(edit(folders, old, new));
    actions
}

/// Puts the database of before the upgrade back and ends the journal; the server must not run.
pub(crate) fn put_back(folders: &InstanceFolders, back: &Spec) -> Vec<Action> {
    let mut actions = Vec::new();
    if let Some(trial) = back.trial.as_ref().filter(|trial| trial.put_back) {
        actions.push(Action::PutDatabaseBack {
            snapshot: trial.snapshot.as_ref().map(|snapshot| folders.root().join(snapshot)),
            database: folders.database(),
            aside: folders.root().join(&trial.aside),
        });
    }
    actions.extend(edit(folders, back, &back.settled()));
    actions
}

/// The log of a database's newest changes, beside it.
pub(crate) fn wal(database: &Path) -> PathBuf {
    beside(database, "-wal")
}

/// A file of SQLite beside a database.
pub(crate) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Desired, tests::example};

    #[test]
    fn two_copies_take_turns_and_a_failed_upgrade_spares_that_of_the_last_good_one() {
        let release = |digit: &str| -> ReleaseId { digit.repeat(64).parse().unwrap() };
        let first = example(Desired::Running);
        assert_eq!(next_snapshot(&first), "backups/.upgrade-a");
        let next = |spec: &Spec| Some(next_snapshot(spec).to_owned());
        let second = first.trying(&release("2"), &release("1"), next(&first), String::new());
        assert_eq!(next_snapshot(&second.settled()), "backups/.upgrade-b");
        let failed = second.settled().trying(&release("3"), &release("2"), next(&second), String::new());
        assert_eq!(next_snapshot(&failed.going_back(true).settled()), "backups/.upgrade-b");
    }

    #[test]
    fn the_journal_ends_only_after_the_database_is_back() {
        let folders = InstanceFolders::new("/root/friend");
        let release = |digit: &str| -> ReleaseId { digit.repeat(64).parse().unwrap() };
        let spec = example(Desired::Running);
        let trying = spec.trying(&release("2"), &release("1"), Some("backups/.upgrade-a".to_owned()), String::new());
        let words = |back: &Spec| put_back(&folders, back).iter().map(ToString::to_string).collect::<Vec<_>>();
        let put = "put /root/friend/backups/.upgrade-a back and keep the newer database as \
                   /root/friend/data/db/ytorch.sqlite3.failed-upgrade";
        let write = "write /root/friend/config/instance.toml (generation 5, running, port 8100)";
        assert_eq!(words(&trying.going_back(true)), [put, write]);
        assert_eq!(words(&trying.going_back(false)), [write]);
    }
}
