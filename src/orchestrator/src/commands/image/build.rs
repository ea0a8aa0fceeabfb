//! `ytorch image build`: Podman builds an image from the source. It fetches nothing itself.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use super::super::Context;
use crate::{command_line::ImageBuild, image, output::Answer, podman::Podman};

/// Builds an image, or says how.
pub(super) fn build(context: &Context, options: &ImageBuild) -> Result<Answer, Problem> {
    let podman = Podman::of_this_machine()?;
    let folder = source(&options.context)?;
    let words = words(options, &folder);
    if options.dry_run.dry_run {
        let text = format!("would run: {} {}", podman.path().display(), words.join(" "));
        return Ok(Answer::shown(text, json!({ "dry_run": true, "arguments": words })));
    }
    let told = podman.follow(&words, |line| context.output.note(line))?;
    // The last line is the ID, which unlike a name nobody else can take meanwhile.
    let identity = told.lines().last().unwrap_or_default().trim();
    let built = image::named(&podman, identity)?.ok_or_else(|| {
        Problem::new(ExitCode::Usage, "this is no image of ytorch")
            .detail(format!("`{identity}` has no label {}", image::TARGET_LABEL))
            .hint("--context names the folder of ytorch's source, whose Containerfile sets it")
    })?;
    let mut json = built.to_json();
    json["dry_run"] = false.into();
    Ok(Answer::done(format!("built {}", built.in_words()), json))
}

/// The folder that is given to Podman, if it can be meant.
fn source(given: &Path) -> Result<PathBuf, Problem> {
    let folder = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
    if folder.join("Containerfile").is_file() {
        return Ok(folder);
    }
    Err(Problem::new(ExitCode::NotFound, format!("there is no Containerfile in `{}`", folder.display()))
        .hint("run it in the folder of ytorch's source, or name that: ytorch image build --context DIR"))
}

/// What Podman is told.
fn words(options: &ImageBuild, folder: &Path) -> Vec<String> {
    let target = options.target.name();
    // Images of the OCI's own format cannot hold a health command.
    let mut words = vec!["build".to_owned(), "--format=docker".to_owned(), format!("--target={target}")];
    words.push(format!("--tag=localhost/ytorch:{target}"));
    if let Some(revision) = git(folder, &["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]) {
        words.push(format!("--build-arg=REVISION={revision}"));
    }
    // With the time of the revision instead of now, two builds of it can be equal.
    if let Some(moment) = git(folder, &["log", "-1", "--format=%ct"]) {
        words.push(format!("--timestamp={moment}"));
    }
    words.extend(options.build_arguments.iter().map(|argument| format!("--build-arg={argument}")));
    words.extend(options.further.iter().cloned());
    words.push(folder.display().to_string());
    words
}

/// What git says of the source; nothing where there is no git or no history.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
}
