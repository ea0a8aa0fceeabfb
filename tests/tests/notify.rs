//! Messages to the person who runs an instance, and the circuit breaker round the service that takes them. No message leaves
//! this machine.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use ytorch_tests::{Client, Instance, Listener, Ytorch, prometheus::write};

const PATIENCE: Duration = Duration::from_mins(1);
const TOKEN: &str = "tk_never-shown-0123456789";

/// An instance that sends its messages there, with further words for its server.
fn instance(url: &str, words: &[&str]) -> Instance {
    Instance::start_with(&[&["--time-zone", "UTC", "--notify-url", url], words].concat())
}

/// Lets a job fail for good: a file that is no export is imported.
fn fail(client: &Client) {
    let folder = TempDir::with_prefix("ytorch-tests-").unwrap();
    let file = write(folder.path(), "shopping.json", "{\"milk\": 2}");
    let reply = client.upload(&[file], &[]);
    assert_eq!(reply.status, 422, "{}", reply.body);
}

fn messages(client: &Client) -> Vec<Value> {
    client.json("/api/v1/jobs?kind=platform_notify")["items"].as_array().unwrap().clone()
}

/// Waits until something is true of the only message.
fn message_when(client: &Client, condition: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let all = messages(client);
        assert!(all.len() < 2, "there is a message about a message: {all:?}");
        if let Some(message) = all.first().filter(|message| condition(message)) {
            return message.clone();
        }
        assert!(Instant::now() < until, "waited too long for {all:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn is_waiting(message: &Value) -> bool {
    message["state"] == "queued" && message["not_before"].is_string()
}

fn breaker(client: &Client) -> Value {
    client.json("/api/v1/breakers")["items"][0].clone()
}

/// Makes the only message due at once.
fn try_again(client: &Client, message: &Value) {
    for verb in ["cancel", "retry"] {
        let reply = client.post(&format!("/api/v1/jobs/{}/{verb}", message["id"]), &[], "");
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

#[test]
fn a_failed_job_becomes_one_message_and_its_token_is_told_to_nobody_else() {
    let service = Listener::start(&["200 OK"]);
    let instance = instance(service.url(), &["--log-level", "trace"]);
    let client = instance.client();
    assert_eq!(client.put("/api/v1/secrets/notify_token", &json!({ "value": TOKEN })).status, 204);
    fail(&client);
    let received = service.next();
    assert_eq!(received.head[0], "POST /topic HTTP/1.1");
    assert_eq!(received.header("title"), Some("ytorch: one"));
    assert_eq!(received.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert!(received.body.contains("failed") && received.body.contains("history_import"), "{}", received.body);
    message_when(&client, |message| message["state"] == "done");
    assert_eq!(service.more(), 0);
    assert!(breaker(&client)["last_success_at"].is_string());
    let log = fs::read_to_string(instance.folder().join("logs/ytorch-server.log")).unwrap();
    let shown =
        ["/api/v1/jobs", "/api/v1/runs", "/api/v1/breakers", "/api/v1/secrets", "/status", "/metrics", "/admin"];
    let shown = shown.map(|path| client.get(path).body).concat();
    for text in [log, instance.said(), shown] {
        assert!(text.len() > 100 && !text.contains(TOKEN) && !text.contains("never-shown"), "{text}");
    }
}

#[test]
fn a_service_that_fails_is_left_alone_until_somebody_resets_its_breaker() {
    let service = Listener::start(&["500 x"]);
    let ytorch = Ytorch::new();
    ytorch.create("one", &["--no-start", "--time-zone", "UTC"]);
    let settings = ytorch.root().join("one/config/server.toml");
    let mut file = fs::OpenOptions::new().append(true).create(true).open(settings).unwrap();
    writeln!(file, "notify_url = \"{}\"\nbreaker_failures = 2", service.url()).unwrap();
    ytorch.must(&["start", "one"]);
    let client = ytorch.client("one");
    fail(&client);
    service.next();
    let first = message_when(&client, is_waiting);
    assert!(text(&first, "error").contains("500"), "{first}");
    assert_eq!((&first["attempts"], breaker(&client)["state"].as_str()), (&1.into(), Some("closed")));
    // The next try comes by itself.
    service.next();
    let second = message_when(&client, |message| message["attempts"] == 2 && is_waiting(message));
    let open = breaker(&client);
    assert_eq!((text(&open, "state"), &open["failures"], &open["trips"]), ("open", &2.into(), &1.into()));
    let ready = client.get("/readyz");
    assert_eq!((ready.status, text(&ready.json()["degraded"][0], "name")), (200, "breaker.notify"));
    assert_eq!(ytorch.must(&["status", "one", "--json"]).json()["health"], "degraded");
    try_again(&client, &second);
    let waiting = message_when(&client, |message| message["not_before"] == open["open_until"]);
    assert!(text(&waiting, "error").contains("left alone"), "{waiting}");
    ytorch.must(&["restart", "one"]);
    let kept = breaker(&client);
    assert_eq!((&kept["state"], &kept["open_until"]), (&open["state"], &open["open_until"]));
    assert_eq!(service.more(), 0, "the service was asked while its breaker was open");
    service.answer_with(&["200 OK"]);
    let shown = ytorch.must(&["breakers", "one"]).stdout;
    assert!(shown.contains("open") && shown.contains("500"), "{shown}");
    assert_eq!(ytorch.must(&["breakers", "reset", "one"]).stdout.trim(), "closed: notify");
    assert!(service.next().body.contains("failed"));
    message_when(&client, |message| message["state"] == "done");
    assert_eq!(client.json("/readyz")["degraded"], json!([]));
}

#[test]
fn a_service_that_asks_for_time_gets_it_and_is_not_taken_to_fail() {
    let service = Listener::start(&["429 x\r\nRetry-After: 3600", "429 x\r\nRetry-After: 1", "200 OK"]);
    let instance = instance(service.url(), &["--breaker-failures", "1"]);
    let client = instance.client();
    fail(&client);
    service.next();
    let far = message_when(&client, is_waiting);
    let (begun, again) = (text(&far, "started_at"), text(&far, "not_before"));
    let seconds = |text: &str| ytorch_tests::recount::second(text);
    assert!((3_500..3_700).contains(&(seconds(again) - seconds(begun))), "{far}");
    assert_eq!((text(&breaker(&client), "state"), &breaker(&client)["failures"]), ("closed", &0.into()));
    try_again(&client, &far);
    service.next();
    // After the second that it asked for it is asked by itself.
    service.next();
    message_when(&client, |message| message["state"] == "done");
    assert_eq!(service.more(), 0);
}

#[test]
fn a_message_that_is_refused_fails_alone() {
    let service = Listener::start(&["403 x"]);
    let instance = instance(service.url(), &["--breaker-failures", "1"]);
    let client = instance.client();
    fail(&client);
    let failed = message_when(&client, |message| message["state"] == "failed");
    assert!(text(&failed, "error").contains("403") && text(&failed, "error").contains("notify_token"), "{failed}");
    service.next();
    assert_eq!((service.more(), text(&breaker(&client), "state")), (0, "closed"));
    // A message about it would have come with its failure, before any later one.
    fail(&client);
    service.next();
    assert_eq!(messages(&client).len(), 2, "there is a message about a message");
}

#[test]
fn a_service_that_is_not_there_or_never_answers_opens_the_breaker() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/secret-topic", nobody.local_addr().unwrap());
    drop(nobody);
    let silent = Listener::start(&[""]);
    for (url, words) in [(url.as_str(), "refused"), (silent.url(), "did not answer in time")] {
        let instance = instance(url, &["--breaker-failures", "1", "--notify-timeout-seconds", "1"]);
        let client = instance.client();
        fail(&client);
        let waiting = message_when(&client, is_waiting);
        let open = breaker(&client);
        assert_eq!(text(&open, "state"), "open");
        for error in [text(&waiting, "error"), text(&open, "last_error")] {
            assert!(error.contains(words) && !error.contains("topic"), "{error}");
        }
    }
}

/// A service with a certificate that nobody vouches for.
struct SelfSigned(Child);

impl SelfSigned {
    fn start(folder: &TempDir) -> (Self, String) {
        let command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ytorch-tests-nobody \
                    -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout key.pem -out certificate.pem";
        let made = Command::new("sh").args(["-c", command]).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let serve = "import http.server, ssl\n\
                     server = http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)\n\
                     context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
                     context.load_cert_chain('certificate.pem', 'key.pem')\n\
                     server.socket = context.wrap_socket(server.socket, server_side=True)\n\
                     print(server.server_port, flush=True)\n\
                     server.serve_forever()\n";
        let mut command = Command::new("python3");
        command.args(["-c", serve]).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut service = Self(command.spawn().expect("python3 runs"));
        let mut port = String::new();
        BufReader::new(service.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
        (service, format!("https://localhost:{}/topic", port.trim()))
    }
}

impl Drop for SelfSigned {
    fn drop(&mut self) {
        // It serves until it is ended; one that has ended already is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused_in_clear_words() {
    let folder = TempDir::with_prefix("ytorch-tests-").unwrap();
    let (_service, url) = SelfSigned::start(&folder);
    let instance = instance(&url, &[]);
    let client = instance.client();
    fail(&client);
    let waiting = message_when(&client, is_waiting);
    let error = text(&waiting, "error");
    assert!(error.contains("does not trust its certificate") && error.contains("UnknownIssuer"), "{error}");
}
