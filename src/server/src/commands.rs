//! One module for each verb. They print answers; what they do lies elsewhere in the crate.

pub(crate) mod archive;
pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod health;
pub(crate) mod import;
pub(crate) mod maintain;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod version;

mod watched;
