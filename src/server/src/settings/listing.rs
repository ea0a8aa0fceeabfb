//! Every parameter for people and scripts, secrets masked. It does not print.

use std::fmt;

use crate::instance::Named;
use serde::Serialize;

use super::{
    Loaded,
    layers::{Given, Origin},
};

/// One parameter as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: &'static str,
    /// Its value; a secret's is a word that stands for it.
    pub value: serde_json::Value,
    /// In what a number counts.
    pub unit: Option<&'static str>,
    /// Who gave the value.
    pub origin: Origin,
    /// Where exactly, such as `config/server.toml:3`.
    pub place: String,
    /// What it is for.
    pub meaning: &'static str,
}

/// The settings, and before them what is known of the instance without any setting.
pub(crate) fn list(instance: &Named, folder: &std::path::Path, loaded: &Loaded) -> Vec<Listed> {
    let fixed = |name, value: String, origin, place: &str, meaning| Listed {
        name,
        value: value.into(),
        unit: None,
        origin,
        place: place.to_owned(),
        meaning,
    };
    let mut all = vec![
        fixed("instance", instance.name.to_string(), instance.origin, instance.place, "The instance's name."),
        fixed("instance_dir", folder.display().to_string(), Origin::Flag, "--instance-dir", "The instance's folder."),
        // Its value is not even read here.
        fixed("token", "[secret]".to_owned(), Origin::File, "config/secrets/token", "What opens the instance."),
    ];
    all.extend(loaded.given.iter().map(|Given { declaration, value, origin, place }| Listed {
        name: declaration.name,
        value: value.clone(),
        unit: declaration.unit,
        origin: *origin,
        place: place.clone(),
        meaning: declaration.meaning,
    }));
    all
}

impl Listed {
    /// Who gave the value, and where.
    pub fn origin_in_words(&self) -> String {
        match self.origin {
            Origin::Default => "default".to_owned(),
            Origin::File => format!("file {}", self.place),
            Origin::Environment => format!("environment {}", self.place),
            Origin::Flag => format!("flag {}", self.place),
        }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_str().map_or_else(|| self.value.to_string(), str::to_owned);
        write!(formatter, "{:<26} {value}", self.name)?;
        if let Some(unit) = self.unit {
            write!(formatter, " {unit}")?;
        }
        write!(formatter, "  ({})", self.origin_in_words())
    }
}
