//! `ytorch secret`: secrets of services outside, kept by a running server. A secret is never shown, nor an argument,
//! which every user of the machine could read.

use std::io::{self, IsTerminal as _, Read as _};

use inquire::{Password, PasswordDisplayMode};
use serde_json::{Value, json};
use ytorch_core::{ExitCode, Problem, Secret};

use super::{
    Context,
    live::{Live, items, text},
    parse_name,
};
use crate::{
    command_line::{NamedChoice, OneSecret, Secret as Options, SecretVerb},
    output::{Answer, can_ask, table},
    server_client::segment,
    state::local,
};

/// No secret is longer; what is longer is some other file.
const MOST_BYTES: u64 = 4096;

/// Does what was asked for with secrets.
pub(super) fn secret(context: &Context, options: &Options) -> Result<Answer, Problem> {
    match &options.verb {
        SecretVerb::List(choice) => list(context, choice),
        SecretVerb::Set(options) => set(context, options),
        SecretVerb::Remove(options) => remove(context, options),
        SecretVerb::RotateKey(choice) => rotate_key(context, choice),
    }
}

fn live(context: &Context, choice: &NamedChoice) -> Result<Live, Problem> {
    Live::of(context, parse_name(&choice.instance)?)
}

fn list(context: &Context, choice: &NamedChoice) -> Result<Answer, Problem> {
    let live = live(context, choice)?;
    let secrets = live.ask("/api/v1/secrets")?;
    let row = |secret: &Value| {
        let set_at = secret["updated_at"].as_str().map_or_else(|| "not set".to_owned(), local);
        vec![text(secret, "name").to_owned(), set_at, text(secret, "meaning").to_owned()]
    };
    let words = table(&["NAME", "SET", "MEANING"], items(&secrets).iter().map(row).collect());
    Ok(Answer::shown(words, json!({ "instance": live.name, "secrets": secrets["items"] })))
}

fn set(context: &Context, OneSecret { name, choice }: &OneSecret) -> Result<Answer, Problem> {
    let live = live(context, choice)?;
    let value = read(context, name)?;
    let path = format!("/api/v1/secrets/{}", segment(name));
    live.put(&path, &json!({ "value": value.reveal() })).map_err(|mut problem| {
        if problem.code == ExitCode::BadExport {
            problem.code = ExitCode::Usage;
        }
        problem
    })?;
    let json = json!({ "instance": live.name, "secret": name, "set": true });
    Ok(Answer::done(format!("`{name}` is set"), json))
}

fn remove(context: &Context, OneSecret { name, choice }: &OneSecret) -> Result<Answer, Problem> {
    let live = live(context, choice)?;
    live.delete(&format!("/api/v1/secrets/{}", segment(name)))?;
    let json = json!({ "instance": live.name, "secret": name, "set": false });
    Ok(Answer::done(format!("`{name}` is not set any more"), json))
}

fn rotate_key(context: &Context, choice: &NamedChoice) -> Result<Answer, Problem> {
    let live = live(context, choice)?;
    let rotated = live.post("/api/v1/secrets/rotate-key")?;
    let count = rotated["encrypted_anew"].as_u64().unwrap_or_default();
    let words = format!("a new key is in place; secrets encrypted anew: {count}");
    Ok(Answer::done(words, json!({ "instance": live.name, "encrypted_anew": count })))
}

/// The secret: asked for without showing it, or all of standard input without the line's end.
fn read(context: &Context, name: &str) -> Result<Secret, Problem> {
    if io::stdin().is_terminal() {
        if context.output.json || !can_ask() {
            return Err(Problem::new(ExitCode::Usage, "the secret cannot be asked for here").hint(hint(name)));
        }
        let question = format!("{name}:");
        let prompt = Password::new(&question).without_confirmation().with_display_mode(PasswordDisplayMode::Hidden);
        let typed = prompt.prompt().map_err(|_| Problem::new(ExitCode::Refused, "nothing was set"))?;
        return Ok(Secret::new(typed));
    }
    let mut text = String::new();
    let unfit = |error: &dyn std::error::Error| {
        Problem::new(ExitCode::Usage, "could not read the secret from standard input").because(error).hint(hint(name))
    };
    io::stdin().lock().take(MOST_BYTES + 3).read_to_string(&mut text).map_err(|error| unfit(&error))?;
    let value = text.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        return Err(Problem::new(ExitCode::Usage, "standard input holds no secret").hint(hint(name)));
    }
    Ok(Secret::new(value.to_owned()))
}

fn hint(name: &str) -> String {
    format!("give it a file: ytorch secret set {name} <FILE")
}
