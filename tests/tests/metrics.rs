//! Metrics from outside: that each moves, that Prometheus takes them, that alerts and dashboard ask for what there is.
//! It does not test single counts; the crates that count do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail the test by it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use ytorch_tests::{
    Client, Instance, Recipe, programs,
    prometheus::{Prometheus, metrics_of, promtool, write},
};

/// How long a metric may take to move.
const PATIENCE: Duration = Duration::from_mins(1);

/// Metrics that are the same for as long as a server runs: the test says what they must be.
const CONSTANT: [&str; 3] = ["ytorch_build_info", "process_max_fds", "process_start_time_seconds"];

#[test]
fn every_metric_moves_and_promtool_has_no_complaint() {
    // Nobody listens there: the message about a failed job moves what counts retries and breakers.
    let instance = Instance::start_with(&["--notify-url", "http://127.0.0.1:1/", "--breaker-failures", "1"]);
    let client = instance.client();
    let start = samples(&client);
    assert!(start.len() > 20, "the families were not read: {start:?}");
    let _open_request = use_it(&instance, &client);
    let mut unmoved: BTreeSet<&str> = start.keys().map(String::as_str).collect();
    let until = Instant::now() + PATIENCE;
    loop {
        let now = samples(&client);
        unmoved.retain(|name| now[*name].is_empty() || now[*name] == start[*name]);
        let expected = BTreeSet::from(CONSTANT);
        if unmoved.is_subset(&expected) {
            // A list of exceptions that is too long would hide what stands still one day.
            assert_eq!(unmoved, expected, "these move now: take them off the lists of this test");
            break;
        }
        assert!(Instant::now() < until, "nothing moves {:?}", &unmoved - &expected);
        // Large enough to be moved from the write-ahead log into the database file.
        client.import(&Recipe::new(40_000, 1).json().files);
    }
    let text = client.get("/metrics");
    assert_eq!((text.status, text.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    assert_eq!(promtool(programs::repository(), &["check", "metrics"], &text.body), (true, String::new()));
    let told: BTreeSet<&str> =
        text.body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let with_samples = samples(&client).into_iter().filter(|(_, samples)| !samples.is_empty()).map(|(name, _)| name);
    assert_eq!(told, with_samples.collect::<BTreeSet<_>>().iter().map(String::as_str).collect::<BTreeSet<_>>());
}

/// Does with a server what people do, well and badly. What is returned keeps a request open.
fn use_it(instance: &Instance, client: &Client) -> TcpStream {
    for page in ["/history", "/history/channels", "/nothing", "/metrics"] {
        client.get(page);
        client.anonymous().get(page);
    }
    client.import(&Recipe::new(5_000, 1).wild().json().files);
    let no_export = Recipe::new(500, 1).json().truth;
    let refused = client.upload(&[no_export], &[]);
    assert_eq!(refused.status, 422, "{}", refused.body);
    let mut open_request = TcpStream::connect(client.base().trim_start_matches("http://")).unwrap();
    let token = fs::read_to_string(instance.folder().join("config/secrets/token")).unwrap();
    let host = client.base().trim_start_matches("http://");
    let head = format!(
        "POST /api/v1/login-links HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: 9\r\n\r\n",
        token.trim()
    );
    open_request.write_all(head.as_bytes()).unwrap();
    open_request
}

#[test]
fn what_is_constant_is_true() {
    let before = unix_seconds();
    let instance = Instance::start();
    let client = instance.client();
    let found = samples(&client);
    let version = client.json("/healthz")["version"].clone();
    assert_eq!(found["ytorch_build_info"], [serde_json::json!({ "labels": { "version": version }, "value": 1.0 })]);
    let number = |name: &str| found[name][0]["value"].as_f64().unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", instance.process_id())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let allowed: f64 = open_files.split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!((number("process_max_fds") - allowed).abs() < 0.5, "{limits}");
    // The kernel tells the start of the machine in whole seconds.
    let started = number("process_start_time_seconds");
    assert!((before - 2.0..unix_seconds() + 2.0).contains(&started), "{started} is not after {before}");
}

#[test]
fn only_the_owner_sees_them() {
    let instance = Instance::start();
    let stranger = instance.client().anonymous();
    for path in ["/metrics", "/metrics.json"] {
        // Not a way to the log-in page, which Prometheus would follow and take for metrics.
        let reply = stranger.get(path);
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, Some("Bearer")), "{path}: {}", reply.body);
    }
}

#[test]
fn a_real_prometheus_scrapes_it_and_takes_alerts_and_dashboard() {
    let instance = Instance::start();
    let client = instance.client();
    for _ in 0..3 {
        client.get("/history/channels");
    }
    client.import(&Recipe::new(500, 1).json().files);
    let prometheus = Prometheus::start(&configuration(&instance, &client));
    prometheus.wait_for("up{job=\"ytorch\", instance=\"one\"} == 1");
    let asked = r#"ytorch_http_requests_total{instance="one", route="/history/channels", status="200"} == 3"#;
    assert_eq!(prometheus.wait_for(asked).len(), 1);
    assert_eq!(prometheus.wait_for("ytorch_imports_total{status=\"done\"} == 1").len(), 1);
    // A second scrape sees the first one.
    prometheus.wait_for("ytorch_http_requests_total{route=\"/metrics\", status=\"200\"} >= 1");
    assert_eq!(prometheus.query("ytorch_build_info == 1").len(), 1);
    let known = samples(&client);
    for expression in expressions_of_the_dashboard() {
        prometheus.query(&expression);
    }
    let rules = prometheus.ask("/api/v1/rules", &[]);
    let alerts = rules["groups"][0]["rules"].as_array().expect("the rules were loaded").clone();
    assert!(alerts.len() >= 7, "{rules}");
    for alert in alerts {
        names_only_what_exists(alert["query"].as_str().unwrap(), &known);
    }
}

