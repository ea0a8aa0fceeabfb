//! Archives that somebody made to do harm: they cost a message, and nothing is written outside of the folder.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};
use ytorch_backup::{FORMAT, Manifest, Member};
use ytorch_core::{ExitCode, hexadecimal};

use super::{Fixture, names, restore, verify, write};

/// An archive that is made by hand.
struct Forged {
    builder: Builder<Vec<u8>>,
    files: Vec<Member>,
    counts: BTreeMap<String, u64>,
    most: u64,
}

impl Forged {
    fn new() -> Self {
        Self { builder: Builder::new(Vec::new()), files: Vec::new(), counts: BTreeMap::new(), most: 1 << 20 }
            .header(FORMAT)
    }

    fn bare() -> Self {
        Self { builder: Builder::new(Vec::new()), files: Vec::new(), counts: BTreeMap::new(), most: 1 << 20 }
    }

    fn header(self, format: u32) -> Self {
        let text = format!(
            r#"{{"format":{format},"instance":"friend","created_at":"x","version":"9","media":false,"unpacked_bytes":{}}}"#,
            self.most
        );
        self.entry("backup.json", EntryType::Regular, text.as_bytes())
    }

    /// An entry whose name is written as it is, which tar's own builder would refuse.
    fn entry(mut self, name: &str, kind: EntryType, bytes: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if kind == EntryType::Symlink || kind == EntryType::Link {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        self.builder.append(&header, bytes).unwrap();
        self
    }

    fn file(mut self, name: &str, bytes: &[u8]) -> Self {
        let sha256 = hexadecimal(&Sha256::digest(bytes));
        self.files.push(Member { path: name.to_owned(), size_bytes: bytes.len() as u64, sha256 });
        self.entry(name, EntryType::Regular, bytes)
    }

    fn manifest(self) -> Self {
        let manifest = Manifest {
            format: FORMAT,
            instance: "friend".parse().unwrap(),
            created_at: "x".to_owned(),
            version: "9".to_owned(),
            media: false,
            migrations: Vec::new(),
            files: self.files.clone(),
            counts: self.counts.clone(),
        };
        self.entry("manifest.json", EntryType::Regular, &serde_json::to_vec(&manifest).unwrap())
    }

    fn tar(self) -> Vec<u8> {
        self.builder.into_inner().unwrap()
    }

    fn at(self, path: &Path) {
        write(path, zipped(&self.tar()));
    }
}

fn zipped(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// Restoring fails as it should, and leaves nothing: neither the folder nor anything beside it.
#[track_caller]
fn refused(forged: Forged, words: &str) {
    let home = tempfile::tempdir().unwrap();
    let (archive, folder) = (home.path().join("archive"), home.path().join("in/back"));
    forged.at(&archive);
    fs::create_dir(home.path().join("in")).unwrap();
    for problem in [restore(&archive, &folder).unwrap_err(), verify(&archive).unwrap_err()] {
        assert_eq!(problem.code, ExitCode::BadExport, "{problem}");
        assert!(problem.to_string().contains(words), "{problem}");
    }
    assert_eq!(names(home.path()), ["archive", "in"]);
    assert_eq!(names(&home.path().join("in")), [""; 0]);
}

#[test]
fn a_forged_archive_without_a_trick_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let archive = home.path().join("archive");
    Forged::new().file("config/a", b"1").file("data/raw/b", b"").manifest().at(&archive);
    assert_eq!(restore(&archive, &home.path().join("back")).unwrap().files, 2);
    assert_eq!(fs::read(home.path().join("back/config/a")).unwrap(), b"1");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../evil",
        "/tmp/ytorch-evil",
        "config/../../evil",
        "config/./a",
        "config//a",
        "data/db/server.lock",
        "run/server.lock",
        ".hidden",
        "config/.hidden",
        "evil",
        "data/db/ytorch.sqlite3-wal",
        "config\\..\\evil",
    ] {
        refused(Forged::new().file(name, b"evil").manifest(), "is not one of a backup");
    }
    assert!(!PathBuf::from("/tmp/ytorch-evil").exists());
}

#[test]
fn links_folders_and_devices_are_refused() {
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Fifo,
        EntryType::Char,
        EntryType::Block,
        EntryType::GNUSparse,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::GNULongLink,
    ] {
        refused(Forged::new().entry("config/a", kind, b"").manifest(), "no plain file");
    }
}

#[test]
fn a_file_where_a_folder_should_be_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let (archive, back) = (home.path().join("archive"), home.path().join("back"));
    Forged::new().file("config/a", b"1").file("config/a/b", b"2").manifest().at(&archive);
    restore(&archive, &back).unwrap_err();
    assert!(!back.exists());
}

