//! The running server of an instance with its token, for verbs that need it. It starts none.

use serde_json::Value;
use ureq::http::Method;
use ytorch_core::{ExitCode, InstanceName, Problem, Secret};

use super::{Context, ingest::Way, read_token};
use crate::server_client::ServerClient;

/// A server that answers, and the right to ask it.
pub(super) struct Live {
    pub(super) name: InstanceName,
    client: ServerClient,
    token: Secret,
}

impl Live {
    /// The server of an instance.
    ///
    /// # Errors
    /// If there is none, or it does not answer.
    pub(super) fn of(context: &Context, name: InstanceName) -> Result<Self, Problem> {
        let spec = context.root.instance(&name)?;
        let folders = context.root.folders(&name);
        match Way::of(&spec, &folders)? {
            Way::Server(client) => Self::with(name, client, read_token(&folders)),
            Way::Alone => Err(Problem::new(ExitCode::Unhealthy, format!("the instance `{name}` does not run"))
                .hint(format!("start it with: ytorch start {name}"))),
        }
    }

    /// A server that was found already.
    pub(super) fn with(
        name: InstanceName,
        client: ServerClient,
        token: Result<Secret, Problem>,
    ) -> Result<Self, Problem> {
        Ok(Self { name, client, token: token? })
    }

    pub(super) fn ask(&self, path: &str) -> Result<Value, Problem> {
        self.client.ask(path, &self.token)
    }

    pub(super) fn post(&self, path: &str) -> Result<Value, Problem> {
        self.client.change(Method::POST, path, &self.token, None)
    }

    pub(super) fn put(&self, path: &str, body: &Value) -> Result<Value, Problem> {
        self.client.change(Method::PUT, path, &self.token, Some(body))
    }

    pub(super) fn delete(&self, path: &str) -> Result<Value, Problem> {
        self.client.change(Method::DELETE, path, &self.token, None)
    }
}

/// The list in an answer.
pub(super) fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().map_or(&[], Vec::as_slice)
}

/// A field that is text, or nothing.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}