fn configuration(instance: &Instance, client: &Client) -> String {
    let token = instance.folder().join("config/secrets/token");
    let alerts = programs::repository().join("deploy/prometheus/alerts.yml");
    format!(
        "global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\n\
         rule_files: [ '{}' ]\n\
         scrape_configs:\n\
         - job_name: ytorch-one\n  authorization: {{ type: Bearer, credentials_file: '{}' }}\n  \
           static_configs: [ {{ targets: [ '{}' ], labels: {{ job: ytorch, instance: one }} }} ]\n",
        alerts.display(),
        token.display(),
        client.base().trim_start_matches("http://"),
    )
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    let folder = programs::repository().join("deploy/prometheus");
    for words in [
        &["check", "rules", "alerts.yml"][..],
        &["test", "rules", "alerts.test.yml"],
        &["check", "config", "--syntax-only", "prometheus.yml"],
    ] {
        let (content, said) = promtool(&folder, words, "");
        assert!(content && said.contains("SUCCESS"), "promtool {words:?}: {said}");
    }
    let rules = fs::read_to_string(folder.join("alerts.yml")).unwrap();
    let tests = fs::read_to_string(folder.join("alerts.test.yml")).unwrap();
    let documented = fs::read_to_string(programs::repository().join("docs/metrics.md")).unwrap();
    let cases: Vec<&str> = tests.split("alertname: ").skip(1).collect();
    let names: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() >= 7, "the alerts were not read: {names:?}");
    for name in names {
        assert!(documented.contains(&format!("| `{name}` |")), "docs/metrics.md does not name {name}");
        let of_this = || cases.iter().filter(|case| case.lines().next() == Some(name));
        let silent = of_this().filter(|case| case.contains("exp_alerts: []")).count();
        assert!(silent > 0, "no test in which {name} does not fire");
        assert!(of_this().count() > silent, "no test in which {name} fires");
    }
}

#[test]
fn the_dashboard_asks_for_what_exists_in_words_that_prometheus_understands() {
    let known = samples(&Instance::start().client());
    let expressions = expressions_of_the_dashboard();
    assert!(expressions.len() > 20, "the expressions were not read: {expressions:?}");
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    let mut asked = BTreeSet::new();
    for (number, expression) in expressions.iter().enumerate() {
        asked.extend(names_only_what_exists(expression, &known));
        let quoted = Value::from(expression.as_str());
        writeln!(rules, "  - record: dashboard:{number}\n    expr: {quoted}").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "rules.yml", &rules);
    let (content, said) = promtool(folder.path(), &["check", "rules", "rules.yml"], "");
    assert!(content && said.contains(&format!("{} rules found", expressions.len())), "{said}");
    let shown_nowhere: Vec<_> = known.keys().filter(|name| !asked.contains(*name)).collect();
    assert!(shown_nowhere.is_empty(), "the dashboard does not show {shown_nowhere:?}");
}

/// The families that an expression names, each of which must exist.
fn names_only_what_exists(expression: &str, known: &BTreeMap<String, Vec<Value>>) -> BTreeSet<String> {
    let names = metrics_of(expression);
    assert!(!names.is_empty(), "`{expression}` names no metric");
    let family = |name: &String| {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
        let found = [name.as_str()].into_iter().chain(parts).find(|name| known.contains_key(*name));
        // What Prometheus itself tells of a scrape.
        let own = (name == "up").then_some("up");
        found.or(own).unwrap_or_else(|| panic!("`{expression}` asks for `{name}`, which does not exist")).to_owned()
    };
    names.iter().map(family).collect()
}

/// Every expression of the dashboard, as Grafana would send it.
fn expressions_of_the_dashboard() -> Vec<String> {
    let text = fs::read_to_string(programs::repository().join("deploy/grafana/ytorch.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    gather_expressions(&dashboard, &mut found);
    found.iter().map(|text| text.replace("$__rate_interval", "5m").replace("$instance", ".*")).collect()
}

fn gather_expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| gather_expressions(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| gather_expressions(value, found)),
        _ => {}
    }
}

/// The samples of every family.
fn samples(client: &Client) -> BTreeMap<String, Vec<Value>> {
    let answer = client.json("/metrics.json");
    let families = answer["families"].as_array().expect("there are families");
    let family = |family: &Value| {
        let samples = family["samples"].as_array().expect("a family has samples").clone();
        (family["name"].as_str().expect("a family has a name").to_owned(), samples)
    };
    families.iter().map(family).collect()
}

fn unix_seconds() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "the test compares with the clock of the machine")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
