//! `snapshot`.

use std::{fs, os::unix::fs::PermissionsExt as _};

use ytorch_backup::{Present, Secrets};
use ytorch_core::ExitCode;
use ytorch_store::{open_untouched, rusqlite::Connection};

use super::{Fixture, watched};

fn notes(connection: &Connection) -> u64 {
    connection.query_row("select count(*) from note", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_snapshot_has_what_was_written_so_far_and_one_file() {
    let fixture = Fixture::new();
    let database = fixture.open();
    fixture.add_notes(&database, 500);
    ytorch_core::files::create_private_folder(&fixture.folders.backups()).unwrap();
    let to = fixture.path("friend/backups/.upgrade-a");
    for _ in 0..2 {
        let made = watched(|watch| {
            ytorch_backup::snapshot(&fixture.folders.database(), &to, Secrets::Kept, Present::Goes, 0, watch)
        })
        .unwrap();
        assert_eq!((&made.path, made.size_bytes), (&to, Some(fs::metadata(&to).unwrap().len())));
        assert_eq!(notes(&open_untouched(&to, false).unwrap()), 2_500);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(fixture.folders.backups()).unwrap().count(), 1);
    }
    drop(database);
}

#[test]
fn a_damaged_database_leaves_the_snapshot_of_before() {
    let fixture = Fixture::new();
    ytorch_core::files::create_private_folder(&fixture.folders.backups()).unwrap();
    let to = fixture.path("friend/backups/.upgrade-a");
    let source = fixture.folders.database();
    let take = || watched(|watch| ytorch_backup::snapshot(&source, &to, Secrets::Kept, Present::Goes, 0, watch));
    take().unwrap();
    let before = fs::read(&to).unwrap();
    let mut bytes = fs::read(&source).unwrap();
    let length = bytes.len();
    for byte in &mut bytes[8192 + 100..length - 8192] {
        *byte ^= 0x5a;
    }
    super::write(&source, &bytes);
    let problem = take().unwrap_err();
    assert_eq!(problem.code, ExitCode::Unfit, "{problem}");
    assert_eq!(fs::read(&to).unwrap(), before);
    assert_eq!(fs::read_dir(fixture.folders.backups()).unwrap().count(), 1);
}
