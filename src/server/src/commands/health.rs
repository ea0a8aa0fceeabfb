//! `health`: asks a running server over its private socket. It needs no shell, no token and no network, so a container
//! without any can be asked from inside.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use serde_json::{Value, json};
use ytorch_core::{ExitCode, InstanceFolders};

use crate::{command_line::Health, health, output};

/// A server that is well answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What `/healthz` and `/readyz` say is no longer than this.
const LONGEST_ANSWER: u64 = 64 * 1024;

pub(crate) fn run(arguments: &Health) -> ExitCode {
    let folders = InstanceFolders::new(&arguments.instance_dir);
    let asked = ask(&folders, "/healthz").and_then(|health| Ok((health, ask(&folders, "/readyz")?)));
    let (is_well, words, answer) = match &asked {
        Ok(((200, health), (ready, readiness))) => {
            let server = format!("{} {}", text(health, "instance"), text(health, "version"));
            let words = if *ready == 200 { format!("ok: {server}") } else { format!("ok, but not ready: {server}") };
            (true, words, json!({ "ok": true, "health": health, "readiness": readiness }))
        }
        Ok(((status, health), _)) => {
            let words = format!("not well: the server answers {status} ({})", text(health, "status"));
            (false, words, json!({ "ok": false, "health": health }))
        }
        Err(error) => {
            let words = format!("not well: no server answers at {}: {error}", folders.health_socket().display());
            (false, words, json!({ "ok": false, "error": error.to_string() }))
        }
    };
    if arguments.json {
        output::answer_json(&answer);
    } else {
        output::answer(&words);
    }
    if is_well { ExitCode::Success } else { ExitCode::Failure }
}

fn text<'value>(value: &'value Value, name: &str) -> &'value str {
    value[name].as_str().unwrap_or("unknown")
}

/// The status and the body of the answer.
fn ask(folders: &InstanceFolders, path: &str) -> io::Result<(u16, Value)> {
    let mut stream: UnixStream = health::connect(folders)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(LONGEST_ANSWER).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
    Ok((status, serde_json::from_str(body)?))
}
