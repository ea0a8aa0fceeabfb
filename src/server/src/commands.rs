//! One module for each verb. They print answers; what they do lies elsewhere in the crate.

pub(crate) mod check;
pub(crate) mod import;
pub(crate) mod serve;
pub(crate) mod settings;
