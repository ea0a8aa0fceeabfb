//! The truth file of an export: the counts its generator knows. It recounts nothing.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

/// The part of a truth file on one export, or on the union of an earlier and a later one.
#[derive(Clone, Debug)]
pub struct Truth(Value);

impl Truth {
    /// What is true of the export itself.
    pub fn of_file(path: &Path) -> Self {
        Self(part(path, "file"))
    }

    /// What is true once the earlier export and this one have both been imported.
    pub fn of_union(path: &Path) -> Self {
        Self(part(path, "union"))
    }

    /// A count by its name in the file.
    pub fn count(&self, name: &str) -> u64 {
        self.0[name].as_u64().unwrap_or_else(|| panic!("the truth file has no count `{name}`"))
    }

    /// Rows of a kind; 0 if there are none.
    pub fn kind(&self, name: &str) -> u64 {
        self.0["by_kind"][name].as_u64().unwrap_or(0)
    }

    /// Rows that are no views, by reason, as the API names the reasons.
    pub fn skipped(&self) -> &Value {
        &self.0["skipped"]
    }

    /// An instant by its name in the file, RFC 3339 with six digits after the second.
    pub fn instant(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("the truth file has no instant `{name}`"))
    }

    /// Counts per year or month, by their name in the file.
    pub fn per(&self, name: &str) -> BTreeMap<String, u64> {
        let table = self.0[name].as_object().unwrap_or_else(|| panic!("the truth file has no table `{name}`"));
        table.iter().map(|(key, count)| (key.clone(), count.as_u64().unwrap_or(0))).collect()
    }

    /// The ranking of channels: id and views.
    pub fn top_channels(&self) -> Vec<(String, u64)> {
        let items = self.0["top_channels_resolved"].as_array().expect("the truth file has a ranking");
        items.iter().map(|item| (text(&item["id"]), item["views"].as_u64().unwrap_or(0))).collect()
    }
}

fn part(path: &Path, name: &str) -> Value {
    let bytes = fs::read(path).expect("the truth file is there");
    let mut whole: Value = serde_json::from_slice(&bytes).expect("the truth file is JSON");
    let part = whole[name].take();
    assert!(part.is_object(), "{} says nothing of `{name}`", path.display());
    part
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
