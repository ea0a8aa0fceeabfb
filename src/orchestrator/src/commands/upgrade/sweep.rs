//! Kept programs that no instance needs any more are deleted. What cannot be known to be unneeded stays.

use crate::{
    apply::apply_file,
    commands::Context,
    plan::Action,
    programs::{self, InUse},
    spec::{ReleaseId, Spec},
};

/// Deletes programs that no spec names. It never fails a command: what is left is looked at by the next one.
pub(in crate::commands) fn sweep(context: &Context) {
    let root = context.root.path();
    if !programs::folder(root).is_dir() {
        return;
    }
    let Ok(_lock) = context.root.lock("upgrade") else { return };
    sweep_locked(context);
}

/// The same for a command that holds the root's lock, under which instances come and go.
pub(in crate::commands) fn sweep_locked(context: &Context) {
    let root = context.root.path();
    // Somebody may rely on a program that is in no spec yet; the last one of them sweeps.
    let Some(_nobody) = InUse::nobody(root) else { return };
    let Ok(names) = context.root.names() else { return };
    let mut specs = Vec::new();
    for name in &names {
        // A spec that cannot be read may name anything.
        let Ok(Some(spec)) = Spec::read(&context.root.folders(name).spec(), name) else { return };
        specs.push(spec);
    }
    let needed: Vec<&ReleaseId> = specs.iter().flat_map(releases).collect();
    for path in programs::unused(root, &needed) {
        let action = Action::RemoveFolder { path };
        if let Err(problem) = apply_file(&action) {
            context.output.note(&format!("note: {problem}"));
        }
    }
}

fn releases(spec: &Spec) -> impl Iterator<Item = &ReleaseId> {
    let trial = spec.trial.as_ref();
    let tried = trial.into_iter().flat_map(|trial| std::iter::once(&trial.from).chain(&trial.previous_release));
    spec.release.iter().chain(&spec.previous_release).chain(tried)
}
