//! Which generation of its spec a container runs, where systemd was not told. What a server says of itself goes through Podman's
//! keeper of containers (conmon), which passes it on since 2.1.11; that of Debian 12 tells systemd only that it is ready and well.
//! It judges nothing.

use std::{cell::OnceCell, collections::BTreeMap};

use serde_json::Value;

use super::{
    names::Kind,
    units::{Life, Units},
};
use crate::{engine::detached::GENERATION, podman::Podman};

/// The label by which Podman knows the unit of a container.
const UNIT: &str = "PODMAN_SYSTEMD_UNIT";

/// What the labels of containers say, asked for once and only if systemd knows less.
pub(super) struct Generations {
    kind: Kind,
    told: OnceCell<BTreeMap<String, u64>>,
}

impl Generations {
    pub(super) fn of(kind: Kind) -> Self {
        Self { kind, told: OnceCell::new() }
    }

    /// The units, with the generation that the container of a service was started for.
    pub(super) fn complete(&self, units: Units, service: &str) -> Units {
        let is_silent = units.service == Life::Active && units.generation.is_none();
        if self.kind != Kind::Podman || !is_silent {
            return units;
        }
        let generation = self.told.get_or_init(ask).get(service).copied();
        Units { generation, ..units }
    }
}

/// Podman may be gone while its containers run; then nothing is known.
fn ask() -> BTreeMap<String, u64> {
    let filter = format!("label={GENERATION}");
    let Ok(podman) = Podman::of_this_machine() else { return BTreeMap::new() };
    podman.json(["ps", "--filter", &filter, "--format", "json"]).map(|told| read(&told)).unwrap_or_default()
}

fn read(told: &Value) -> BTreeMap<String, u64> {
    let one = |container: &Value| {
        let label = |name: &str| container["Labels"][name].as_str();
        Some((label(UNIT)?.to_owned(), label(GENERATION)?.parse().ok()?))
    };
    told.as_array().into_iter().flatten().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_of_containers_tell_generations() {
        let told = json!([
            { "Names": ["ytorch-friend"], "Labels": { UNIT: "ytorch-podman@friend.service", GENERATION: "3" } },
            { "Names": ["other"], "Labels": { GENERATION: "4" } },
            { "Names": ["older"], "Labels": null },
        ]);
        assert_eq!(read(&told), BTreeMap::from([("ytorch-podman@friend.service".to_owned(), 3)]));
    }
}
