//! `restore`, `verify` and `drill` of whole and of damaged backups.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use ytorch_backup::{Media, Request, Target};
use ytorch_core::{ExitCode, InstanceFolders};
use ytorch_store::{Migration, Migrations};

use super::{Fixture, MIGRATIONS, content, names, restore, verify, watched, write};

#[test]
fn everything_comes_back_as_it_was_and_private() {
    let fixture = Fixture::new();
    let target = Target::File(fixture.path("all"));
    let created = fixture.create(&Request { media: Media::With, ..fixture.request(target) }).unwrap();
    let back = fixture.path("back");
    let whole = restore(&created.path, &back).unwrap();
    assert_eq!((whole.counts, whole.files), (created.counts, created.files));
    let mut expected = content(fixture.folders.root());
    expected.retain(|path, _| {
        let name = path.to_str().unwrap();
        !name.starts_with("run") && !name.starts_with("logs") && !name.contains("/.incoming") && !name.contains("/db/")
    });
    let mut found = content(&back);
    assert!(found.remove(Path::new("data/db/ytorch.sqlite3")).is_some());
    assert_eq!(found, expected);
    for (path, mode) in
        [("", 0o700), ("config/secrets", 0o700), ("config/secrets/token", 0o600), ("data/raw/ab12", 0o600)]
    {
        assert_eq!(fs::metadata(back.join(path)).unwrap().permissions().mode() & 0o777, mode, "{path}");
    }
    let restored = Fixture { folders: InstanceFolders::new(&back), ..fixture };
    assert_eq!(restored.notes(), 2_000);
}

#[test]
fn a_folder_with_something_in_it_is_refused_and_untouched() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    let full = fixture.path("full");
    write(&full.join("mine"), "mine");
    assert_eq!(restore(&created.path, &full).unwrap_err().code, ExitCode::Refused);
    assert_eq!(restore(&created.path, &full.join("mine")).unwrap_err().code, ExitCode::Refused);
    assert_eq!(names(&full), ["mine"]);
    fs::create_dir(fixture.path("empty")).unwrap();
    restore(&created.path, &fixture.path("empty")).unwrap();
}

#[test]
fn damage_anywhere_is_found_and_nothing_is_left() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    let whole = fs::read(&created.path).unwrap();
    let damaged = fixture.path("damaged.ytorch.tar.gz");
    let places = (0..whole.len()).step_by(whole.len() / 60);
    for place in places {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        write(&damaged, &bytes);
        // Some bytes of gzip's own header mean nothing.
        if (3..10).contains(&place) {
            continue;
        }
        let problem = verify(&damaged).expect_err("damage was not found");
        assert_eq!(problem.code, ExitCode::BadExport, "at {place}: {problem}");
        let back = fixture.path("back");
        assert_eq!(restore(&damaged, &back).unwrap_err().code, ExitCode::BadExport);
        assert!(!back.exists(), "damage at {place} left a folder");
    }
}

#[test]
fn a_backup_that_was_cut_says_so() {
    let fixture = Fixture::new();
    let whole = fs::read(fixture.backup().path).unwrap();
    let cut = fixture.path("cut");
    for length in [20, whole.len() / 2, whole.len() - 8, whole.len() - 1] {
        write(&cut, &whole[..length]);
        let problem = verify(&cut).unwrap_err();
        assert_eq!(problem.code, ExitCode::BadExport, "{length}: {problem}");
        assert!(problem.to_string().contains("cut off"), "{length}: {problem}");
    }
    write(&cut, [&whole[..], b"x"].concat());
    assert!(verify(&cut).unwrap_err().to_string().contains("follows its end"));
}

#[test]
fn files_that_are_something_else_are_said_to_be() {
    let fixture = Fixture::new();
    let file = fixture.path("file");
    for bytes in [&b""[..], b"hello", &[0; 2048], b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"] {
        write(&file, bytes);
        for problem in [verify(&file).unwrap_err(), ytorch_backup::header(&file).unwrap_err()] {
            assert_eq!(problem.code, ExitCode::BadExport, "{bytes:?}: {problem}");
            assert!(problem.hint.is_some());
        }
    }
    assert_eq!(verify(&fixture.path("none")).unwrap_err().code, ExitCode::NotFound);
    assert_eq!(verify(fixture.home.path()).unwrap_err().code, ExitCode::BadExport);
}

#[test]
fn a_disk_that_is_too_full_is_said_before_anything_is_written() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    let back = fixture.path("back");
    let problem = watched(|watch| ytorch_backup::restore(&created.path, &back, u64::MAX / 2, watch)).unwrap_err();
    assert_eq!(problem.code, ExitCode::Unfit, "{problem}");
    assert!(!back.exists());
}

#[test]
fn a_drill_counts_every_table_and_leaves_nothing() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    let drill = |migrations: &[Migrations]| {
        watched(|watch| ytorch_backup::drill(&created.path, migrations, &fixture.clock, 0, watch))
    };
    let drilled = drill(&MIGRATIONS).unwrap();
    assert_eq!(drilled.migrations_applied, 0);
    let table = |name: &str| drilled.tables.iter().find(|count| count.table == name).unwrap();
    assert_eq!((table("note").expected, table("note").restored), (2_000, Some(2_000)));
    assert_eq!(drilled.tables.len(), 3);
    assert_eq!(names(&fixture.folders.backups()).len(), 1, "the scratch folder was left");
}

#[test]
fn a_drill_applies_new_migrations_and_refuses_a_database_from_the_future() {
    const SECOND: Migration =
        Migration { number: 2, sql: "create table more (x); insert into note (text) values ('new')" };
    const BOTH: &[Migration] = &[MIGRATIONS[0].list[0], SECOND];
    let newer = [Migrations { owner: "test", list: BOTH }];
    let fixture = Fixture::new();
    let old = fixture.backup();
    let drill = |archive: &PathBuf, migrations: &[Migrations]| {
        watched(|watch| ytorch_backup::drill(archive, migrations, &fixture.clock, 0, watch))
    };
    let drilled = drill(&old.path, &newer).unwrap();
    assert_eq!(drilled.migrations_applied, 1);
    drop(ytorch_store::Database::open(&fixture.folders.database(), &newer, &fixture.clock).unwrap());
    let new = fixture.backup();
    assert_eq!(drill(&new.path, &MIGRATIONS).unwrap_err().code, ExitCode::Unfit);
    assert_eq!(names(&fixture.folders.backups()).len(), 2, "the scratch folder was left");
}

#[test]
fn an_archive_is_an_ordinary_one() {
    let fixture = Fixture::new();
    let created = fixture.backup();
    let file = fs::File::open(&created.path).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut paths = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        paths.push(entry.path().unwrap().to_str().unwrap().to_owned());
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
    }
    assert_eq!(paths.first().unwrap(), "backup.json");
    assert_eq!(paths.last().unwrap(), "manifest.json");
    assert!(paths.contains(&"data/raw/ab12".to_owned()), "{paths:?}");
}
