//! Where the programs under test are. It builds them once and never installs them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The repository's root folder.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the repository")
}

/// The folder of the build, such as `target`: two above the folder of this test program.
pub fn target() -> PathBuf {
    profile_folder().parent().expect("a profile folder lies in the target folder").to_owned()
}

/// The program `ytorch-server`.
pub fn server() -> PathBuf {
    folder().join("ytorch-server")
}

/// The program `ytorch`.
pub fn ytorch() -> PathBuf {
    folder().join("ytorch")
}

/// A command of cargo in the repository, offline: whatever the tests need has been fetched for building them.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repository()).env("CARGO_TARGET_DIR", target()).env("CARGO_NET_OFFLINE", "true");
    command
}

/// The folder of both programs, built with the profile of this test program.
///
/// Cargo builds the programs of a package only for that package's own tests, so a test of another package must ask for
/// them. When nothing changed the question costs a third of a second. `YTORCH_TEST_PROGRAMS` names programs that are
/// built already: `deploy/test` sets it.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(folder) = env::var_os("YTORCH_TEST_PROGRAMS") {
            return folder.into();
        }
        let folder = profile_folder();
        let mut command = cargo();
        command.args(["build", "--quiet", "--package", "ytorch-server", "--package", "ytorch-orchestrator", "--bins"]);
        if folder.ends_with("release") {
            command.arg("--release");
        }
        let status = command.status().expect("cargo runs");
        assert!(status.success(), "could not build the programs under test: {status}");
        folder
    })
}

/// The folder of both programs as a release has them, for machines of another age: `YTORCH_TEST_RELEASE`, which `deploy/test`
/// sets, else the same as all other tests use, which need a Debian that is no older than this machine.
pub fn release() -> PathBuf {
    env::var_os("YTORCH_TEST_RELEASE").map_or_else(|| folder().to_owned(), PathBuf::from)
}

/// The processes of a program that were started with this folder, as a word of its own or behind a `=`.
pub fn processes_with(folder: &Path, program: &str) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_ours = |process: &u32| {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split('\0');
        words.next().is_some_and(|word| word.ends_with(program))
            && words.any(|word| word.rsplit('=').next().is_some_and(|value| Path::new(value) == folder))
    };
    numbers.filter(is_ours).collect()
}

fn profile_folder() -> PathBuf {
    let program = env::current_exe().expect("a running test knows its own program");
    program.ancestors().nth(2).expect("test programs lie in target/PROFILE/deps").to_owned()
}

/// A program of a package of Debian: on the path, or where `deploy/test` unpacks it.
pub fn of_debian(name: &str, package: &str) -> PathBuf {
    let unpacked = ["usr/bin", "usr/sbin"].map(|folder| target().join("tools/debian").join(folder));
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders = env::split_paths(&path).chain(unpacked);
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
    found.unwrap_or_else(|| panic!("`{name}` is missing: `deploy/test` gets Debian's package `{package}`"))
}
