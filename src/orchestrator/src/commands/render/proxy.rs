//! `ytorch render proxy`: a site with TLS for an instance, to be put where the proxy looks for sites. It writes no file.

use std::path::PathBuf;

use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use crate::{
    command_line::{Over, ProxyKind, ProxySite},
    commands::{Context, chosen},
    engine::systemd::{Systemd, manager::Manager, names::Kind},
    output::Answer,
    proxy_site::{self, Upstream},
    spec::{EngineName, Spec},
};

/// Prints the site.
pub(super) fn proxy(context: &Context, options: &ProxySite) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let upstream = upstream(context, &spec, options.over)?;
    let host_name = &options.host_name;
    if !spec.host_names.contains(host_name) {
        context.output.note(&format!(
            "note: the server must know the name, or it refuses the proxy: ytorch set {name} --host-name {host_name}"
        ));
    }
    if matches!(upstream, Upstream::Tcp(_)) {
        context.output.note(
            "note: over a port the server cannot tell the proxy from others: it sees all clients as one, and does not know of TLS",
        );
    }
    let (kind, text) = match options.kind {
        ProxyKind::Caddy => ("caddy", proxy_site::caddy(host_name, &upstream)),
        ProxyKind::Nginx => ("nginx", proxy_site::nginx(host_name, &upstream)),
    };
    let upstream = match upstream {
        Upstream::Unix(path) => path.display().to_string(),
        Upstream::Tcp(address) => address,
    };
    let json = json!({ "instance": name, "kind": kind, "host_name": host_name, "upstream": upstream, "text": text });
    Ok(Answer::shown(text.trim_end(), json))
}

fn upstream(context: &Context, spec: &Spec, over: Option<Over>) -> Result<Upstream, Problem> {
    let socket = unix_socket(context, spec);
    match (over, socket) {
        (Some(Over::Tcp), _) | (None, None) => Ok(Upstream::Tcp(spec.url().trim_start_matches("http://").to_owned())),
        (_, Some(path)) => Ok(Upstream::Unix(path)),
        (Some(Over::Unix), None) => {
            Err(Problem::new(ExitCode::Unfit, format!("the engine `{}` has no unix socket here", spec.engine))
                .detail("systemd makes it, with the port")
                .hint("leave out --over, or say --over tcp"))
        }
    }
}

/// The unix socket of an instance; `None` if no systemd holds one.
fn unix_socket(context: &Context, spec: &Spec) -> Option<PathBuf> {
    let kind = match spec.engine {
        EngineName::Quadlet => Kind::Quadlet,
        EngineName::Podman => Kind::Podman,
        EngineName::Native => Kind::Native,
        EngineName::Process => return None,
    };
    if spec.engine == EngineName::Podman && Manager::of_this_user().reachable().is_err() {
        return None;
    }
    Some(Systemd::new(kind, context.root.path()).names().unix_socket(&spec.name))
}
