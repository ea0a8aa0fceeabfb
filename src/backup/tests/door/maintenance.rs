//! `examine` and `maintain`.

use std::fs;

use ytorch_backup::{Done, Watch};
use ytorch_core::{InstanceFolders, Problem};
use ytorch_store::{Database, StoreError};

use super::{Fixture, content, write};

fn maintain(database: &Database, folders: &InstanceFolders, disk_floor_bytes: u64) -> Done {
    maintain_until(database, folders, disk_floor_bytes, &|| false).unwrap()
}

fn maintain_until(
    database: &Database,
    folders: &InstanceFolders,
    disk_floor_bytes: u64,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Done, Problem> {
    ytorch_backup::maintain(database, folders, disk_floor_bytes, &Watch::new(&mut |_, _| {}, is_cancelled))
}

fn empty(fixture: &Fixture) {
    let database = fixture.open();
    for _ in 0..3 {
        fixture.add_notes(&database, 20_000);
    }
    database
        .write_blocking(|transaction| Ok::<_, StoreError>(transaction.execute("delete from note where id > 100", [])?))
        .unwrap();
}

#[test]
fn a_look_changes_nothing_and_finds_what_there_is() {
    let fixture = Fixture::new();
    empty(&fixture);
    let before = content(fixture.home.path());
    let found = ytorch_backup::examine(&fixture.folders, false).unwrap();
    assert_eq!(content(fixture.home.path()), before);
    assert_eq!(found.faults, [""; 0]);
    assert!(found.worth_a_vacuum && found.reclaimable_bytes * 2 > found.database_bytes, "{found:?}");
    assert_eq!(found.leftovers, [fixture.folders.raw().join(".incoming-999999999-0")]);
    assert_eq!(found.leftover_bytes, 14);
}

#[test]
fn free_pages_go_back_to_the_disk_and_every_row_stays() {
    let fixture = Fixture::new();
    empty(&fixture);
    let before = fs::metadata(fixture.folders.database()).unwrap().len();
    let database = fixture.open();
    let done = maintain(&database, &fixture.folders, 0);
    assert!(done.vacuumed && done.analyzed && done.not_vacuumed.is_none(), "{done:?}");
    let after = fs::metadata(fixture.folders.database()).unwrap().len();
    assert!(after * 10 < before, "{after} of {before}");
    assert!(done.freed_bytes > before / 2, "{done:?}");
    drop(database);
    assert_eq!(fixture.notes(), 100);
    let again = maintain(&fixture.open(), &fixture.folders, 0);
    assert!(!again.vacuumed && !again.found.worth_a_vacuum && again.swept.is_empty(), "{again:?}");
}

#[test]
fn without_room_there_is_no_vacuum_and_it_is_said_why() {
    let fixture = Fixture::new();
    empty(&fixture);
    let done = maintain(&fixture.open(), &fixture.folders, u64::MAX / 2);
    assert!(!done.vacuumed && done.analyzed);
    assert!(done.not_vacuumed.unwrap().contains("bytes free"));
}

#[test]
fn only_temporary_files_of_the_dead_are_swept() {
    let fixture = Fixture::new();
    let own = std::process::id();
    let alive = [
        fixture.folders.raw().join(format!(".incoming-{own}-0")),
        fixture.folders.config().join(format!(".server.toml.{own}.tmp")),
        fixture.folders.raw().join("ab12"),
        fixture.folders.raw().join(".incoming"),
        fixture.folders.config().join(".keep.tmp"),
    ];
    let dead = [
        fixture.folders.backups().join(".ytorch-backup-999999999-0.tmp/archive"),
        fixture.folders.config().join(".server.toml.999999999.tmp"),
        fixture.folders.raw().join(".incoming-999999999-0"),
    ];
    for path in alive.iter().chain(&dead) {
        write(path, "x");
    }
    let done = maintain(&fixture.open(), &fixture.folders, 0);
    assert_eq!(done.swept.len(), 3, "{done:?}");
    assert!(alive.iter().all(|path| path.exists()) && dead.iter().all(|path| !path.exists()));
}

#[test]
fn a_damaged_database_is_found_and_left_as_it_is() {
    let fixture = Fixture::new();
    let mut bytes = fs::read(fixture.folders.database()).unwrap();
    let page = bytes.len() / 8192 / 2 * 8192;
    // A page whose cells point nowhere.
    bytes[page + 8..page + 64].fill(0x11);
    write(&fixture.folders.database(), &bytes);
    let found = ytorch_backup::examine(&fixture.folders, false).unwrap();
    assert!(!found.faults.is_empty());
    let database = fixture.open();
    let done = maintain(&database, &fixture.folders, 0);
    drop(database);
    assert!(!done.found.faults.is_empty() && !done.analyzed && !done.vacuumed && done.swept.is_empty());
    assert_eq!(fs::read(fixture.folders.database()).unwrap(), bytes);
}

#[test]
fn maintenance_that_is_told_to_stop_does_nothing_and_can_be_done_again() {
    let fixture = Fixture::new();
    empty(&fixture);
    let database = fixture.open();
    let problem = maintain_until(&database, &fixture.folders, 0, &|| true).unwrap_err();
    assert!(problem.what.contains("told to stop"), "{problem}");
    assert!(fixture.folders.raw().join(".incoming-999999999-0").exists(), "it swept all the same");
    assert!(maintain(&database, &fixture.folders, 0).vacuumed);
}
