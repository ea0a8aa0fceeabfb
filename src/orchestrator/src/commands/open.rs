//! `ytorch open`: a one-time log-in link, in words and in the browser. It never shows the token.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, Problem};

use super::{Context, chosen, engine, read_token};
use crate::{command_line::Open, output::Answer, server_client::ServerClient, spec::Spec};

/// Asks the server for a link and opens it.
pub(super) fn open(context: &Context, options: &Open) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let link = login_link(context, &spec)?;
    let url = format!("{}{}", spec.url(), link.path);
    let opened = !options.print_only && !context.output.json && has_display() && open_browser(&url);
    let json = json!({ "instance": name, "url": url, "expires_at": link.expires_at, "opened": opened });
    context.output.note("This link works once, for ten minutes:");
    Ok(Answer::shown(url, json))
}

/// A link that logs in once.
pub(super) struct LoginLink {
    /// Its path and query.
    pub path: String,
    /// Until when it works.
    pub expires_at: Value,
}

/// Asks a server that runs for a link.
pub(super) fn login_link(context: &Context, spec: &Spec) -> Result<LoginLink, Problem> {
    let (name, folders) = (&spec.name, context.root.folders(&spec.name));
    let observed = engine(&folders, spec.engine).observe(&folders, spec);
    if !observed.activity.answers() {
        return Err(Problem::new(ExitCode::Unhealthy, format!("the instance `{name}` does not run"))
            .hint(format!("start it with: ytorch start {name}")));
    }
    let client = ServerClient::new(spec, Duration::from_secs(10));
    let token = read_token(&folders)?;
    let link = client.send("/api/v1/login-links", &token, &[("content-length", "0")], &mut std::io::empty())?;
    let Some(path) = link.get("path").and_then(Value::as_str) else {
        return Err(Problem::new(ExitCode::Failure, "the server did not tell a link")
            .hint("`ytorch validate` says whether both programs are of one version"));
    };
    let expires_at = link.get("expires_at").cloned().unwrap_or_default();
    Ok(LoginLink { path: path.to_owned(), expires_at })
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether a browser was told. The printed link is what counts, so a failure is no problem.
fn open_browser(url: &str) -> bool {
    let quiet = |command: &mut Command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
    };
    quiet(Command::new("xdg-open").arg(url))
}
