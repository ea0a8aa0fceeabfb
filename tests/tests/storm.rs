//! A busy server that is killed again and again, at random moments: nothing that it accepted is lost or doubled.
//!
//! The seed of the chances is printed; `YTORCH_STORM_SEED` takes another one. What chance makes of threads cannot be
//! repeated by it, what each thread does can.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use ytorch_tests::{Client, Export, Instance, Recipe, Recount, Service, generator::Form};

/// How often the server is killed.
const ROUNDS: u64 = 50;

/// Uploads of one thread in one round.
const UPLOADS: usize = 3;

/// What takes longer than this does not happen.
const PATIENCE: Duration = Duration::from_mins(2);

const ASYNC: [(&str, &str); 1] = [("Prefer", "respond-async")];
const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

/// Chances from a seed: the generator of George Marsaglia.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit
    }
}

/// What the server has promised so far.
#[derive(Default)]
struct Promises {
    /// Imports that it said it took, with the file.
    imports: Mutex<BTreeMap<u64, PathBuf>>,
    /// The newest secret that was sent, and the newest of which it said that it is set.
    sent_secret: AtomicU64,
    set_secret: AtomicU64,
}

#[test]
fn fifty_kills_in_a_busy_time_lose_and_double_nothing() {
    let seed = std::env::var("YTORCH_STORM_SEED")
        .map_or_else(|_| RandomState::new().build_hasher().finish(), |text| text.parse().unwrap());
    tell(&format!("seed {seed}"));
    let mut chance = Chance(seed | 1);
    let exports = exports();
    let service = Service::answering("200 OK");
    let many = ["--rate-limit-per-second", "0", "--job-keep-count", "100000", "--backup-keep-count", "3"];
    let mut instance =
        Instance::start_with(&[&["--time-zone", "UTC", "--notify-url", &service.url], &many[..]].concat());
    let promises = Promises::default();
    for round in 0..ROUNDS {
        one_life(&mut instance, &exports, &promises, seed ^ (round * 10), &mut chance);
        instance.start_again();
        is_whole_after_a_start(&instance, &promises, round);
    }
    let client = instance.client();
    try_again_until_all_are_done(&client, &promises);
    is_exact(&client, &promises, &exports);
    backups_are_whole(&instance);
    the_secret_is_there(&client, &service, &promises);
}

/// Lets everybody work at once, and kills the server at a random moment.
fn one_life(instance: &mut Instance, exports: &[Export], promises: &Promises, seed: u64, chance: &mut Chance) {
    let client = &instance.client();
    thread::scope(|scope| {
        for part in 1..3 {
            scope.spawn(move || upload(client, exports, promises, &mut Chance(seed ^ part)));
        }
        scope.spawn(move || meddle(client, &mut Chance(seed ^ 3)));
        scope.spawn(move || ask_for_work(client, &mut Chance(seed ^ 4)));
        scope.spawn(move || change_secrets(client, promises, &mut Chance(seed ^ 5)));
        scope.spawn(move || look(client));
        let outside = (chance.below(3) == 0).then(|| back_up_outside(instance));
        // The kill is to come at any moment; nothing is waited for here.
        thread::sleep(Duration::from_millis(150 + u64::try_from(chance.below(900)).unwrap()));
        instance.kill_9();
        if let Some(outside) = outside {
            end(outside, chance.below(2) == 0);
        }
    });
}

#[expect(clippy::print_stderr, reason = "whoever looks into a failure needs the seed")]
fn tell(what: &str) {
    eprintln!("{what}");
}

/// Exports of every kind that have some views in common.
fn exports() -> Vec<Export> {
    let forms = [Form::Json, Form::Zip, Form::Tgz, Form::Html, Form::Json, Form::Zip];
    let with_seed = |seed: u32, form: &Form| Recipe::new(300 + seed * 200, seed).make(*form);
    (1..).zip(&forms).chain((7..).zip(&forms)).map(|(seed, form)| with_seed(seed, form)).collect()
}

fn upload(client: &Client, exports: &[Export], promises: &Promises, chance: &mut Chance) {
    for _ in 0..UPLOADS {
        let file = exports[chance.below(exports.len())].files[0].clone();
        let headers = if chance.below(3) == 0 { &[][..] } else { &ASYNC };
        let Ok(reply) = client.try_upload(std::slice::from_ref(&file), headers) else { return };
        // A wait for the end is given up when the import is cancelled or fails; it was taken all the same.
        let import = if reply.status == 422 { reply.json()["import"].clone() } else { reply.json() };
        assert!([201, 202, 422, 503].contains(&reply.status), "{reply:?}");
        if let Some(id) = import["id"].as_u64() {
            let twice = promises.imports.lock().unwrap().insert(id, file);
            assert!(twice.is_none(), "two uploads became import {id}");
        }
    }
}

