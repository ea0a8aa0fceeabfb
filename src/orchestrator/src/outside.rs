//! Whether an instance's container needs a network: only if its settings name a service outside. It asks no server.

use std::fs;

use ytorch_core::InstanceFolders;

use crate::spec::{Network, Spec};

/// Settings that make the server ask somebody outside, when they are set.
const NAMES: [&str; 1] = ["notify_url"];

/// Whether the container gets a network that reaches the outside.
pub(crate) fn is_wanted(folders: &InstanceFolders, spec: &Spec) -> bool {
    match spec.network {
        Network::None => false,
        Network::Outside => true,
        // Settings that cannot be read are told by the server, which reads them in a moment.
        Network::Auto => fs::read_to_string(folders.server_settings()).is_ok_and(|text| names_a_service(&text)),
    }
}

fn names_a_service(settings: &str) -> bool {
    let Ok(settings) = settings.parse::<toml::Table>() else { return false };
    NAMES.iter().any(|name| settings.get(*name).and_then(toml::Value::as_str).is_some_and(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_named_service_needs_a_network() {
        assert!(names_a_service("time_zone = \"UTC\"\nnotify_url = \"https://ntfy.sh/mine\"\n"));
        for settings in ["", "notify_url = \"\"", "# notify_url = \"https://a\"", "notify_url = 3", "not toml"] {
            assert!(!names_a_service(settings), "{settings}");
        }
    }
}
