//! `prune`: what stays and what goes.

use std::{fs, path::PathBuf};

use ytorch_backup::{Pruned, Retention, Target};
use ytorch_core::Timestamp;

use super::{Fixture, names, watched, write};

const DAY: i64 = 86_400;

/// A backup on each of these days.
fn backups(fixture: &Fixture, days: &[i64]) -> Vec<PathBuf> {
    let at = |day: &i64| {
        fixture.clock.set(Timestamp::from_seconds(1_700_000_000 + day * DAY));
        fixture.backup().path
    };
    days.iter().map(at).collect()
}

fn prune(fixture: &Fixture, count: usize, days: Option<u32>) -> Pruned {
    let folder = fixture.folders.backups();
    let retention = Retention { count, days };
    let pruned =
        watched(|watch| ytorch_backup::prune(&folder, &fixture.name, retention, fixture.clock.now(), 0, watch));
    let pruned = pruned.unwrap();
    assert!(pruned.kept.iter().all(|path| path.exists()) && pruned.deleted.iter().all(|path| !path.exists()));
    pruned
}

#[test]
fn too_many_and_too_old_ones_go() {
    let fixture = Fixture::new();
    let made = backups(&fixture, &[0, 1, 2, 3, 4]);
    let pruned = prune(&fixture, 4, None);
    assert_eq!(pruned.deleted, [made[0].clone()]);
    assert!(pruned.freed_bytes > 0);
    let pruned = prune(&fixture, 10, Some(1));
    assert_eq!(pruned.deleted, [made[2].clone(), made[1].clone()]);
    assert_eq!(pruned.kept, [made[4].clone(), made[3].clone()]);
    assert!(prune(&fixture, 10, None).deleted.is_empty());
}

#[test]
fn the_newest_good_one_stays_whatever_is_said() {
    let fixture = Fixture::new();
    let made = backups(&fixture, &[0, 1, 2]);
    write(&made[2], "damaged");
    fixture.clock.set(Timestamp::from_seconds(1_700_000_000 + 900 * DAY));
    let pruned = prune(&fixture, 0, Some(1));
    assert_eq!(pruned.kept, [made[1].clone()]);
    assert_eq!(pruned.deleted, [made[2].clone(), made[0].clone()]);
}

#[test]
fn without_a_good_one_nothing_goes() {
    let fixture = Fixture::new();
    let made = backups(&fixture, &[0, 1]);
    for path in &made {
        let bytes = fs::read(path).unwrap();
        write(path, &bytes[..bytes.len() / 2]);
    }
    assert!(prune(&fixture, 1, None).deleted.is_empty());
}

#[test]
fn other_files_and_other_instances_are_left_alone() {
    let fixture = Fixture::new();
    let folder = fixture.folders.backups();
    backups(&fixture, &[0, 1]);
    let others = ["friend-20200101T000000Z.tar.gz", "friends-20200101T000000Z.ytorch.tar.gz", "notes.txt"];
    for other in others {
        write(&folder.join(other), "other");
    }
    let mine = fixture.create(&fixture.request(Target::File(folder.join("by-name.ytorch.tar.gz")))).unwrap();
    assert_eq!(prune(&fixture, 1, None).deleted.len(), 1);
    assert_eq!(names(&folder).len(), 1 + others.len() + 1);
    assert!(mine.path.exists());
}
