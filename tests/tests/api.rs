//! The document of the API: it is whole, it names every address, and the page says the same. Whether the answers are as it
//! says is for `deploy/schemathesis`.

use std::collections::BTreeSet;

use serde_json::Value;
use ytorch_tests::{Client, Instance, Recipe};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn document(client: &Client) -> Value {
    let reply = client.get("/api/v1/openapi.json");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    reply.json()
}

/// Every operation as its path, its method and what is told of it.
fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().expect("a document has paths");
    let all = paths.iter().flat_map(|(path, item)| {
        METHODS.iter().filter_map(|method| Some((path.clone(), (*method).to_owned(), item.get(method)?)))
    });
    all.collect()
}

fn texts<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get(name).and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(|field| texts(field, name))).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| texts(item, name)).collect(),
        _ => Vec::new(),
    }
}

/// What a part of the document refers to, or the part itself.
fn resolved<'a>(document: &'a Value, part: &'a Value) -> &'a Value {
    let pointer = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(part, |pointer| document.pointer(pointer).expect("a reference leads somewhere"))
}

#[test]
fn every_address_of_the_api_is_in_its_document_and_no_other() {
    let instance = Instance::start();
    let client = instance.client();
    let document = document(&client);
    let told: BTreeSet<(String, String)> =
        operations(&document).into_iter().map(|(path, method, _)| (path, method.to_uppercase())).collect();
    let routes = client.json("/api/v1/routes");
    let served = routes["items"].as_array().unwrap().iter().filter(|route| route["kind"] == "api");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let served: BTreeSet<(String, String)> =
        served.map(|route| (text(&route["path"]), text(&route["method"]))).collect();
    assert!(told.len() > 10 && told.contains(&("/api/v1/openapi.json".to_owned(), "GET".to_owned())), "{told:?}");
    assert_eq!(told, served);
}

#[test]
fn every_operation_says_what_it_is_for_and_what_it_answers() {
    let instance = Instance::start();
    let document = document(&instance.client());
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        let has_text = |value: &Value| value.as_str().is_some_and(|text| !text.trim().is_empty());
        assert!(has_text(&operation["summary"]), "{place} has no summary");
        assert!(!operation["summary"].as_str().unwrap().ends_with('.'), "{place}: a title has no full stop");
        assert!(
            operation["tags"].as_array().is_some_and(|tags| tags.len() == 1 && has_text(&tags[0])),
            "{place}: tags"
        );
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{place} has the name of another");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(has_text(&parameter["description"]), "{place}: {parameter} is not described");
        }
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{place} never answers well");
        for (status, answer) in answers {
            let answer = resolved(&document, answer);
            assert!(has_text(&answer["description"]), "{place}: {status} is not described");
            if status == "204" {
                assert!(answer.get("content").is_none(), "{place}: {status} has a body");
                continue;
            }
            // Prometheus reads its own format.
            let kind = if path == "/metrics" && status == "200" { "text/plain" } else { "application/json" };
            let schema = &answer["content"][kind]["schema"];
            assert!(schema.is_object(), "{place}: {status} has no body");
            let is_error = status.starts_with('4') || (status.starts_with('5') && status != "503");
            if is_error && status != "422" {
                assert_eq!(schema["$ref"], "#/components/schemas/ErrorBody", "{place}: {status}");
            }
        }
    }
    for reference in texts(&document, "$ref") {
        let pointer = reference.strip_prefix('#').expect("references stay within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "the type {name} is not described");
    }
}

#[test]
fn only_health_needs_no_log_in_and_the_cookie_has_the_name_that_is_told() {
    let instance = Instance::start();
    let client = instance.client();
    let document = document(&client);
    for (path, method, operation) in operations(&document) {
        let is_open = operation["security"].as_array().unwrap().iter().any(|one| one.as_object().unwrap().is_empty());
        assert_eq!(is_open, ["/healthz", "/readyz"].contains(&path.as_str()), "{method} {path}");
        assert_eq!(operation["responses"].get("401").is_some(), !is_open, "{method} {path}");
    }
    let link = client.post("/api/v1/login-links", &[], "").json();
    let reply = client.anonymous().get(link["path"].as_str().unwrap());
    let name = document["components"]["securitySchemes"]["session"]["name"].as_str().unwrap();
    let cookie = reply.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("{name}=")), "`{name}` is not the name of {cookie}");
}

#[test]
fn errors_outside_of_any_handler_are_json_for_programs_and_a_page_for_people() {
    let instance = Instance::start();
    let client = instance.client();
    for path in ["/healthz", "/readyz", "/api/v1/routes"] {
        let reply = client.post(path, &[], "");
        assert_eq!((reply.status, reply.header("content-type")), (405, Some("application/json")), "{path}");
        assert!(reply.json()["error"]["what"].is_string(), "{path}");
    }
    assert!(client.post("/api", &[], "").body.contains("<h1"));
    for query in
        ["jobs?state=lost", "jobs?limit=-1", "jobs?kind=", "runs?year=2024", "runs?before=99999999999999999999"]
    {
        let reply = client.get(&format!("/api/v1/{query}"));
        assert_eq!(reply.status, 400, "{query}: {}", reply.body);
        assert!(reply.json()["error"]["detail"].is_string(), "{query}: {}", reply.body);
    }
    let empty = client.get("/api/v1/history/views?scope=");
    assert_eq!(empty.status, 400, "{}", empty.body);
    assert_eq!(client.get("/history/views?scope=").status, 200);
}

#[test]
fn the_page_shows_all_of_the_document_and_its_examples_work() {
    let instance = Instance::start();
    let client = instance.client();
    client.import(&Recipe::new(300, 5).json().files);
    let document = document(&client);
    let page = client.get("/api");
    assert_eq!(page.status, 200, "{}", page.body);
    let html = page.body.as_str();
    let mut tried = 0;
    for (path, method, operation) in operations(&document) {
        let name = operation["operationId"].as_str().unwrap();
        let start = html.find(&format!(" id=\"{name}\"")).unwrap_or_else(|| panic!("{name} is not on the page"));
        let shown = html[start..].split("</article>").next().unwrap();
        for parameter in texts(&operation["parameters"], "name") {
            assert!(shown.contains(&format!("<code>{parameter}</code>")), "{name} does not show `{parameter}`");
        }
        for status in operation["responses"].as_object().unwrap().keys() {
            assert!(shown.contains(&format!(">{status}<")), "{name} does not show {status}");
        }
        let address = shown.split(client.base()).nth(1).and_then(|rest| rest.split('\'').next());
        let address = address.unwrap_or_else(|| panic!("{name} has no example: {shown}"));
        if method == "get" {
            assert_eq!(client.get(&address.replace("&#38;", "&")).status, 200, "the example {address} of {path}");
            tried += 1;
        }
    }
    assert!(tried > 8, "too few examples were tried");
    assert!(
        html.contains("integer, 2004 to 2100") && !html.contains("integer, 0 or more"),
        "bounds are not written as people do"
    );
    let anchors: BTreeSet<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in html.split(" href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(anchors.contains(link), "#{link} leads nowhere");
    }
}
