//! The sites of `ytorch render proxy`, judged by the real Caddy and nginx of Debian, neither of which is installed.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;
use ytorch_tests::{Ytorch, programs::of_debian, prometheus::write};

fn site(kind: &str) -> String {
    let ytorch = Ytorch::new();
    ytorch.create("friend", &["--no-start"]);
    ytorch.must(&["render", "proxy", "friend", "--host-name", "friend.example.org", "--kind", kind]).stdout
}

/// The same site with the unix socket that systemd would hold.
fn over_unix(site: &str, before: &str, socket: &str) -> String {
    let line = site.lines().find(|line| line.trim().starts_with(before)).expect("there is an upstream");
    let end = if line.ends_with('{') { " {" } else { ";" };
    let indent = &line[..line.len() - line.trim_start().len()];
    site.replace(line, &format!("{indent}{before} {socket}{end}"))
}

#[track_caller]
fn content(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn caddy_understands_its_site() {
    let folder = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
    let site = site("caddy");
    for text in [over_unix(&site, "reverse_proxy", "unix//run/ytorch/friend.sock"), site] {
        let file = write(folder.path(), "Caddyfile", &text);
        let mut caddy = Command::new(of_debian("caddy", "caddy"));
        caddy.args(["validate", "--adapter", "caddyfile", "--config"]).arg(file).env("HOME", folder.path());
        content(&caddy.output().expect("caddy runs"));
    }
}

#[test]
fn nginx_understands_its_site() {
    let folder = TempDir::with_prefix("ytorch-tests-").expect("a temporary folder can be made");
    let keys = folder.path().join("keys");
    fs::create_dir(&keys).expect("a folder can be made");
    certificate(&keys);
    let site = site("nginx").replace("/etc/letsencrypt/live/friend.example.org", keys.to_str().expect("a plain name"));
    for text in [over_unix(&site, "proxy_pass", "http://unix:/run/ytorch/friend.sock:"), site] {
        let own =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|what| format!("{what}_temp_path {what};\n"));
        let own = own.concat();
        let whole = format!("pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{own}{text}\n}}\n");
        let file = write(folder.path(), "nginx.conf", &whole);
        let mut nginx = Command::new(of_debian("nginx", "nginx"));
        nginx.args(["-t", "-e", "stderr", "-p"]).arg(folder.path()).arg("-c").arg(file);
        content(&nginx.output().expect("nginx runs"));
    }
}

fn certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=friend.example.org"]);
    openssl.arg("-keyout").arg(folder.join("privkey.pem")).arg("-out").arg(folder.join("fullchain.pem"));
    content(&openssl.output().expect("openssl runs"));
}
