//! `settings`: every parameter with its origin. It changes nothing and does not read secrets.

use ytorch_core::{ExitCode, Problem};

use crate::{command_line::Work, instance::Instance, output};

pub(crate) fn run(arguments: &Work) -> Result<ExitCode, Problem> {
    let instance = Instance::find(&arguments.target)?;
    for warning in &instance.loaded.warnings {
        output::tell(&format!("warning: {warning}"));
    }
    let all = instance.list();
    if arguments.json {
        output::answer_json(&serde_json::json!({ "settings": all }));
    } else {
        for parameter in &all {
            output::answer(&parameter.to_string());
        }
    }
    Ok(ExitCode::Success)
}
