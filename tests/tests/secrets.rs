//! Secrets from outside: that none is ever shown, written in plain or lost, and what a wrong key costs.
//! How they are encrypted, the store's own tests see.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use ytorch_tests::{Client, Instance, Recipe, Service, Session, Ytorch};

/// Must be seen by the service outside and by nobody else.
const CANARY: &str = "canary-of-the-tests-5d1f0c";

/// Pages that the crawl looks at.
const PAGES: usize = 60;

#[test]
fn no_secret_is_in_any_text_page_answer_file_or_process() {
    shows_no_secret("text");
}

#[test]
fn no_secret_is_in_a_log_of_json() {
    shows_no_secret("json");
}

fn shows_no_secret(log_format: &str) {
    let service = Service::answering("200 OK");
    let ytorch = Ytorch::new();
    let mut said = Said(String::new());
    let created = ytorch.create("friend", &["--time-zone", "UTC"]);
    said.0.push_str(&created.stdout);
    said.0.push_str(&created.stderr);
    said.add(&ytorch, &["stop", "friend"], Some(0));
    let folder = ytorch.root().join("friend");
    let mut settings = fs::read_to_string(folder.join("config/server.toml")).unwrap();
    let url = &service.url;
    write!(settings, "\nlog_level = \"trace\"\nlog_format = \"{log_format}\"\nnotify_url = \"{url}\"\n").unwrap();
    put(&folder.join("config/server.toml"), &settings);
    said.add(&ytorch, &["start", "friend"], Some(0));

    let client = ytorch.client("friend");
    let mut secrets = vec![CANARY.to_owned(), read(&folder, "token"), read(&folder, "encryption_key")];
    use_it(&client, &service, &mut secrets, &folder);
    let link = ytorch.link("friend");
    secrets.push(link.rsplit("code=").next().unwrap().to_owned());
    assert!(secrets.iter().all(|secret| secret.len() > 20), "{secrets:?}");

    said.0.push_str(&every_answer(&client));
    let processes = processes(&ytorch.root());
    assert!(processes.contains("serve") && processes.contains("PATH="), "no process was looked at: {processes}");
    said.0.push_str(&processes);
    let backup = ytorch.must(&["backup", "friend", "--json"]).json()["path"].as_str().unwrap().to_owned();
    for words in [
        &["status", "friend"][..],
        &["status", "friend", "--json"],
        &["list", "--json"],
        &["config", "friend"],
        &["config", "friend", "--json"],
        &["logs", "friend"],
        &["validate", "friend"],
        &["backup", "list", "friend"],
        &["backup", "verify", &backup, "--json"],
        &["backup", "drill", &backup],
        // Not started: two tests at once would choose the same port.
        &["restore", &backup, "--instance=copy", "--no-start", "--json"],
        &["restart", "friend"],
    ] {
        said.add(&ytorch, words, Some(0));
    }
    said.add(&ytorch, &["open", "nobody", "--print-only"], None);
    let server = Command::new(ytorch_tests::programs::server())
        .args(["settings", "--json", "--instance-dir"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(server.status.success(), "{server:?}");
    said.0.push_str(&String::from_utf8_lossy(&[server.stdout, server.stderr].concat()));
    said.holds_none_of(&secrets, "a program, page or answer");

    assert!(all_files(&folder.join("logs")).iter().any(|file| fs::metadata(file).unwrap().len() > 10_000));
    let in_plain = [folder.join("config/secrets"), folder.join("backups")];
    for file in all_files(&folder).into_iter().filter(|file| !in_plain.iter().any(|place| file.starts_with(place))) {
        Said(lossy(&file)).holds_none_of(&secrets, &file.display().to_string());
    }
    looks_into_backup(Path::new(&backup), &secrets);
    has_private_modes(&folder);
}

/// Does what lets a secret out where one can get out: messages, refused secrets, log-ins, a rotation.
fn use_it(client: &Client, service: &Service, secrets: &mut Vec<String>, folder: &Path) {
    let json = [("Content-Type", "application/json")];
    let set = |body: &str| client.ask("PUT", "/api/v1/secrets/notify_token", &json, body);
    assert_eq!(set(&format!(r#"{{"value":"{CANARY}"}}"#)).status, 204);
    for wrong in [
        format!(r#"{{"value":"{CANARY} with a space"}}"#),
        format!(r#"{{"value":["{CANARY}"]}}"#),
        format!(r#"{{"valeu":"{CANARY}"}}"#),
        format!(r#"{{"{CANARY}":1}}"#),
        format!(r#""{CANARY}""#),
        CANARY.to_owned(),
    ] {
        let reply = set(&wrong);
        assert!([400, 422].contains(&reply.status), "{wrong}: {reply:?}");
        assert!(!reply.body.contains(CANARY), "{wrong}: {reply:?}");
    }
    let message = |number: usize| {
        assert_eq!(client.upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
        let received = service.wait_for(number).pop().unwrap();
        assert!(received.to_lowercase().contains(&format!("authorization: bearer {CANARY}")), "{received}");
    };
    message(1);
    let old = read(folder, "encryption_key");
    let rotated = client.post("/api/v1/secrets/rotate-key", &[], "");
    assert_eq!((rotated.status, &rotated.json()["encrypted_anew"]), (200, &1.into()), "{rotated:?}");
    // The key before stays until the next rotation, for a backup that holds the database from before this one.
    let both = read(folder, "encryption_key");
    let (new, kept) = both.split_once('\n').expect("there are two keys");
    assert!(new != old && kept == old, "the key was not rotated");
    message(2);
    secrets.push(new.to_owned());

    let session = Session::open(client);
    secrets.push(session.cookie.split_once('=').unwrap().1.to_owned());
    let form = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", client.base())];
    let token = read(folder, "token");
    for (given, status) in [(token.clone(), 303), (format!("{token}x"), 403)] {
        let reply = client.anonymous().post("/login", &form, &format!("token={given}&next=/history"));
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(!reply.body.contains(&token), "{reply:?}");
    }
    client.import(&Recipe::new(500, 9).json().files);
}

/// Every page that a link leads to, every address that reads, and some that do not exist.
fn every_answer(client: &Client) -> String {
    let mut answers = String::new();
    let mut waiting: Vec<String> =
        ["/nothing", "/api/v1/nothing", "/history/months?year=x", "/"].map(str::to_owned).into();
    let routes = client.json("/api/v1/routes");
    let items = routes["items"].as_array().unwrap().iter().filter(|item| item["method"] == "GET");
    let paths = items.map(|item| item["path"].as_str().unwrap().replace("{id}", "1"));
    waiting.extend(paths.filter(|path| path != "/jobs/events" && !path.contains('{')));
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    let known = seen.len();
    while let Some(path) = waiting.pop() {
        let reply = client.get(&path);
        writeln!(answers, "{path} {:?} {}", reply.headers, reply.body).unwrap();
        for link in reply.body.split(" href=\"/").skip(1).filter_map(|rest| rest.split(['"', '#']).next()) {
            let link = format!("/{}", link.replace("&#38;", "&").replace("&amp;", "&"));
            if seen.len() < known + PAGES && !link.starts_with("/login") && seen.insert(link.clone()) {
                waiting.push(link);
            }
        }
    }
    assert_eq!(seen.len(), known + PAGES, "the crawl came to an end too early");
    answers
}

/// Arguments and environments of all processes of the instances below a root.
fn processes(root: &Path) -> String {
    let mut found = String::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let part = |name: &str| fs::read(process.path().join(name)).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&part("cmdline")).into_owned();
        if arguments.contains(root.to_str().unwrap()) {
            found.push_str(&arguments);
            found.push_str(&String::from_utf8_lossy(&part("environ")));
        }
    }
    found
}

/// A backup holds the token and the key on purpose; its manifest and its database hold no secret in plain.
fn looks_into_backup(backup: &Path, secrets: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new("tar").arg("-xzf").arg(backup).arg("-C").arg(folder.path()).status().unwrap();
    assert!(status.success());
    let files: Vec<_> = all_files(folder.path()).into_iter().filter(|file| !file.ends_with("config/secrets")).collect();
    let named = |name: &str| files.iter().any(|file| file.ends_with(name));
    assert!(named("manifest.json") && named("backup.json") && named("ytorch.sqlite3"), "{files:?}");
    for file in files.iter().filter(|file| !file.parent().unwrap().ends_with("config/secrets")) {
        Said(lossy(file)).holds_none_of(secrets, &file.display().to_string());
    }
}

fn has_private_modes(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = all_files(&folder.join("config/secrets"));
    assert!(files.len() >= 2, "{files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert_eq!(mode(&folder.join("config/secrets")), 0o700);
    // Whoever cannot enter the folder reads nothing below it.
    for file in all_files(&folder.join("data")).into_iter().chain(all_files(&folder.join("backups"))) {
        let closed = file
            .ancestors()
            .take_while(|path| *path != folder.parent().unwrap())
            .any(|path| mode(path).trailing_zeros() >= 6);
        assert!(closed, "others can read {}", file.display());
    }
}

#[test]
fn the_server_leaves_no_core_dump() {
    let instance = Instance::start();
    let limits = fs::read_to_string(format!("/proc/{}/limits", instance.process_id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let numbers: Vec<_> = core.split_whitespace().skip(4).take(2).collect();
    assert_eq!(numbers, ["0", "0"], "{core}");
}

#[test]
fn another_key_costs_the_secret_and_says_how_to_mend_it() {
    let service = Service::answering("200 OK");
    let mut instance = Instance::start_with(&["--notify-url", &service.url]);
    let json = [("Content-Type", "application/json")];
    let body = format!(r#"{{"value":"{CANARY}"}}"#);
    assert_eq!(instance.client().ask("PUT", "/api/v1/secrets/notify_token", &json, &body).status, 204);
    instance.stop();
    let file = instance.folder().join("config/secrets/encryption_key");
    let right = fs::read_to_string(&file).unwrap();
    let other = "0123456789abcdef".repeat(4);
    put(&file, &format!("{other}\n"));
    instance.start_again();
    let client = instance.client();
    let ready = client.json("/readyz");
    let degraded = ready["degraded"].to_string();
    assert!(degraded.contains("secret.notify_token") && degraded.contains("encryption_key"), "{ready}");
    assert!(instance.said().contains("restore config/secrets/encryption_key"), "{}", instance.said());
    let rotated = client.post("/api/v1/secrets/rotate-key", &[], "");
    assert_eq!(rotated.status, 409, "{rotated:?}");
    assert!(rotated.json()["error"]["hint"].as_str().unwrap().contains("encryption_key"), "{rotated:?}");
    assert_eq!(client.upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
    // The message cannot be sent without it, and says why where the person looks.
    let failed = wait_for_failed_message(&client);
    assert!(failed.contains("notify_token") && failed.contains("encryption_key"), "{failed}");
    let everything = format!("{}{}{}", instance.said(), client.get("/admin").body, client.get("/jobs").body);
    Said(everything).holds_none_of(&[CANARY.to_owned(), right.trim().to_owned(), other], "the server");
    assert!(service.received().is_empty(), "{:?}", service.received());

    // Either way mends it: the right file, or the secret anew.
    instance.stop();
    put(&file, &right);
    instance.start_again();
    assert_eq!(instance.client().json("/readyz")["degraded"], serde_json::json!([]));
    assert_eq!(instance.client().upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
    assert!(service.wait_for(1)[0].contains(CANARY));
    instance.stop();
    fs::remove_file(&file).unwrap();
    instance.start_again();
    assert_eq!(instance.client().ask("PUT", "/api/v1/secrets/notify_token", &json, &body).status, 204);
    assert_eq!(instance.client().json("/readyz")["degraded"], serde_json::json!([]));
    assert_eq!(instance.client().post("/api/v1/secrets/rotate-key", &[], "").status, 200);
}

#[test]
fn a_key_that_is_no_key_or_that_others_can_read_stops_the_start() {
    let mut instance = Instance::start();
    instance.stop();
    let file = instance.folder().join("config/secrets/encryption_key");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let (status, words) = instance.start_in_vain();
    assert_eq!(status.code(), Some(3), "{words}");
    assert!(words.contains("chmod 600") && words.contains("encryption_key"), "{words}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    put(&file, "");
    let (status, words) = instance.start_in_vain();
    assert_eq!(status.code(), Some(3), "{words}");
    assert!(words.contains("empty") && words.contains("encryption_key") && words.contains("hint"), "{words}");
}

fn wait_for_failed_message(client: &Client) -> String {
    let until = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let jobs = client.json("/api/v1/jobs?kind=platform_notify&state=failed");
        if let Some(error) = jobs["items"][0]["error"].as_str() {
            return error.to_owned();
        }
        assert!(std::time::Instant::now() < until, "no message failed: {jobs}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Writes over a file, whose mode stays.
fn put(file: &Path, text: &str) {
    File::create(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Text in which no secret may be.
struct Said(String);

impl Said {
    fn add(&mut self, ytorch: &Ytorch, words: &[&str], code: Option<i32>) {
        let answer = ytorch.run(words);
        assert!(code.is_none() || answer.code == code, "ytorch {words:?}: {answer:?}");
        self.0.push_str(&answer.stdout);
        self.0.push_str(&answer.stderr);
    }

    fn holds_none_of(&self, secrets: &[String], place: &str) {
        for secret in secrets {
            if let Some(at) = self.0.find(secret.as_str()) {
                let before: String = self.0[..at].chars().rev().take(300).collect();
                panic!("{place} shows a secret after: {}", before.chars().rev().collect::<String>());
            }
        }
    }
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join("config/secrets").join(name)).unwrap().trim().to_owned()
}

fn lossy(file: &Path) -> String {
    // Sockets and what went away meanwhile hold nothing.
    String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned()
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            files.extend(all_files(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
