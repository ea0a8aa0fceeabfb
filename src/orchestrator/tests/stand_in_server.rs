//! A stand-in for `ytorch-server`: it speaks the part of the contract that the orchestrator relies on, so that its
//! tests need neither the server nor a database. It stores what it is sent and understands none of it.
//!
//! Files in `config/` make it misbehave: `die-with` holds an exit status, `import-waits` delays an import until the
//! file is gone.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program for tests: it answers by printing, and a panic of it is a failed test"
)]

use std::{
    env, fs,
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::exit,
    thread,
    time::Duration,
};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let Some(verb) = arguments.first() else { return };
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let folder = PathBuf::from(option("--instance-dir").unwrap_or_default());
    match verb.as_str() {
        "--version" => println!("ytorch-server {}", env!("CARGO_PKG_VERSION")),
        "settings" => println!(r#"{{"settings":[{{"name":"time_zone","value":"UTC","origin":"default"}}]}}"#),
        "check" => die_if_told(&folder),
        "serve" => serve(&folder, &option("--bind").unwrap(), &option("--port").unwrap()),
        "import" | "reingest" => import(&folder, arguments.last().unwrap()),
        // A test runner asks every test program for its list.
        _ => {}
    }
}

fn die_if_told(folder: &Path) {
    if let Ok(code) = fs::read_to_string(folder.join("config/die-with")) {
        eprintln!("error: the setting `time_zone` is wrong\n  hint: correct it");
        exit(code.trim().parse().unwrap());
    }
}

fn lock(folder: &Path) -> File {
    let path = folder.join("run/server.lock");
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
    if file.try_lock().is_err() {
        exit(5);
    }
    file.set_len(0).unwrap();
    write!(file, "{}", std::process::id()).unwrap();
    file
}

fn serve(folder: &Path, bind: &str, port: &str) {
    die_if_told(folder);
    let _lock = lock(folder);
    let Ok(listener) = TcpListener::bind(format!("{bind}:{port}")) else { exit(7) };
    let mut log = OpenOptions::new().append(true).create(true).open(folder.join("logs/ytorch-server.log")).unwrap();
    writeln!(log, "ready on {port}").unwrap();
    for stream in listener.incoming().flatten() {
        let folder = folder.to_owned();
        thread::spawn(move || answer(stream, &folder));
    }
}

fn answer(mut stream: TcpStream, folder: &Path) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut words = request.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.strip_prefix("Bearer ")?.clone_into(&mut token),
            _ => {}
        }
    }
    let known = fs::read_to_string(folder.join("config/secrets/token")).unwrap_or_default();
    let (status, body) = match (method.as_str(), path.as_str()) {
        ("GET", "/healthz") => {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            (200, format!(r#"{{"status":"ok","version":"9.9.9","instance":"{name}"}}"#))
        }
        ("GET", "/readyz") => (200, r#"{"ready":true,"checks":[]}"#.to_owned()),
        _ if token != known.trim() => (401, r#"{"error":{"what":"no","detail":null,"hint":null}}"#.to_owned()),
        ("POST", "/api/v1/login-links") => (201, r#"{"path":"/login?code=abc","expires_at":"x"}"#.to_owned()),
        ("POST", "/api/v1/history/imports") => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).ok()?;
            if body.windows(6).any(|bytes| bytes == b"broken") {
                (422, r#"{"error":{"what":"no export","detail":"it is broken","hint":"another"}}"#.to_owned())
            } else {
                File::create(folder.join("data/received")).unwrap().write_all(&body).unwrap();
                (202, r#"{"id":"7","status":"queued","progress":null}"#.to_owned())
            }
        }
        ("POST", "/api/v1/history/reingest") => (202, r#"{"id":"7","status":"running"}"#.to_owned()),
        ("GET", "/api/v1/history/imports/7") => (200, done(3)),
        _ => (404, "{}".to_owned()),
    };
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").ok()
}

fn done(records: u64) -> String {
    format!(
        r#"{{"id":"7","status":"done","sources":[{{}}],"records_total":{records},"views_added":{records},"views_known":0,"skipped":{{"ads":0,"posts":0,"removed_without_id":0,"other":0}},"rejected":0,"duration_ms":12,"problem":null}}"#
    )
}

fn import(folder: &Path, last: &str) {
    let _lock = lock(folder);
    while folder.join("config/import-waits").exists() {
        thread::sleep(Duration::from_millis(10));
    }
    println!(r#"{{"event":"progress","phase":"reading","bytes_done":1,"bytes_total":2,"records":1}}"#);
    if fs::read_to_string(last).is_ok_and(|text| text.contains("broken")) {
        println!(r#"{{"event":"failed","problem":{{"what":"no export","detail":"it is broken","hint":"another"}}}}"#);
        exit(9);
    }
    println!(r#"{{"event":"done","import":{}}}"#, done(5));
}
