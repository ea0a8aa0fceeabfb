//! The database by its own door: opening, migrating, writing, reading. It does not test SQLite.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use ytorch_core::{Clock, ExitCode, Timestamp};
use ytorch_store::{Database, Migration, Migrations, OpenError, StoreError, rusqlite};
use ytorch_telemetry::Metrics;

const FIRST: Migration = Migration { number: 1, sql: "create table thing (name text not null) strict" };
const SECOND: Migration = Migration { number: 2, sql: "alter table thing add column size_bytes integer" };
const ONE: Migrations = Migrations { owner: "test", list: &[FIRST] };
const TWO: Migrations = Migrations { owner: "test", list: &[FIRST, SECOND] };

const EDITED: Migrations = Migrations {
    owner: "test",
    list: &[Migration { number: 1, sql: "create table thing (name text) strict" }, SECOND],
};
const BROKEN: Migrations = Migrations { owner: "test", list: &[FIRST, Migration { number: 2, sql: "nonsense" }] };

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ytorch-store-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self, migrations: Migrations) -> Result<Database, OpenError> {
        Database::open(&self.0.join("db/test.sqlite3"), &[migrations], &clock())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_seconds(1_700_000_000))
}

fn count(database: &Database) -> i64 {
    database
        .read_blocking(|connection| {
            Ok::<_, StoreError>(connection.query_row("select count(*) from thing", [], |row| row.get(0))?)
        })
        .unwrap()
}

fn insert(database: &Database, name: &'static str) -> Result<(), StoreError> {
    database.write_blocking(move |transaction| {
        transaction.execute("insert into thing (name) values (?)", [name])?;
        if name == "bad" { Err(StoreError::Closed) } else { Ok(()) }
    })
}

#[test]
fn migrations_run_once_and_go_on_later() {
    let folder = Folder::new("migrate");
    let database = folder.open(ONE).unwrap();
    insert(&database, "kept").unwrap();
    drop(database);
    for _ in 0..2 {
        let database = folder.open(TWO).unwrap();
        assert_eq!(count(&database), 1);
        let applied = database
            .read_blocking(|connection| {
                Ok::<i64, StoreError>(connection.query_row("select count(*) from migration", [], |row| row.get(0))?)
            })
            .unwrap();
        assert_eq!(applied, 2);
    }
}

#[test]
fn a_database_from_the_future_and_a_changed_migration_are_refused() {
    let folder = Folder::new("future");
    drop(folder.open(TWO).unwrap());
    let Err(newer) = folder.open(ONE) else { panic!("an older program opened a newer database") };
    assert!(matches!(newer, OpenError::Newer { number: 2, .. }));
    assert_eq!(newer.problem().code, ExitCode::Unfit);
    assert!(matches!(folder.open(EDITED), Err(OpenError::Changed { number: 1, .. })));
}

#[test]
fn a_failed_migration_changes_nothing() {
    let folder = Folder::new("failed");
    assert!(matches!(folder.open(BROKEN), Err(OpenError::Migrate { number: 2, .. })));
    drop(folder.open(TWO).unwrap());
}

#[test]
fn a_file_that_is_no_database_is_left_alone_and_named() {
    let folder = Folder::new("garbage");
    let path = folder.0.join("db/test.sqlite3");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(&path).and_then(|mut file| std::io::Write::write_all(&mut file, &[b'x'; 9000])).unwrap();
    let problem = folder.open(ONE).err().unwrap().problem();
    assert!(problem.detail.unwrap().contains("test.sqlite3"));
    assert!(problem.hint.unwrap().contains("reingest"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 9000);
}

#[test]
fn a_failed_or_panicking_write_is_rolled_back_and_the_writer_lives() {
    let folder = Folder::new("rollback");
    let database = folder.open(ONE).unwrap();
    assert!(matches!(insert(&database, "bad"), Err(StoreError::Closed)));
    let panicked: Result<(), StoreError> = database.write_blocking(|transaction| {
        transaction.execute("insert into thing (name) values ('x')", [])?;
        panic!("on purpose")
    });
    assert!(matches!(panicked, Err(StoreError::Closed)));
    insert(&database, "good").unwrap();
    assert_eq!(count(&database), 1);
}

#[tokio::test]
async fn reads_and_writes_of_every_clone_move_the_metrics() {
    let folder = Folder::new("measured");
    let metrics = Metrics::new();
    let database = folder.open(ONE).unwrap().measured(&metrics);
    insert(&database, "good").unwrap();
    insert(&database.clone(), "bad").unwrap_err();
    count(&database);
    database.read(|_| Ok::<_, StoreError>(())).await.unwrap();
    database.write(|_| Ok::<_, StoreError>(())).await.unwrap();
    let text = metrics.text();
    for line in [
        "ytorch_database_reads_total 2",
        "ytorch_database_read_duration_seconds_count 2",
        "ytorch_database_writes_total 3",
        "ytorch_database_write_duration_seconds_count 3",
        "ytorch_database_errors_total 1",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in\n{text}");
    }
}

#[test]
fn readers_see_the_old_state_until_the_commit_and_cannot_write() {
    let folder = Folder::new("snapshot");
    let database = folder.open(ONE).unwrap();
    let inside = database.clone();
    database
        .write_blocking(move |transaction| {
            transaction.execute("insert into thing (name) values ('x')", [])?;
            assert_eq!(count(&inside), 0, "a reader saw an uncommitted row");
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(count(&database), 1);
    let refused: Result<usize, StoreError> =
        database.read_blocking(|connection| Ok(connection.execute("delete from thing", [])?));
    let Err(StoreError::Sqlite(error)) = refused else { panic!("a reader wrote") };
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
}

#[tokio::test]
async fn async_reads_and_writes_work_and_more_readers_than_the_pool_wait() {
    let folder = Folder::new("async");
    let database = folder.open(ONE).unwrap();
    database
        .write(|transaction| Ok::<_, StoreError>(transaction.execute("insert into thing values ('x')", [])?))
        .await
        .unwrap();
    let reads: Vec<_> = (0..32)
        .map(|_| {
            let database = database.clone();
            tokio::spawn(async move {
                database
                    .read(|connection| {
                        Ok::<i64, StoreError>(connection.query_row("select count(*) from thing", [], |row| row.get(0))?)
                    })
                    .await
            })
        })
        .collect();
    for read in reads {
        assert_eq!(read.await.unwrap().unwrap(), 1);
    }
}

#[test]
fn maintenance_that_would_never_end_is_over_when_somebody_says_so_and_beats_until_then() {
    let folder = Folder::new("endless");
    let database = folder.open(ONE).unwrap();
    let before = database.writer_pulse();
    let is_over = || database.writer_pulse() > before + 100;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let ended = database.maintain_blocking(&is_over, move |connection| connection.query_row(endless, [], |_| Ok(())));
    assert!(matches!(ended, Err(StoreError::Sqlite(error)) if error.to_string().contains("interrupted")));
    // What comes after it is not over.
    let sum = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000) select count(*) from n";
    let counted = database
        .maintain_blocking(&|| false, move |connection| connection.query_row(sum, [], |row| row.get::<_, u32>(0)));
    assert_eq!(counted.unwrap(), 100_000);
}
