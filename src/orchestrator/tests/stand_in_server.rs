//! A stand-in for `ytorch-server`: it speaks the part of the contract that the orchestrator relies on, so that its
//! tests need neither the server nor a database. It stores what it is sent and understands none of it.
//!
//! Files in `config/` make it misbehave: `die-with` holds an exit status, `import-waits` delays an import until the
//! file is gone, `degraded` opens the breaker of its one service, `job-fails` lets its job end badly.

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
        "settings" => {
            refuse_nonsense(&folder);
            println!(r#"{{"settings":[{{"name":"time_zone","value":"UTC","origin":"default"}}]}}"#);
        }
        "check" => {
            die_if_told(&folder);
            println!(r#"{{"ok":true,"checks":[{{"name":"database","ok":true,"detail":"it opens"}}]}}"#);
        }
        "snapshot" => {
            refuse_nonsense(&folder);
            // It has a database only where a test made one.
            let database = fs::read(folder.join("data/db/ytorch.sqlite3")).unwrap_or_default();
            File::create(option("--to").unwrap()).unwrap().write_all(&database).unwrap();
            println!(r#"{{"event":"done","result":{{}}}}"#);
        }
        "serve" => {
            let address = |name: &str, variable: &str| option(name).or_else(|| env::var(variable).ok()).unwrap();
            serve(&folder, &address("--bind", "YTORCH_BIND"), &address("--port", "YTORCH_PORT"));
        }
        "backup-show" => {
            let instance = fs::read_to_string(Path::new(arguments.last().unwrap()).join("instance")).unwrap();
            println!(r#"{{"event":"done","result":{{"instance":"{instance}","created_at":"x"}}}}"#);
        }
        "restore" => restore(&folder, Path::new(arguments.last().unwrap())),
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

/// No release knows the setting `nonsense`, and only a newer one, which ends with that word, the setting `newest`.
fn refuse_nonsense(folder: &Path) {
    let settings = fs::read_to_string(folder.join("config/server.toml")).unwrap_or_default();
    let is_newer = fs::read(env::current_exe().unwrap()).unwrap().ends_with(b"newer");
    if settings.contains("nonsense = ") || (settings.contains("newest = ") && !is_newer) {
        eprintln!("error: there is no such setting");
        exit(2);
    }
}

fn lock(folder: &Path) -> File {
    let path = folder.join("data/db/server.lock");
    let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
    if file.try_lock().is_err() {
        exit(5);
    }
    file.set_len(0).unwrap();
    write!(file, "{}", std::process::id()).unwrap();
    file
}

/// A backup of the stand-in is a folder: the name of its instance, and its data.
fn restore(folder: &Path, backup: &Path) {
    fs::create_dir_all(folder.join("data/raw")).unwrap();
    for entry in fs::read_dir(backup.join("raw")).unwrap().flatten() {
        fs::copy(entry.path(), folder.join("data/raw").join(entry.file_name())).unwrap();
    }
    println!(r#"{{"event":"done","result":{{}}}}"#);
}

fn serve(folder: &Path, bind: &str, port: &str) {
    die_if_told(folder);
    refuse_nonsense(folder);
    let _lock = lock(folder);
    let mut passed = listenfd::ListenFd::from_env();
    let mut listeners: Vec<TcpListener> =
        (0..passed.len()).filter_map(|index| passed.take_tcp_listener(index).ok().flatten()).collect();
    if passed.len() == 0 {
        let Ok(listener) = TcpListener::bind(format!("{bind}:{port}")) else { exit(7) };
        listeners.push(listener);
    }
    let mut log = OpenOptions::new().append(true).create(true).open(folder.join("logs/ytorch-server.log")).unwrap();
    writeln!(log, "ready on {port}").unwrap();
    let generation = env::var("YTORCH_GENERATION").unwrap_or_default();
    let status = format!("serving {bind}:{port} (generation {generation})");
    // Without systemd nobody wants to know, which is no error.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready, sd_notify::NotifyState::Status(&status)]);
    let listener = listeners.first().unwrap();
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
        ("GET", "/login" | "/history") => (200, "<p>hello".to_owned()),
        ("GET", "/readyz") if folder.join("config/degraded").exists() => {
            (200, r#"{"ready":true,"checks":[],"degraded":[{"name":"breaker.notify","detail":"open"}]}"#.to_owned())
        }
        ("GET", "/readyz") => (200, r#"{"ready":true,"checks":[],"degraded":[]}"#.to_owned()),
        _ if token != known.trim() => (401, r#"{"error":{"what":"no","detail":null,"hint":null}}"#.to_owned()),
        ("GET", "/api/v1/history/summary") => (200, r#"{"views":0}"#.to_owned()),
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
        _ => operations(&method, &path, &folder.join("config")),
    };
    let length = body.len();
    let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {length}");
    write!(stream, "{head}\r\nconnection: close\r\n\r\n{body}").ok()
}

/// What a person can do with the work of a server. Whatever is sent is refused where a test looks at that.
fn operations(method: &str, path: &str, config: &Path) -> (u16, String) {
    let breaker = |state: &str| {
        format!(
            r#"{{"service":"notify","state":"{state}","failures":5,"open_until":null,"last_error":"it answered 500"}}"#
        )
    };
    let job = |state: &str| {
        format!(
            r#"{{"id":9,"kind":"platform_maintain","subject":"tidy","state":"{state}","message":"all is well","error":"the disk is full","created_at":"2026-11-21T11:00:00Z"}}"#
        )
    };
    let (status, body) = match (method, path) {
        ("GET", "/status") => (
            200,
            r#"{"pipelines":{"a":{"pending":1,"failed":2},"b":{"pending":3,"failed":0}},"backups":{"newest_at":null}}"#
                .to_owned(),
        ),
        ("GET", "/api/v1/breakers") => {
            let state = if config.join("degraded").exists() { "open" } else { "closed" };
            (200, format!(r#"{{"items":[{}]}}"#, breaker(state)))
        }
        ("POST", "/api/v1/breakers/notify/reset") => {
            // Absent is as good as removed.
            let _ = fs::remove_file(config.join("degraded"));
            (200, breaker("closed"))
        }
        ("GET", "/api/v1/jobs?limit=5&state=failed&kind=a%26b") => (200, format!(r#"{{"items":[{}]}}"#, job("failed"))),
        ("GET", "/api/v1/jobs?limit=20") => (200, r#"{"items":[]}"#.to_owned()),
        ("POST", "/api/v1/jobs/9/cancel") => (202, job("running")),
        ("POST", "/api/v1/jobs/9/retry") => {
            (409, r#"{"error":{"what":"the job is done","detail":null,"hint":"x"}}"#.to_owned())
        }
        ("POST", "/api/v1/schedules/maintain/run") => (202, job("queued")),
        ("GET", "/api/v1/jobs/9") => (200, job(if config.join("job-fails").exists() { "failed" } else { "done" })),
        _ => (404, r#"{"error":{"what":"there is no such thing","detail":null,"hint":"x"}}"#.to_owned()),
    };
    (status, body)
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
