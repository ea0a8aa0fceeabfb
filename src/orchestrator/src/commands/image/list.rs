//! `ytorch image list`: the images that Podman has, and who needs them. It asks no instance.

use serde_json::{Value, json};
use ytorch_core::Problem;

use super::super::Context;
use crate::{
    image::{self, Image},
    output::{Answer, table},
    podman::Podman,
    size,
    spec::{ReleaseId, Spec},
    state::local,
};

const HEADINGS: [&str; 6] = ["ID", "TARGET", "VERSION", "SIZE", "MADE", "USED BY"];

/// All images of ytorch with the instances that run in them.
pub(super) fn list(context: &Context) -> Result<Answer, Problem> {
    let images = image::all(&Podman::of_this_machine()?)?;
    let specs = context.root.specs()?;
    let missing: Vec<&Spec> = specs.iter().filter(|spec| lacks_its_image(spec, &images)).collect();
    let mut lines = Vec::new();
    if images.is_empty() {
        lines.push("Podman has no image of ytorch\nmake one: ytorch image build, or ytorch image load FILE".to_owned());
    } else {
        lines.push(table(&HEADINGS, images.iter().map(|image| row(image, &specs)).collect()));
    }
    for spec in &missing {
        let release = spec.release.as_ref().map_or("", ReleaseId::short);
        lines.push(format!("`{}` runs {release}, which Podman does not have: ytorch image load FILE", spec.name));
    }
    let items: Vec<Value> = images.iter().map(|image| item(image, &specs)).collect();
    let missing: Vec<Value> = missing.iter().map(|spec| json!({ "instance": spec.name, "id": spec.release })).collect();
    Ok(Answer::shown(lines.join("\n"), json!({ "images": items, "missing": missing })))
}

fn row(image: &Image, specs: &[Spec]) -> Vec<String> {
    let mut users = using(&image.release, specs);
    users.extend(kept_by(&image.release, specs).into_iter().map(|name| format!("{name} (before)")));
    vec![
        image.release.short().to_owned(),
        image.target.clone(),
        image.version.clone(),
        size::in_words(image.bytes),
        local(&image.created),
        if users.is_empty() { "-".to_owned() } else { users.join(", ") },
    ]
}

fn item(image: &Image, specs: &[Spec]) -> Value {
    let mut item = image.to_json();
    item["used_by"] = json!(using(&image.release, specs));
    item["kept_for_rollback_by"] = json!(kept_by(&image.release, specs));
    item
}

/// The instances that run in an image.
fn using(release: &ReleaseId, specs: &[Spec]) -> Vec<String> {
    let users = specs.iter().filter(|spec| spec.release.as_ref() == Some(release));
    users.map(|spec| spec.name.to_string()).collect()
}

/// The instances that would go back to an image.
fn kept_by(release: &ReleaseId, specs: &[Spec]) -> Vec<String> {
    let users = specs.iter().filter(|spec| spec.previous_release.as_ref() == Some(release));
    users.map(|spec| spec.name.to_string()).collect()
}

/// Whether an instance needs an image that is not there. Those without containers have no need of one.
fn lacks_its_image(spec: &Spec, images: &[Image]) -> bool {
    let is_there = |release: &ReleaseId| images.iter().any(|image| image.release == *release);
    spec.engine.is_container() && spec.release.as_ref().is_some_and(|release| !is_there(release))
}
