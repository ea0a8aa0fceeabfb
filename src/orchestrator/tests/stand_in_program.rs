//! A stand-in for `systemctl`, `journalctl` and `podman`: says its name and its arguments to the stand-in machine
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
    let own = PathBuf::from(words.next().unwrap());
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
    let asked = serde_json::json!({ "program": name, "arguments": words.collect::<Vec<_>>() });
    writeln!(stream, "{asked}").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    print!("{}", told["stdout"].as_str().unwrap());
    eprint!("{}", told["stderr"].as_str().unwrap());
    exit(i32::try_from(told["code"].as_i64().unwrap()).unwrap());
}
