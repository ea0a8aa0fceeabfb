//! The crate by its door: an instance goes in, files come out, and back. No server runs here.

#![expect(clippy::unwrap_used, reason = "what every test of this program stands on is test code, too")]

mod hostile;
mod maintenance;
mod making;
mod pruning;
mod restoring;
mod snapshots;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use ytorch_backup::{Created, Media, Request, Target, Watch, Whole};
use ytorch_core::{
    Clock, InstanceFolders, InstanceName, Problem, Timestamp,
    files::{Access, create_private_folder, write_atomically},
};
use ytorch_store::{Database, Migration, Migrations, StoreError, rusqlite::params};

const MIGRATIONS: [Migrations; 1] = [Migrations {
    owner: "test",
    list: &[Migration {
        number: 1,
        sql: "create table note (id integer primary key, text text not null) strict; create table empty (x)",
    }],
}];

/// An instance in a folder of its own, with some rows and files.
struct Fixture {
    home: TempDir,
    name: InstanceName,
    folders: InstanceFolders,
    clock: Clock,
}

impl Fixture {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folders = InstanceFolders::new(home.path().join("friend"));
        create_private_folder(&folders.run()).unwrap();
        for (path, text) in [
            (folders.spec(), "name = \"friend\"\n"),
            (folders.server_settings(), "port = 8100\n"),
            (folders.token(), "secret\n"),
            (folders.raw().join("ab12"), "an export"),
            (folders.raw().join("cd34"), &"x".repeat(300_000)),
            (folders.raw().join(".incoming-999999999-0"), "half an export"),
            (folders.media().join("a/film.mp4"), "a film"),
            (folders.logs().join("ytorch-server.log"), "log"),
            (folders.server_lock(), "1"),
        ] {
            write(&path, text);
        }
        let clock = Clock::fixed(Timestamp::from_seconds(1_700_000_000));
        let fixture = Self { home, name: "friend".parse().unwrap(), folders, clock };
        fixture.add_notes(&fixture.open(), 2_000);
        fixture
    }

    fn open(&self) -> Database {
        Database::open(&self.folders.database(), &MIGRATIONS, &self.clock).unwrap()
    }

    fn add_notes(&self, database: &Database, count: u32) {
        assert_eq!(database.path(), self.folders.database());
        let written = database.write_blocking(move |transaction| {
            for number in 0..count {
                transaction.execute("insert into note (text) values (?)", params![format!("{number}").repeat(50)])?;
            }
            Ok::<(), StoreError>(())
        });
        written.unwrap();
    }

    fn notes(&self) -> u64 {
        let read = self.open().read_blocking(|connection| {
            Ok::<u64, StoreError>(connection.query_row("select count(*) from note", [], |row| row.get(0))?)
        });
        read.unwrap()
    }

    fn request(&self, target: Target) -> Request<'_> {
        Request {
            instance: &self.name,
            folders: &self.folders,
            target,
            media: Media::Without,
            disk_floor_bytes: 0,
            version: "1.2.3",
            clock: &self.clock,
        }
    }

    fn backup(&self) -> Created {
        self.create(&self.request(Target::Folder(self.folders.backups()))).unwrap()
    }

    fn create(&self, request: &Request<'_>) -> Result<Created, Problem> {
        assert_eq!(request.folders, &self.folders);
        watched(|watch| ytorch_backup::create(request, watch))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }
}

/// Does work that nobody watches.
fn watched<T>(work: impl FnOnce(&mut Watch<'_>) -> T) -> T {
    let (mut progress, never) = (|_, _| {}, || false);
    work(&mut Watch::new(&mut progress, &never))
}

fn restore(archive: &Path, folder: &Path) -> Result<Whole, Problem> {
    watched(|watch| ytorch_backup::restore(archive, folder, 0, watch))
}

fn verify(archive: &Path) -> Result<Whole, Problem> {
    watched(|watch| ytorch_backup::verify(archive, 0, watch))
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    create_private_folder(path.parent().unwrap()).unwrap();
    write_atomically(path, text.as_ref(), Access::Private).unwrap();
}

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
