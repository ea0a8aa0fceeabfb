//! `ytorch image`: the images that instances run in. It never changes what an instance runs; `upgrade` does.

mod build;
mod list;
pub(super) mod load;

use ytorch_core::Problem;

use super::Context;
use crate::{
    command_line::{Image, ImageVerb},
    output::Answer,
};

/// Builds, loads or shows images.
pub(super) fn image(context: &Context, options: &Image) -> Result<Answer, Problem> {
    match &options.verb {
        ImageVerb::Build(options) => build::build(context, options),
        ImageVerb::Load(options) => load::load(options),
        ImageVerb::List => list::list(context),
    }
}
