//! `ytorch render`: the files that follow from a spec, printed. It writes none.

mod proxy;

use serde_json::json;
use ytorch_core::Problem;

use super::{Context, chosen, engine};
use crate::{
    command_line::{Choice, Render, RenderVerb},
    output::Answer,
};

/// Prints what is asked for.
pub(super) fn render(context: &Context, options: &Render) -> Result<Answer, Problem> {
    match &options.what {
        RenderVerb::Units(choice) => units(context, choice),
        RenderVerb::Proxy(options) => proxy::proxy(context, options),
    }
}

fn units(context: &Context, choice: &Choice) -> Result<Answer, Problem> {
    let name = chosen(choice)?;
    let spec = context.root.instance(&name)?;
    let folders = context.root.folders(&name);
    let files = engine(&folders, spec.engine).files(&folders, &spec)?;
    let one = |file: &crate::engine::derived::DerivedFile| format!("==> {} <==\n{}", file.path.display(), file.text);
    let text = if files.is_empty() {
        format!("the engine `{}` writes no files for `{name}`", spec.engine)
    } else {
        files.iter().map(one).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    };
    Ok(Answer::shown(text, json!({ "instance": name, "engine": spec.engine, "files": files })))
}
