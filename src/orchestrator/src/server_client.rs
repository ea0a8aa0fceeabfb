//! Talking to a running server over HTTP on this machine. It keeps no connection and never follows a redirect.

use std::{io::Read, time::Duration};

use serde_json::Value;
use ureq::{
    Agent, Body, SendBody,
    http::{Method, Request, Response, StatusCode},
};
use ytorch_core::{ExitCode, Problem, Secret};

use crate::{
    server_program::{exit_code, failing_checks},
    spec::Spec,
};

/// Answers that are longer than this are not ours.
const ANSWER_LIMIT_BYTES: u64 = 4 * 1024 * 1024;

/// A running server of one instance.
pub(crate) struct ServerClient {
    url: String,
    agent: Agent,
}

/// What a server says of its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// The instance that it serves.
    pub instance: String,
    /// Its version.
    pub version: String,
    /// Whether it is ready, and if not, the checks that fail.
    pub ready: Result<(), String>,
    /// What does not work without keeping it from being ready.
    pub degraded: Vec<String>,
}

impl ServerClient {
    /// A client whose questions take at most `patience`; an upload takes as long as it takes.
    pub(crate) fn new(spec: &Spec, patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .timeout_recv_body(Some(patience))
            .max_idle_connections(0)
            .build();
        Self { url: spec.url(), agent: config.new_agent() }
    }

    /// The address of the server.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How the server is; `None` if nothing that looks like one answers.
    pub(crate) fn health(&self) -> Option<Health> {
        let (status, alive) = self.get("/healthz", None).ok()?;
        if status != StatusCode::OK {
            return None;
        }
        let word = |name: &str| alive.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (ready, degraded) = match self.look() {
            Ok(degraded) => (Ok(()), degraded),
            Err(why) => (Err(why), Vec::new()),
        };
        Some(Health { instance: word("instance"), version: word("version"), ready, degraded })
    }

    /// Whether the server is ready, or why not.
    pub(crate) fn readiness(&self) -> Result<(), String> {
        self.look().map(|_| ())
    }

    /// What is degraded of a server that is ready, or why it is not.
    fn look(&self) -> Result<Vec<String>, String> {
        let (status, body) = self.get("/readyz", None).map_err(|problem| problem.detail.unwrap_or(problem.what))?;
        if status == StatusCode::OK {
            let word = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
            let degraded = body["degraded"].as_array().into_iter().flatten();
            return Ok(degraded.map(|one| format!("{}: {}", word(one, "name"), word(one, "detail"))).collect());
        }
        let failing = failing_checks(&body);
        Err(if failing.is_empty() { format!("it answers {status}") } else { failing })
    }

    /// Whether the server does what people want of it: it is well, it shows pages, and it has data.
    pub(crate) fn probe(&self, instance: &str, token: &Secret) -> Result<(), String> {
        let health = self.health().ok_or("GET /healthz is not answered as it should be")?;
        if health.instance != instance || health.version.is_empty() {
            return Err(format!("a server of `{}`, version `{}`, answers", health.instance, health.version));
        }
        health.ready?;
        self.page("/login", None)?;
        self.page("/history", Some(token))?;
        let summary = self.ask("/api/v1/history/summary", token);
        let summary = summary.map_err(|problem| format!("GET /api/v1/history/summary: {}", problem.what))?;
        if summary.is_object() {
            Ok(())
        } else {
            Err("GET /api/v1/history/summary is answered without data".to_owned())
        }
    }

    fn page(&self, path: &str, token: Option<&Secret>) -> Result<(), String> {
        let mut request = self.agent.get(format!("{}{path}", self.url)).header("accept", "text/html");
        if let Some(token) = token {
            request = request.header("authorization", bearer(token));
        }
        let response = request.call().map_err(|error| format!("GET {path}: {error}"))?;
        let is_page = response.body().mime_type() == Some("text/html");
        match response.status() {
            StatusCode::OK if is_page => Ok(()),
            StatusCode::OK => Err(format!("GET {path} is answered without a page")),
            status => Err(format!("GET {path} is answered {status}")),
        }
    }

