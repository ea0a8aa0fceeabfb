//! `ytorch completions`: a script for a shell, made from the declarations of the verbs. It installs nothing.
//!
//! The names of instances come from `ytorch __names` whenever a key is pressed. The generator of the scripts knows no
//! such thing in its stable part, so names of instances are declared as names of users, and the function that would
//! list those is replaced by ours.

use std::collections::BTreeSet;

use clap::{Arg, Command, CommandFactory as _, ValueHint};
use clap_complete::{
    Generator,
    shells::{Bash, Fish, Zsh},
};
use serde_json::json;

use crate::{
    command_line::{CommandLine, Completions, Shell},
    output::Answer,
};

const BASH: &str = include_str!("completions/names.bash");
const ZSH: &str = include_str!("completions/names.zsh");

/// The script for a shell.
pub(super) fn completions(options: &Completions) -> Answer {
    let command = hinted(visible(&CommandLine::command()));
    let script = match options.shell {
        Shell::Bash => {
            let options = options_with_values(&command).into_iter().collect::<Vec<_>>().join("|");
            let bash = BASH.replace("VERBS", &verbs_with_names(&command).join("|")).replace("OPTIONS", &options);
            format!("{}{bash}", generated(Bash, command))
        }
        Shell::Zsh => with_names_in_zsh(&generated(Zsh, command)),
        Shell::Fish => {
            let names = fish_names(&command);
            format!("{}{names}", generated(Fish, command).replace("(__fish_complete_users)", "(ytorch __names)"))
        }
    };
    let shell = format!("{:?}", options.shell).to_lowercase();
    Answer::shown(script.trim_end(), json!({ "shell": shell, "script": script }))
}

fn generated(generator: impl Generator, mut command: Command) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(generator, &mut command, "ytorch", &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether an argument is the name of an instance that is there.
fn is_name(argument: &Arg) -> bool {
    matches!(argument.get_id().as_str(), "name" | "instance")
}

/// The command without the verbs that only programs call.
fn visible(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    Command::new("ytorch").args(command.get_arguments().cloned()).subcommands(verbs)
}

fn hinted(command: Command) -> Command {
    let hint = |argument: Arg| if is_name(&argument) { argument.value_hint(ValueHint::Username) } else { argument };
    command.mut_subcommands(hinted).mut_args(hint)
}

/// The verbs that take the name of an instance by its position.
fn verbs_with_names(command: &Command) -> Vec<String> {
    let has_name = |verb: &&Command| verb.get_positionals().any(is_name);
    command.get_subcommands().filter(has_name).map(|verb| verb.get_name().to_owned()).collect()
}

/// The options, of whatever verb, after which a value is expected.
fn options_with_values(command: &Command) -> BTreeSet<String> {
    let takes_value = |argument: &&Arg| argument.get_action().takes_values() && !argument.is_positional();
    let own = command.get_arguments().filter(takes_value).flat_map(|argument| {
        let long = argument.get_long().map(|name| format!("--{name}"));
        long.into_iter().chain(argument.get_short().map(|letter| format!("-{letter}")))
    });
    own.chain(command.get_subcommands().flat_map(options_with_values)).collect()
}

/// The function stands before the last line, which calls or registers the generated one.
fn with_names_in_zsh(script: &str) -> String {
    script.replace("_users", "_ytorch_names").replacen("#compdef ytorch\n", &format!("#compdef ytorch\n\n{ZSH}"), 1)
}

fn fish_names(command: &Command) -> String {
    let verbs = verbs_with_names(command);
    let line = |verb: &String| {
        format!("complete -c ytorch -n \"__fish_ytorch_using_subcommand {verb}\" -f -a \"(ytorch __names)\"\n")
    };
    verbs.iter().map(line).collect()
}
