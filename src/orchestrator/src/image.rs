//! The images of ytorch that Podman has. It neither makes nor removes one.

use serde_json::{Value, json};
use ytorch_core::{Problem, Timestamp};

use crate::{
    podman::{Podman, PodmanError},
    size,
    spec::ReleaseId,
    state::local,
};

/// The label that makes an image one of ours; its value is the target of the Containerfile.
pub(crate) const TARGET_LABEL: &str = "dev.ytorch.target";

/// An image of ytorch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// What instances call it.
    pub release: ReleaseId,
    /// `slim` or `full`.
    pub target: String,
    /// The version of ytorch in it, as its label says.
    pub version: String,
    /// The revision it was built from, as its label says.
    pub revision: String,
    /// Its names, which others may take away.
    pub names: Vec<String>,
    /// How much of the disk it takes.
    pub bytes: u64,
    /// When it was made, RFC 3339.
    pub created: String,
}

/// Every image of ytorch, the newest first.
pub(crate) fn all(podman: &Podman) -> Result<Vec<Image>, Problem> {
    let filter = format!("label={TARGET_LABEL}");
    let told = podman.json(["image", "ls", "--all", "--filter", &filter, "--format", "json"])?;
    let mut images: Vec<Image> = told.as_array().into_iter().flatten().filter_map(Image::listed).collect();
    images.sort_by(|one, other| (&other.created, &one.release).cmp(&(&one.created, &other.release)));
    // Podman lists an image once for each of its names.
    images.dedup_by(|one, other| one.release == other.release);
    Ok(images)
}

/// The image that a name or an ID means; `None` if it is not one of ours.
pub(crate) fn named(podman: &Podman, name: &str) -> Result<Option<Image>, PodmanError> {
    let told = podman.json(["image", "inspect", name])?;
    Ok(told.get(0).and_then(Image::inspected))
}

impl Image {
    /// Reads an item of `podman image ls`.
    fn listed(told: &Value) -> Option<Self> {
        let created = told["Created"].as_i64().unwrap_or_default();
        Self::of(told, &told["Labels"], &told["Names"], Timestamp::from_seconds(created).to_jiff().to_string())
    }

    /// Reads an item of `podman image inspect`, which says the same in other words.
    fn inspected(told: &Value) -> Option<Self> {
        let created = told["Created"].as_str().unwrap_or_default().to_owned();
        Self::of(told, &told["Labels"], &told["RepoTags"], created)
    }

    fn of(told: &Value, labels: &Value, names: &Value, created: String) -> Option<Self> {
        let label = |name: &str| labels[name].as_str().unwrap_or("unknown").to_owned();
        let names = names.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Some(Self {
            release: told["Id"].as_str()?.parse().ok()?,
            target: labels[TARGET_LABEL].as_str()?.to_owned(),
            version: label("org.opencontainers.image.version"),
            revision: label("org.opencontainers.image.revision"),
            names: names.collect(),
            bytes: told["Size"].as_u64().unwrap_or_default(),
            created,
        })
    }

    /// As `--json` tells it.
    pub(crate) fn to_json(&self) -> Value {
        let Self { release, target, version, revision, names, bytes, created } = self;
        json!({ "id": release, "target": target, "version": version, "revision": revision, "names": names,
            "size_bytes": bytes, "created_at": created })
    }

    /// In one line.
    pub(crate) fn in_words(&self) -> String {
        let Self { release, target, version, bytes, created, .. } = self;
        format!("{release} ({target} {version}, {}, made {})", size::in_words(*bytes), local(created))
    }
}