    /// A GET of the API.
    pub(crate) fn ask(&self, path: &str, token: &Secret) -> Result<Value, Problem> {
        let (status, body) = self.get(path, Some(token))?;
        accepted(status, body)
    }

    /// A POST of the API with a body that is streamed.
    pub(crate) fn send(
        &self,
        path: &str,
        token: &Secret,
        headers: &[(&str, &str)],
        body: &mut dyn Read,
    ) -> Result<Value, Problem> {
        let mut request = Request::post(format!("{}{path}", self.url)).header("authorization", bearer(token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(SendBody::from_reader(body)).map_err(|error| self.unreachable(&error))?;
        let response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        let (status, body) = self.read(response)?;
        accepted(status, body)
    }

    /// A request of the API that changes something, with a body of JSON or none.
    pub(crate) fn change(
        &self,
        method: Method,
        path: &str,
        token: &Secret,
        body: Option<&Value>,
    ) -> Result<Value, Problem> {
        let bytes = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        request = request.header("authorization", bearer(token)).header("content-length", bytes.len());
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let mut bytes = bytes.as_slice();
        let request = request.body(SendBody::from_reader(&mut bytes)).map_err(|error| self.unreachable(&error))?;
        let response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        let (status, body) = self.read(response)?;
        accepted(status, body)
    }

    fn get(&self, path: &str, token: Option<&Secret>) -> Result<(StatusCode, Value), Problem> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", bearer(token));
        }
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        self.read(response)
    }

    fn read(&self, mut response: Response<Body>) -> Result<(StatusCode, Value), Problem> {
        let text = response.body_mut().with_config().limit(ANSWER_LIMIT_BYTES).read_to_vec();
        let bytes = text.map_err(|error| self.unreachable(&error))?;
        // An answer that is no JSON comes from something else on the port; its status is what is left to say.
        Ok((response.status(), serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Problem {
        Problem::new(ExitCode::Unhealthy, format!("the server at {} did not answer", self.url))
            .because(error)
            .hint("`ytorch status` says how it is, `ytorch logs` what it did last")
    }
}

/// A text as one segment of a path or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn bearer(token: &Secret) -> String {
    format!("Bearer {}", token.reveal())
}

fn accepted(status: StatusCode, body: Value) -> Result<Value, Problem> {
    if status.is_success() { Ok(body) } else { Err(refused(status, &body)) }
}

/// The server's own words with the exit code that fits its status.
fn refused(status: StatusCode, body: &Value) -> Problem {
    let code = match status.as_u16() {
        400 | 415 | 422 => ExitCode::BadExport,
        404 => ExitCode::NotFound,
        409 | 429 => ExitCode::Busy,
        413 => ExitCode::Refused,
        401 | 403 | 503 | 507 => ExitCode::Unfit,
        _ => ExitCode::Failure,
    };
    match body.get("error") {
        Some(error) => problem_of(error, code),
        None => Problem::new(code, format!("the server answered {status}"))
            .hint("`ytorch logs` shows what happened there; `ytorch status` whether it is our server"),
    }
}

/// A problem that the server described as `{what, detail, hint}`; a `code` in it wins over the given one.
pub(crate) fn problem_of(described: &Value, code: ExitCode) -> Problem {
    let word = |name: &str| described.get(name).and_then(Value::as_str).map(str::to_owned);
    let told = described
        .get("code")
        .and_then(Value::as_i64)
        .and_then(|code| i32::try_from(code).ok())
        .filter(|code| *code != 0);
    let code = told.map_or(code, |code| exit_code(Some(code)));
    Problem {
        what: word("what").unwrap_or_else(|| "the server does not say what went wrong".to_owned()),
        detail: word("detail"),
        hint: word("hint"),
        code,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_words_of_the_server_come_through_with_a_fitting_code() {
        let body = json!({"error": {"what": "no export", "detail": "a.txt", "hint": "give a zip"}});
        let problem = refused(StatusCode::UNPROCESSABLE_ENTITY, &body);
        assert_eq!(problem.code, ExitCode::BadExport);
        assert_eq!(problem.to_string(), "no export\n  detail: a.txt\n  hint: give a zip");
        assert_eq!(refused(StatusCode::CONFLICT, &Value::Null).code, ExitCode::Busy);
    }
}