/// Cancels jobs and tries them again.
fn meddle(client: &Client, chance: &mut Chance) {
    while let Ok(reply) = client.try_ask("GET", "/api/v1/jobs?limit=12", &[], "") {
        let jobs = reply.json();
        let jobs = jobs["items"].as_array().unwrap();
        if !jobs.is_empty() {
            let id = &jobs[chance.below(jobs.len())]["id"];
            let verb = ["cancel", "retry", "retry"][chance.below(3)];
            let Ok(reply) = client.try_ask("POST", &format!("/api/v1/jobs/{id}/{verb}"), &[], "") else { return };
            assert!([200, 202, 409].contains(&reply.status), "{verb}: {reply:?}");
        }
        thread::sleep(Duration::from_millis(u64::try_from(chance.below(80)).unwrap()));
    }
}

fn ask_for_work(client: &Client, chance: &mut Chance) {
    loop {
        let name = ["backup", "maintain"][chance.below(2)];
        let Ok(reply) = client.try_ask("POST", &format!("/api/v1/schedules/{name}/run"), &[], "") else { return };
        assert_eq!(reply.status, 202, "{reply:?}");
        thread::sleep(Duration::from_millis(u64::try_from(chance.below(300)).unwrap()));
    }
}

fn change_secrets(client: &Client, promises: &Promises, chance: &mut Chance) {
    loop {
        if chance.below(3) == 0 {
            let Ok(reply) = client.try_ask("POST", "/api/v1/secrets/rotate-key", &[], "") else { return };
            assert_eq!(reply.status, 200, "{reply:?}");
        } else {
            let number = promises.sent_secret.fetch_add(1, Ordering::SeqCst) + 1;
            let body = format!(r#"{{"value":"secret-{number}"}}"#);
            let Ok(reply) = client.try_ask("PUT", "/api/v1/secrets/notify_token", &JSON, &body) else { return };
            assert_eq!(reply.status, 204, "{reply:?}");
            promises.set_secret.store(number, Ordering::SeqCst);
        }
        thread::sleep(Duration::from_millis(u64::try_from(chance.below(60)).unwrap()));
    }
}

fn look(client: &Client) {
    for path in ["/history", "/jobs", "/admin", "/status", "/metrics", "/history/imports"].into_iter().cycle() {
        let Ok(reply) = client.try_ask("GET", path, &[], "") else { return };
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn back_up_outside(instance: &Instance) -> Child {
    instance.command("backup").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn end(mut outside: Child, killed: bool) {
    if killed {
        outside.kill().unwrap();
    }
    let status = outside.wait().unwrap();
    assert!(killed || status.success(), "a backup from outside failed: {status}");
}

/// What must be true after every start.
fn is_whole_after_a_start(instance: &Instance, promises: &Promises, round: u64) {
    let client = instance.client();
    let ready = client.get("/readyz");
    assert_eq!(ready.status, 200, "round {round}: {}", ready.body);
    assert!(!ready.body.contains("secret."), "round {round}: a secret is lost: {}", ready.body);
    let raw = fs::read_dir(instance.folder().join("data/raw")).into_iter().flatten().flatten();
    let litter: Vec<_> =
        raw.map(|entry| entry.file_name()).filter(|name| name.to_str().unwrap().starts_with('.')).collect();
    assert!(litter.is_empty(), "round {round}: {litter:?} is left");
    let check = "import sqlite3,sys; print(sqlite3.connect('file:'+sys.argv[1]+'?mode=ro', uri=True)\
                 .execute('pragma integrity_check').fetchone()[0])";
    let output = Command::new("python3").args(["-c", check]).arg(instance.database()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ok", "round {round}: {output:?}");
    let imports = imports(&client);
    for id in promises.imports.lock().unwrap().keys() {
        let import = imports.get(id).unwrap_or_else(|| panic!("round {round}: import {id} was promised and is lost"));
        let status = import["status"].as_str().unwrap();
        let has_reason = import["problem"]["what"].as_str().is_some_and(|what| what.len() > 5);
        assert!(["done", "queued", "running"].contains(&status) || has_reason, "round {round}: {import}");
    }
}

/// All imports by their number.
fn imports(client: &Client) -> BTreeMap<u64, Value> {
    let mut all = BTreeMap::new();
    for page in 1.. {
        let part = client.json(&format!("/api/v1/history/imports?limit=500&page={page}"));
        let items = part["items"].as_array().unwrap().clone();
        if items.is_empty() {
            assert_eq!(part["total"].as_u64().unwrap(), all.len() as u64, "an import is listed twice");
            break;
        }
        all.extend(items.into_iter().map(|item| (item["id"].as_u64().unwrap(), item)));
    }
    all
}

/// Everything of a list that tells the next part by `next_before`.
fn whole_list(client: &Client, path: &str) -> Vec<Value> {
    let (mut all, mut before) = (Vec::new(), String::new());
    loop {
        let part = client.json(&format!("{path}{before}"));
        all.extend(part["items"].as_array().unwrap().iter().cloned());
        match part["next_before"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return all,
        }
    }
}

/// Waits for the end of all jobs, and has those imports done that were cancelled or met too many kills.
fn try_again_until_all_are_done(client: &Client, promises: &Promises) {
    let until = Instant::now() + PATIENCE;
    loop {
        let jobs = whole_list(client, "/api/v1/jobs?limit=1000");
        let is_alive = |job: &&Value| job["state"] == "queued" || job["state"] == "running";
        let unfinished =
            |job: &&Value| job["kind"] == "history_import" && (job["state"] == "failed" || job["state"] == "cancelled");
        let again: Vec<_> = jobs.iter().filter(unfinished).collect();
        if again.is_empty() && !jobs.iter().any(|job| is_alive(&job)) {
            break;
        }
        for job in again {
            let reply = client.post(&format!("/api/v1/jobs/{}/retry", job["id"]), &[], "");
            assert_eq!(reply.status, 200, "{job} cannot be tried again: {reply:?}");
        }
        assert!(Instant::now() < until, "the jobs do not end: {:?}", jobs.iter().filter(is_alive).collect::<Vec<_>>());
        thread::sleep(Duration::from_millis(50));
    }
    let imports = imports(client);
    for id in promises.imports.lock().unwrap().keys() {
        assert_eq!(imports[id]["status"], "done", "{}", imports[id]);
    }
}

/// The history is what one clean import of the same files makes, and what the recount says.
fn is_exact(client: &Client, promises: &Promises, exports: &[Export]) {
    let imports = imports(client);
    let hash_of: BTreeMap<String, &Export> = exports.iter().map(|export| (hash(&export.files[0]), export)).collect();
    let done = imports.values().filter(|import| import["status"] == "done");
    let hashes: BTreeSet<String> =
        done.map(|import| import["sources"][0]["sha256"].as_str().unwrap().to_owned()).collect();
    let used: Vec<&Export> = hashes.iter().map(|hash| hash_of[hash]).collect();
    let accepted = promises.imports.lock().unwrap();
    for (id, file) in accepted.iter() {
        assert_eq!(imports[id]["sources"][0]["sha256"], hash(file), "import {id} holds another file");
    }
    assert!(
        accepted.len() > 30 && used.len() > 6,
        "the storm was none: {} imports, {} files",
        accepted.len(),
        used.len()
    );

    let added: u64 = imports.values().map(|import| import["views_added"].as_u64().unwrap_or(0)).sum();
    let views = client.json("/api/v1/history/summary")["views"].as_u64().unwrap();
    assert_eq!(added, views, "the imports added as many views as there are");
    let files: Vec<&Path> = used.iter().map(|export| export.json.as_path()).collect();
    assert_eq!(views, Recount::read(&files).of_views().views);

    let clean = Instance::start();
    for export in &used {
        clean.client().import(&export.files);
    }
    let clean = clean.client();
    assert_eq!(client.all_views(""), clean.all_views(""));
    for path in ["summary", "years", "months", "channels?limit=1000", "years?scope=ads", "months?scope=music"] {
        let path = format!("/api/v1/history/{path}");
        assert_eq!(client.json(&path), clean.json(&path), "{path}");
    }
    tell(&format!("{} imports of {} files, {} were told to us", imports.len(), used.len(), accepted.len()));
    let runs = whole_list(client, "/api/v1/runs?kind=history_import&limit=1000");
    let mut times: BTreeMap<i64, u32> = BTreeMap::new();
    for run in runs.iter().filter(|run| run["status"] == "success" || run["status"] == "partial") {
        *times.entry(run["job"].as_i64().unwrap()).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "a job did its work twice: {times:?}");
}

fn hash(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).split(' ').next().unwrap().to_owned()
}

fn backups_are_whole(instance: &Instance) {
    let client = instance.client();
    for name in ["backup", "maintain"] {
        assert_eq!(client.post(&format!("/api/v1/schedules/{name}/run"), &[], "").status, 202);
    }
    let until = Instant::now() + PATIENCE;
    while client.json("/api/v1/jobs?state=running")["items"] != serde_json::json!([])
        || client.json("/api/v1/jobs?state=queued")["items"] != serde_json::json!([])
    {
        assert!(Instant::now() < until, "the last backup does not end");
        thread::sleep(Duration::from_millis(20));
    }
    let names: Vec<_> = fs::read_dir(instance.folder().join("backups")).unwrap().flatten().collect();
    assert!(!names.is_empty());
    for entry in names {
        let name = entry.file_name().into_string().unwrap();
        assert!(name.ends_with(".ytorch.tar.gz") && !name.starts_with('.'), "{name} is left of a killed backup");
        let program = ytorch_tests::programs::server();
        let output = Command::new(program).arg("backup-verify").arg(entry.path()).output().unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    }
}

/// The service gets the secret that was set last, or one that was sent after it and whose answer a kill took.
fn the_secret_is_there(client: &Client, service: &Service, promises: &Promises) {
    let before = service.received().len();
    assert_eq!(client.upload(&[Recipe::new(500, 9).json().truth], &[]).status, 422);
    let message = service.wait_for(before + 1).pop().unwrap();
    let number = message.split("earer secret-").nth(1).and_then(|rest| rest.split(['\r', '\n']).next());
    let number: u64 = number.unwrap_or_else(|| panic!("no secret in {message}")).parse().unwrap();
    let least = promises.set_secret.load(Ordering::SeqCst);
    let most = promises.sent_secret.load(Ordering::SeqCst);
    assert!(least > 0 && (least..=most).contains(&number), "secret {number} is none of {least} to {most}");
}
