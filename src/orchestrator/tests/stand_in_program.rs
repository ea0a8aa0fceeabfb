//! A stand-in for `systemctl`, `journalctl`, `podman` and its generator: says its name and its arguments to the stand-in machine
//! (`stand_in/machine.py`) and ends as that says. It knows nothing itself; a link to it is one of the programs.

#![expect(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a program for tests")]

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::exit,
};

fn main() {
    let mut words = env::args();
    let called = PathBuf::from(words.next().unwrap());
    // Whoever calls a program by its bare name found it in the search path.
    let search = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&search).map(|folder| folder.join(&called));
    let own = places.find(|path| path.is_file()).unwrap_or(called);
    let name = own.file_name().unwrap().to_string_lossy().into_owned();
    // A test runner asks every test program for its list; only links have a machine beside them.
    let Some(machine) = own.parent().and_then(|bin| bin.parent()).map(|folder| folder.join("socket")) else { return };
    let Ok(mut stream) = UnixStream::connect(machine) else {
        if name.starts_with("stand_in_program") {
            return;
        }
        eprintln!("the stand-in machine of {} is gone", own.display());
        exit(70);
    };
    let folder = env::var("QUADLET_UNIT_DIRS").unwrap_or_default();
    let asked = serde_json::json!({ "program": name, "arguments": words.collect::<Vec<_>>(), "quadlets": folder });
    writeln!(stream, "{asked}").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    print!("{}", told["stdout"].as_str().unwrap());
    eprint!("{}", told["stderr"].as_str().unwrap());
    exit(i32::try_from(told["code"].as_i64().unwrap()).unwrap());
}
