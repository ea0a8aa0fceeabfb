//! `ytorch share`: what to give to a friend, and how the friend's browser comes here safely. It opens no port.

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceName, Problem};

use super::{Context, chosen, open, read_token};
use crate::{command_line::Share, output::Answer, spec::Spec};

/// Prints a one-time link, or the address and the token, and ways to reach it.
pub(super) fn share(context: &Context, options: &Share) -> Result<Answer, Problem> {
    let name = chosen(&options.choice)?;
    let spec = context.root.instance(&name)?;
    let via = options.via.as_deref().map(|via| checked(via, &name)).transpose()?;
    let address = via.clone().unwrap_or_else(|| spec.url());
    let (first, json) = if options.token {
        let token = read_token(&context.root.folders(&name))?;
        let text = format!(
            "address: {address}\ntoken:   {}\nThe token opens `{name}` for ever, to people and programs: give it by a safe way, or a link instead.",
            token.reveal()
        );
        (text, json!({ "url": Value::Null, "token": token.reveal(), "expires_at": Value::Null }))
    } else {
        let link = open::login_link(context, &spec)?;
        let url = format!("{address}{}", link.path);
        let text = format!(
            "link: {url}\nIt logs one browser in, once, within ten minutes. For a program, or for later: ytorch share {name} --token"
        );
        (text, json!({ "url": url, "token": Value::Null, "expires_at": link.expires_at }))
    };
    let tunnel = tunnel(&spec);
    let mut lines = vec![first];
    match &via {
        Some(via) => lines.extend(unknown_host(&spec, via)),
        None => lines.extend(ways(&spec, &tunnel)),
    }
    let mut json = json;
    json["instance"] = json!(name);
    json["address"] = json!(address);
    json["tunnel"] = json!(tunnel);
    Ok(Answer::shown(lines.join("\n"), json))
}

/// The address under which the friend sees the instance: a scheme and a host, nothing else.
fn checked(via: &str, name: &InstanceName) -> Result<String, Problem> {
    let via = via.trim_end_matches('/');
    let host = via.strip_prefix("https://").or_else(|| via.strip_prefix("http://")).unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_plain) {
        return Err(Problem::new(ExitCode::Usage, format!("`{via}` is not an address of a site"))
            .hint(format!("for example: ytorch share {name} --via https://{name}.example.org")));
    }
    Ok(via.to_owned())
}

/// A proxy that asks for a name which the server does not know is refused.
fn unknown_host(spec: &Spec, via: &str) -> Option<String> {
    let host = via.split_once("://").map_or(via, |(_, host)| host);
    let host = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(host, _)| host);
    let is_known = spec.host_names.iter().any(|known| known.eq_ignore_ascii_case(host));
    (!is_known)
        .then(|| format!("`{host}` is no host name of the instance yet: ytorch set {} --host-name {host}", spec.name))
}

fn ways(spec: &Spec, tunnel: &str) -> Vec<String> {
    let name = &spec.name;
    let mut lines = Vec::new();
    if spec.bind.is_loopback() {
        lines.push(
            "Only this machine can reach it. From another one, keep this running there and then open the link:"
                .to_owned(),
        );
    } else {
        lines.push(
            "Without a proxy what goes over the network can be read by others; this is safe, run on the other machine:"
                .to_owned(),
        );
    }
    lines.push(format!("    {tunnel}"));
    lines.push(format!(
        "For a friend without an account here, a proxy with TLS: ytorch render proxy {name} --host-name {name}.example.org"
    ));
    lines
}

/// The line that makes the port of this machine one of the friend's.
fn tunnel(spec: &Spec) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "HOST".to_owned());
    let host = host.trim();
    let user = std::env::var("USER").unwrap_or_else(|_| "USER".to_owned());
    let target = spec.url();
    let target = target.trim_start_matches("http://");
    format!("ssh -N -L {}:{target} {user}@{host}", spec.port)
}