#[test]
fn what_does_not_fit_its_manifest_is_refused() {
    refused(Forged::new().file("config/a", b"1"), "before its manifest");
    refused(
        Forged::new().file("config/a", b"1").entry("config/b", EntryType::Regular, b"2").manifest(),
        "not in its manifest",
    );
    refused(Forged::new().file("config/a", b"1").file("config/a", b"1").manifest(), "twice");
    refused(Forged::new().manifest().file("config/a", b"1"), "follows the manifest");
    let mut missing = Forged::new().file("config/a", b"1");
    missing.files.push(Member { path: "config/b".to_owned(), size_bytes: 0, sha256: String::new() });
    refused(missing.manifest(), "`config/b` is missing");
    let mut hash = Forged::new().file("config/a", b"1");
    hash.files[0].sha256 = "00".to_owned();
    refused(hash.manifest(), "hash differs");
    let mut size = Forged::new().file("config/a", b"1");
    size.files[0].size_bytes = 2;
    refused(size.manifest(), "instead of 2");
    let mut rows = Forged::new().file("config/a", b"1");
    rows.counts.insert("note".to_owned(), 1);
    refused(rows.manifest(), "no database");
    refused(Forged::new().file("data/db/ytorch.sqlite3", b"no database at all").manifest(), "database");
    refused(Forged::new().entry("manifest.json", EntryType::Regular, b"{}"), "cannot be understood");
    refused(Forged::bare().file("config/a", b"1").manifest(), "does not begin with");
    refused(Forged::bare().entry("backup.json", EntryType::Regular, b"[]").manifest(), "cannot be understood");
}

#[test]
fn more_than_it_says_is_a_bomb() {
    let mut bomb = Forged::bare();
    bomb.most = 1_000;
    refused(bomb.header(FORMAT).file("data/raw/a", &[0; 1_001]).manifest(), "more than it says");
}

#[test]
fn one_that_says_it_is_huge_is_refused_before_it_is_read() {
    let home = tempfile::tempdir().unwrap();
    let (archive, back) = (home.path().join("archive"), home.path().join("back"));
    let mut huge = Forged::bare();
    huge.most = 1 << 60;
    huge.header(FORMAT).file("data/raw/a", &[0; 1_001]).manifest().at(&archive);
    assert_eq!(restore(&archive, &back).unwrap_err().code, ExitCode::Unfit);
    assert!(!back.exists());
}

#[test]
fn a_long_name_without_end_is_not_taken_into_memory() {
    let name = vec![b'a'; 5_000];
    refused(Forged::new().entry("././@LongLink", EntryType::GNULongName, &name).manifest(), "no plain file");
}

#[test]
fn a_newer_form_is_named_as_such() {
    let home = tempfile::tempdir().unwrap();
    let archive = home.path().join("archive");
    Forged::bare().header(FORMAT + 1).at(&archive);
    let problem = verify(&archive).unwrap_err();
    assert_eq!(problem.code, ExitCode::Unfit);
    assert!(problem.to_string().contains("newer version"), "{problem}");
}

#[test]
fn long_names_of_our_own_come_back() {
    let fixture = Fixture::new();
    let name = format!("{}/{}.mp4", "folder".repeat(20), "film".repeat(50));
    write(&fixture.folders.raw().join(&name), "film");
    let created = fixture.backup();
    restore(&created.path, &fixture.path("back")).unwrap();
    assert_eq!(fs::read(fixture.path("back/data/raw").join(&name)).unwrap(), b"film");
}

/// The tar stream of a small whole backup, in which the bytes of one place are replaced.
fn changed(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut tar = Forged::new().file("config/a", b"1").file("data/raw/b", &[7; 700]).manifest().tar();
    let place = place % tar.len();
    let end = (place + bytes.len()).min(tar.len());
    tar[place..end].copy_from_slice(&bytes[..end - place]);
    tar
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_the_bytes_nothing_is_written_beside_the_folder(
        place in 0_usize..8_192,
        bytes in proptest::collection::vec(any::<u8>(), 1..40),
        mend in any::<bool>(),
    ) {
        let mut tar = changed(place, &bytes);
        if mend {
            // A checksum that fits lets the change through to what comes after tar.
            let start = place % tar.len() / 512 * 512;
            let mut header = Header::from_byte_slice(&tar[start..start + 512]).clone();
            header.set_cksum();
            tar[start..start + 512].copy_from_slice(header.as_bytes());
        }
        let home = tempfile::tempdir().unwrap();
        let archive = home.path().join("archive");
        write(&archive, zipped(&tar));
        fs::create_dir(home.path().join("in")).unwrap();
        let back = home.path().join("in/back");
        let restored = restore(&archive, &back);
        prop_assert_eq!(names(home.path()), ["archive", "in"]);
        let expected: &[&str] = if restored.is_ok() { &["back"] } else { &[] };
        prop_assert_eq!(names(&home.path().join("in")), expected);
    }
}
