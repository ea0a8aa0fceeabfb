//! `create`: what is in a backup, and what is left of one that was not made.

use std::{
    cell::{Cell, RefCell},
    fs,
    os::unix::fs::PermissionsExt as _,
};

use ytorch_backup::{Media, Request, Target, Watch};
use ytorch_core::{ExitCode, Timestamp};

use super::{Fixture, names, restore, verify, watched, write};

#[test]
fn it_is_one_private_file_with_its_name_and_the_right_counts() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    assert_eq!(created.path, fixture.folders.backups().join("friend-20231114T221320Z.ytorch.tar.gz"));
    assert_eq!(fs::metadata(&created.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(fixture.folders.backups()).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(names(&fixture.folders.backups()).len(), 1, "something temporary was left");
    let counts = [("empty".to_owned(), 0), ("migration".to_owned(), 1), ("note".to_owned(), 2_000)];
    assert_eq!(created.counts, counts.into());
    // Database, spec, settings, token, two exports.
    assert_eq!((created.files, created.media), (6, false));
    let header = ytorch_backup::header(&created.path).unwrap();
    assert_eq!((header.instance.as_str(), header.version.as_str()), ("friend", "1.2.3"));
}

#[test]
fn it_holds_what_was_committed_before_it_although_the_database_is_open_and_written() {
    let fixture = Fixture::new();
    let database = fixture.open();
    fixture.add_notes(&database, 30_000);
    let (said, never) = (RefCell::new(Vec::new()), || false);
    let mut progress = |done, total| {
        // A commit between two steps of the copy must neither show nor make it start again.
        if said.borrow().is_empty() {
            fixture.add_notes(&database, 5);
        }
        said.borrow_mut().push((done, total));
    };
    let mut watch = Watch::new(&mut progress, &never);
    let request = fixture.request(Target::Folder(fixture.folders.backups()));
    let created = ytorch_backup::create(&request, &mut watch).unwrap();
    // The first report comes before the copy has begun, so its five notes are in it.
    assert_eq!(created.counts["note"], 32_005);
    assert!(said.borrow().is_sorted() && said.borrow().iter().all(|(done, total)| done <= total && *total > 0));
    drop(database);
    assert_eq!(restore(&created.path, &fixture.path("back")).unwrap().counts, created.counts);
}

#[test]
fn commits_while_the_database_is_copied_do_not_show() {
    let fixture = Fixture::new();
    let database = fixture.open();
    // Several steps of eight MiB.
    for _ in 0..8 {
        fixture.add_notes(&database, 20_000);
    }
    let (commits, never) = (Cell::new(0), || false);
    let mut progress = |done, _| {
        if done > 0 && commits.get() < 3 {
            commits.set(commits.get() + 1);
            fixture.add_notes(&database, 10);
        }
    };
    let request = fixture.request(Target::Folder(fixture.folders.backups()));
    let created = ytorch_backup::create(&request, &mut Watch::new(&mut progress, &never)).unwrap();
    assert_eq!(commits.get(), 3);
    assert_eq!(created.counts["note"], 162_000);
    assert_eq!(verify(&created.path).unwrap().counts["note"], 162_000);
    drop(database);
    assert_eq!(fixture.notes(), 162_030);
}

#[test]
fn media_go_along_only_when_asked() {
    let fixture = Fixture::new();
    let target = fixture.path("with-media.tar.gz");
    let request = Request { media: Media::With, ..fixture.request(Target::File(target.clone())) };
    let created = fixture.create(&request).unwrap();
    assert_eq!((created.files, created.media, &created.path), (7, true, &target));
    restore(&target, &fixture.path("back")).unwrap();
    assert_eq!(fs::read(fixture.path("back/data/media/a/film.mp4")).unwrap(), b"a film");
}

#[test]
fn a_file_is_never_replaced() {
    let fixture = Fixture::new();
    let target = fixture.path("mine.txt");
    write(&target, "mine");
    let problem = fixture.create(&fixture.request(Target::File(target.clone()))).unwrap_err();
    assert_eq!(problem.code, ExitCode::Refused);
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    let first = fixture.backup();
    let second = fixture.backup();
    assert_ne!(first.path, second.path, "two backups within one second");
    verify(&first.path).unwrap();
    verify(&second.path).unwrap();
}

#[test]
fn a_disk_that_is_too_full_is_said_and_nothing_is_left() {
    let fixture = Fixture::new();
    let request = Request { disk_floor_bytes: u64::MAX / 2, ..fixture.request(Target::Folder(fixture.path("to"))) };
    let problem = fixture.create(&request).unwrap_err();
    assert_eq!(problem.code, ExitCode::Unfit);
    assert!(problem.to_string().contains("disk is too full") && problem.hint.is_some(), "{problem}");
    assert_eq!(names(&fixture.path("to")), [""; 0]);
}

#[test]
fn a_cancel_at_any_moment_leaves_nothing() {
    let fixture = Fixture::new();
    let request = fixture.request(Target::Folder(fixture.path("to")));
    let mut asked_in_all = 0;
    for after in 0..1_000 {
        let asked = Cell::new(0);
        let is_cancelled = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        let mut progress = |_, _| {};
        let created = ytorch_backup::create(&request, &mut Watch::new(&mut progress, &is_cancelled));
        if created.is_ok() {
            asked_in_all = asked.get();
            break;
        }
        assert_eq!(names(&fixture.path("to")), [""; 0], "cancelled after {after} questions");
    }
    assert!(asked_in_all > 5, "it was asked {asked_in_all} times");
    assert_eq!(names(&fixture.path("to")).len(), 1);
}

#[test]
fn what_a_killed_backup_left_is_swept_by_the_next() {
    let fixture = Fixture::new();
    let left = fixture.folders.backups().join(".ytorch-backup-1-0.tmp");
    write(&left.join("archive"), "half");
    fixture.backup();
    assert_eq!(names(&fixture.folders.backups()).len(), 1);
}

#[test]
fn a_damaged_database_is_not_backed_up() {
    let fixture = Fixture::new();
    let mut bytes = fs::read(fixture.folders.database()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0x5a);
    write(&fixture.folders.database(), bytes);
    let problem = fixture.create(&fixture.request(Target::Folder(fixture.path("to")))).unwrap_err();
    assert!(matches!(problem.code, ExitCode::Unfit | ExitCode::Failure), "{problem}");
    assert!(problem.to_string().contains("damaged"), "{problem}");
    assert_eq!(names(&fixture.path("to")), [""; 0]);
}

#[test]
fn an_instance_that_was_never_started_has_a_backup_too() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.folders.database().parent().unwrap()).unwrap();
    let created = fixture.backup();
    assert!(created.counts.is_empty());
    verify(&created.path).unwrap();
    let drilled = watched(|watch| ytorch_backup::drill(&created.path, &super::MIGRATIONS, &fixture.clock, 0, watch));
    assert_eq!(drilled.unwrap().migrations_applied, 1);
}

#[test]
fn the_name_says_when_it_was_begun() {
    let fixture = Fixture::new();
    fixture.clock.set(Timestamp::from_seconds(1_800_000_000));
    let created = fixture.backup();
    assert!(created.path.to_str().unwrap().ends_with("friend-20270115T080000Z.ytorch.tar.gz"));
    assert_eq!(created.created_at, "2027-01-15T08:00:00.000000Z");
}
