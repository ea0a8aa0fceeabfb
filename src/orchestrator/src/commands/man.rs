//! `ytorch man`: manual pages, made from the declarations of the verbs. It opens no pager.

use std::{io, path::Path};

use clap::{Command, CommandFactory as _};
use serde_json::json;
use ytorch_core::{
    ExitCode, Problem,
    files::{Access, write_atomically},
};

use crate::{
    command_line::{CommandLine, Man},
    output::Answer,
};

/// The first page in words, or every page as a file.
pub(super) fn man(options: &Man) -> Result<Answer, Problem> {
    let mut command = CommandLine::command();
    command.build();
    let Some(folder) = &options.to else {
        let page = page(&command).map_err(|error| unwritten(Path::new("the page"), &error))?;
        return Ok(Answer::shown(page.1.clone(), json!({ "page": page.0, "text": page.1 })));
    };
    let mut pages = Vec::new();
    collect(&command, &mut pages).map_err(|error| unwritten(folder, &error))?;
    std::fs::create_dir_all(folder).map_err(|error| unwritten(folder, &error))?;
    for (name, text) in &pages {
        write_atomically(&folder.join(name), text.as_bytes(), Access::Shared)
            .map_err(|error| unwritten(folder, &error))?;
    }
    let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
    let text = format!(
        "wrote {} pages to {}\nread one with: man -l {}",
        names.len(),
        folder.display(),
        folder.join("ytorch.1").display()
    );
    Ok(Answer::done(text, json!({ "folder": folder, "pages": names })))
}

fn collect(command: &Command, pages: &mut Vec<(String, String)>) -> io::Result<()> {
    pages.push(page(command)?);
    command.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| collect(verb, pages))
}

/// The file name of a page and its text.
fn page(command: &Command) -> io::Result<(String, String)> {
    let page = clap_mangen::Man::new(command.clone());
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    Ok((page.get_filename(), String::from_utf8_lossy(&bytes).into_owned()))
}

fn unwritten(place: &Path, error: &io::Error) -> Problem {
    Problem::new(ExitCode::Unfit, format!("could not write the manual to `{}`", place.display()))
        .because(error)
        .hint("name a folder that you may write: --to DIR")
}
