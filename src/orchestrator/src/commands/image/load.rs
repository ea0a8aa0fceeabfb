//! `ytorch image load`: an image comes from an archive. It does not fetch one.

use std::{ffi::OsStr, fs::File, io::Read as _, path::Path};

use serde_json::json;
use ytorch_core::{ExitCode, Problem};

use crate::{
    command_line::ImageLoad,
    image::{self, Image},
    output::Answer,
    podman::Podman,
};

/// Loads the image of an archive, or says that it would.
pub(super) fn load(options: &ImageLoad) -> Result<Answer, Problem> {
    let podman = Podman::of_this_machine()?;
    readable(&options.file)?;
    if options.dry_run.dry_run {
        let text = format!("would load {}", options.file.display());
        return Ok(Answer::shown(text, json!({ "dry_run": true, "file": options.file })));
    }
    let image = loaded(&podman, &options.file)?;
    let mut json = image.to_json();
    json["dry_run"] = false.into();
    Ok(Answer::shown(format!("loaded {}", image.in_words()), json))
}

/// Loads the one image of ytorch that an archive holds, or that a program writes to its standard output.
pub(in crate::commands) fn loaded(podman: &Podman, file: &Path) -> Result<Image, Problem> {
    let told = if is_program(&mut readable(file)?) {
        podman.load_from(file)?
    } else {
        podman.run([OsStr::new("load"), OsStr::new("--quiet"), OsStr::new("--input"), file.as_os_str()])?
    };
    let loaded = names(&told);
    let mut ours = Vec::new();
    for name in &loaded {
        ours.extend(image::named(podman, name)?);
    }
    ours.dedup_by(|one, other| one.release == other.release);
    match ours.as_slice() {
        [image] => Ok(image.clone()),
        _ => Err(not_one_of_ours(&loaded, &ours)),
    }
}

fn readable(file: &Path) -> Result<File, Problem> {
    File::open(file).map_err(|error| {
        Problem::new(ExitCode::NotFound, format!("could not read `{}`", file.display()))
            .because(&error)
            .hint("give an archive that `podman save` wrote, or a program that writes one")
    })
}

/// Whether a file is a script or a program: no archive begins like one.
fn is_program(file: &mut File) -> bool {
    let mut head = [0; 4];
    file.read_exact(&mut head).is_ok() && (head.starts_with(b"#!") || head == *b"\x7fELF")
}

/// The images that Podman says it loaded: `Loaded image: NAME`, before version 4 `Loaded image(s): NAME,NAME`.
fn names(told: &str) -> Vec<String> {
    let lines = told.lines().filter_map(|line| line.strip_prefix("Loaded image")?.split_once(": "));
    lines.flat_map(|(_, names)| names.split(',')).map(|name| name.trim().to_owned()).collect()
}

fn not_one_of_ours(loaded: &[String], ours: &[Image]) -> Problem {
    let what =
        if ours.is_empty() { "this archive holds no image of ytorch" } else { "this archive holds several images" };
    let names = loaded.join(" ");
    Problem::new(ExitCode::Usage, what)
        .detail(format!("Podman loaded {names}"))
        .hint(format!("give an archive of one image of ytorch; to be rid of these: podman image rm {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_old_and_new_versions_tell_them() {
        assert_eq!(names("Loaded image: localhost/ytorch:slim\n"), ["localhost/ytorch:slim"]);
        assert_eq!(names("Loaded image: a\nLoaded image: sha256:01\n"), ["a", "sha256:01"]);
        assert_eq!(names("Loaded image(s): a,b\n"), ["a", "b"]);
        assert!(names("").is_empty());
    }
}
