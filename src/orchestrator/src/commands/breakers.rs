//! `ytorch breakers`: services outside that a running server leaves alone, and having them asked again. It asks none.

use serde_json::{Value, json};
use ytorch_core::Problem;

use super::{
    Context, chosen,
    live::{Live, items, text},
};
use crate::{
    command_line::{Breakers, BreakersReset, BreakersVerb, Choice},
    output::{Answer, table},
    server_client::segment,
    state::local,
};

/// Lists breakers, or closes them.
pub(super) fn breakers(context: &Context, options: &Breakers) -> Result<Answer, Problem> {
    match &options.verb {
        None => list(context, &options.choice),
        Some(BreakersVerb::Reset(options)) => reset(context, options),
    }
}

fn list(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let live = Live::of(context, chosen(choice)?)?;
    let breakers = live.ask("/api/v1/breakers")?;
    let rows = items(&breakers).iter().map(row).collect();
    let mut words = vec![table(&["SERVICE", "STATE", "FAILURES", "OPEN UNTIL", "LAST ERROR"], rows)];
    if items(&breakers).iter().any(is_not_closed) {
        words.push(format!("ask again at once: ytorch breakers reset {}", live.name));
    }
    let words = words.join("\n");
    Ok(Answer::shown(words, json!({ "instance": live.name, "breakers": breakers["items"] })))
}

fn reset(context: &Context, options: &BreakersReset) -> Result<Answer, Problem> {
    let live = Live::of(context, chosen(&options.choice)?)?;
    let services = if let Some(service) = &options.service {
        vec![service.clone()]
    } else {
        let breakers = live.ask("/api/v1/breakers")?;
        let not_closed = items(&breakers).iter().filter(|breaker| is_not_closed(breaker));
        not_closed.map(|breaker| text(breaker, "service").to_owned()).collect()
    };
    let reset = |service: &String| live.post(&format!("/api/v1/breakers/{}/reset", segment(service)));
    let closed: Vec<Value> = services.iter().map(reset).collect::<Result<_, _>>()?;
    let words = if closed.is_empty() {
        "every breaker is closed already".to_owned()
    } else {
        format!("closed: {}", services.join(", "))
    };
    Ok(Answer::done(words, json!({ "instance": live.name, "reset": closed })))
}

fn is_not_closed(breaker: &Value) -> bool {
    breaker["state"] != "closed"
}

fn row(breaker: &Value) -> Vec<String> {
    let dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    vec![
        dash(text(breaker, "service")),
        dash(text(breaker, "state")),
        breaker["failures"].to_string(),
        breaker["open_until"].as_str().map_or_else(|| "-".to_owned(), local),
        dash(text(breaker, "last_error")),
    ]
}
