//! Defaults, then the file, then the environment, then flags: the last one that speaks wins.
//!
//! It does not print; a wrong value is a [`Problem`] that says where it stands.

use std::{collections::BTreeMap, ffi::OsString, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    error::{Error, Kind},
    value::{Dict, Map, Value},
};
use serde::Serialize;
use ytorch_core::{ExitCode, Problem};

use super::{DECLARATIONS, Declaration, Settings, Shape, file};

/// Variables that begin like ours and are no settings: most are for `ytorch`, which hands its environment down, and two
/// say what the instance is called and which generation of its spec this is.
const NO_SETTINGS: &[&str] = &[
    "YTORCH_ENGINE",
    crate::manager::GENERATION_VARIABLE,
    crate::instance::NAME_VARIABLE,
    "YTORCH_PODMAN",
    "YTORCH_QUADLET",
    "YTORCH_ROOT",
    "YTORCH_SERVER",
    "YTORCH_SYSTEMCTL",
    "YTORCH_SYSTEM_CONFIG",
];

/// The settings as they are in use.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub settings: Settings,
    /// The same as they were given, with their origins, in the order of the declarations.
    pub given: Vec<Given>,
    /// What is odd, but no reason to stop.
    pub warnings: Vec<String>,
}

/// A value as it was given, and by whom.
#[derive(Clone, Debug)]
pub struct Given {
    /// Which setting.
    pub declaration: &'static Declaration,
    /// Its value.
    pub value: serde_json::Value,
    /// Who gave it.
    pub origin: Origin,
    /// Where exactly, such as `config/server.toml:3`; empty for a default.
    pub place: String,
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Nobody.
    Default,
    /// A file of the instance.
    File,
    /// A variable.
    Environment,
    /// The command line.
    Flag,
}

/// Reads the settings from the file, the variables and the flags; a flag is a setting's name and its text.
///
/// # Errors
/// If the file cannot be read, names an unknown setting, or any value is none that the setting can have.
pub fn load(
    path: &Path,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &BTreeMap<&'static str, String>,
) -> Result<Loaded, Problem> {
    let mut warnings = Vec::new();
    let file = Layer::from_file(path)?;
    let environment = Layer::from_variables(variables, &mut warnings);
    let flags = Layer::new(Origin::Flag, |known| {
        flags.get(known.name).map(|text| (from_text(known, text), known.flag.to_owned()))
    });
    let defaults = Layer::new(Origin::Default, |known| Some((from_text(known, known.default), String::new())));
    let layers = [defaults, file, environment, flags];
    let figment = layers.iter().fold(Figment::new(), Figment::merge);
    let settings = figment.extract().map_err(|error| wrong_value(&error, &layers))?;
    let given = DECLARATIONS.iter().filter_map(|known| given(known, &figment, &layers)).collect();
    Ok(Loaded { settings, given, warnings })
}

/// One place that gives values.
struct Layer {
    origin: Origin,
    values: Dict,
    places: BTreeMap<&'static str, String>,
}

impl Layer {
    fn new(origin: Origin, find: impl Fn(&'static Declaration) -> Option<(Value, String)>) -> Self {
        let mut layer = Self { origin, values: Dict::new(), places: BTreeMap::new() };
        for known in DECLARATIONS {
            if let Some((value, place)) = find(known) {
                layer.values.insert(known.name.to_owned(), value);
                layer.places.insert(known.name, place);
            }
        }
        layer
    }

    fn from_file(path: &Path) -> Result<Self, Problem> {
        let entries = file::read(path)?;
        let mut values = Dict::new();
        let mut places = BTreeMap::new();
        for known in DECLARATIONS {
            if let Some(file::Entry { value, line }) = entries.get(known.name) {
                let place = format!("{}:{line}", file::NAME);
                let value = Value::serialize(value).map_err(|error| {
                    Problem::new(ExitCode::Usage, format!("{place}: `{}` has a value that cannot be read", known.name))
                        .because(&error)
                })?;
                values.insert(known.name.to_owned(), value);
                places.insert(known.name, place);
            }
        }
        Ok(Self { origin: Origin::File, values, places })
    }

    fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>, warnings: &mut Vec<String>) -> Self {
        let mut texts = BTreeMap::new();
        for (name, text) in variables {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with("YTORCH_") || NO_SETTINGS.contains(&name.as_str()) {
                continue;
            }
            match DECLARATIONS.iter().find(|known| known.variable() == name) {
                Some(known) => {
                    texts.insert(known.name, text.to_string_lossy().into_owned());
                }
                None => warnings.push(format!("the variable `{name}` is no setting of the server and is ignored")),
            }
        }
        Self::new(Origin::Environment, |known| {
            texts.get(known.name).map(|text| (from_text(known, text), known.variable()))
        })
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("{:?}", self.origin))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

/// A text that is no number stays one, so that the complaint about it can quote it.
fn from_text(known: &Declaration, text: &str) -> Value {
    match known.shape {
        Shape::Text => Value::from(text),
        Shape::Integer => text.trim().parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
        Shape::List => {
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            let items = inner.split(',').map(|item| item.trim().trim_matches('"')).filter(|item| !item.is_empty());
            Value::from(items.map(Value::from).collect::<Vec<_>>())
        }
    }
}

/// The layer a value comes from is the last one that has it, which is how figment merges.
fn layer_of<'a>(layers: &'a [Layer], name: &str) -> Option<&'a Layer> {
    layers.iter().rev().find(|layer| layer.values.contains_key(name))
}

fn given(known: &'static Declaration, figment: &Figment, layers: &[Layer]) -> Option<Given> {
    let value: serde_json::Value = figment.extract_inner(known.name).ok()?;
    let layer = layer_of(layers, known.name)?;
    Some(Given {
        declaration: known,
        value,
        origin: layer.origin,
        place: layer.places.get(known.name).cloned().unwrap_or_default(),
    })
}

fn wrong_value(error: &Error, layers: &[Layer]) -> Problem {
    let name = error.path.first().map_or("", String::as_str);
    let place = layer_of(layers, name).and_then(|layer| layer.places.get(name)).map_or("the defaults", String::as_str);
    let detail = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("it is {found}, but should be {expected}")
        }
        Kind::UnknownVariant(found, known) => format!("it is `{found}`, but should be one of: {}", known.join(", ")),
        other => other.to_string(),
    };
    let meaning = DECLARATIONS.iter().find(|known| known.name == name).map_or("", |known| known.meaning);
    Problem::new(ExitCode::Usage, format!("{place}: `{name}` cannot have this value")).detail(detail).hint(meaning)
}
