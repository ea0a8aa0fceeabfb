//! `deploy/reproduce --compare`: what differs between two releases is found and named. It builds nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ytorch_tests::programs;

/// Two folders that look like releases; the programs in them are small ones of this machine.
struct Releases {
    folder: tempfile::TempDir,
}

impl Releases {
    fn new() -> Self {
        let releases = Self { folder: tempfile::tempdir().expect("a folder can be made") };
        for side in ["one", "other"] {
            fs::create_dir(releases.file(side)).expect("files of the test can be used");
            fs::copy("/bin/true", releases.file(side).join("ytorch")).expect("files of the test can be used");
            fs::copy("/bin/false", releases.file(side).join("ytorch-server")).expect("files of the test can be used");
            write(&releases.file(side).join("built-with.txt"), b"rustc\ncc 12\n");
        }
        let names = "0".repeat(64);
        let sums: String =
            ["ytorch", "ytorch-server", "built-with.txt"].map(|name| format!("{names}  {name}\n")).concat();
        write(&releases.file("one/SHA256SUMS"), sums.as_bytes());
        releases
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Whether they are said to be the same, and all that is said.
    fn compare(&self) -> (bool, String) {
        let mut command = Command::new(programs::repository().join("deploy/reproduce"));
        command.arg("--compare").arg(self.file("one")).arg(self.file("other"));
        let output = command.env("CARGO_TARGET_DIR", programs::target()).output().expect("deploy/reproduce runs");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.success(), said)
    }

    /// Changes a section of a program of the other side.
    fn change(&self, program: &str, section: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let (program, bytes) = (self.file("other").join(program), self.file("bytes"));
        let objcopy = |option: &str, value: String| {
            assert!(
                Command::new("objcopy").args([option, &value]).arg(&program).status().expect("objcopy runs").success()
            );
        };
        let value = format!("{section}={}", bytes.display());
        objcopy("--dump-section", value.clone());
        let mut content = fs::read(&bytes).expect("files of the test can be used");
        change(&mut content);
        write(&bytes, &content);
        objcopy("--update-section", value);
    }
}

#[expect(clippy::disallowed_methods, reason = "the folder is gone when the test is")]
fn write(file: &Path, bytes: &[u8]) {
    fs::write(file, bytes).expect("files of the test can be used");
}

#[test]
fn equal_releases_are_the_same() {
    let (same, said) = Releases::new().compare();
    assert!(same && said.lines().filter(|line| line.starts_with("same ")).count() == 3, "{said}");
    assert!(!said.contains("DIFFERENT"), "{said}");
}

#[test]
fn a_changed_program_is_found_and_its_section_named() {
    let releases = Releases::new();
    releases.change("ytorch-server", ".rodata", |content| *content.last_mut().unwrap() ^= 1);
    let (same, said) = releases.compare();
    assert!(!same && said.contains("the section .rodata differs"), "{said}");
    assert!(!said.contains("the section .text differs") && said.contains("1 of the above differ"), "{said}");
}

#[test]
fn a_path_of_the_builder_is_found() {
    let releases = Releases::new();
    let path = format!("{}/src/main.rs", programs::repository().display());
    releases.change("ytorch", ".gnu_debuglink", |content| content.extend_from_slice(path.as_bytes()));
    let (same, said) = releases.compare();
    let expected = format!("holds the path {}, 1 times", programs::repository().display());
    assert!(!same && said.contains(&expected), "{said}");
}

#[test]
fn another_compiler_is_shown() {
    let releases = Releases::new();
    write(&releases.file("other/built-with.txt"), b"rustc\ncc 14\n");
    let (same, said) = releases.compare();
    assert!(!same && said.contains("< cc 12") && said.contains("> cc 14"), "{said}");
}

#[test]
fn a_release_that_is_not_there_is_no_release() {
    let releases = Releases::new();
    fs::remove_dir_all(releases.file("other")).unwrap();
    let (same, said) = releases.compare();
    assert!(!same && said.contains("other"), "{said}");
}
