//! Names of instances. It does not look whether an instance exists.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The name of an instance: a folder name, a unit name and a host label at once.
///
/// One to forty of `a-z 0-9 _ . -`, starting with a letter or a digit. So it can never be a path, a hidden folder or
/// an option.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceName(String);

impl InstanceName {
    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no instance name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` cannot be the name of an instance: {reason}")]
pub struct InvalidInstanceName {
    given: String,
    reason: &'static str,
}

impl FromStr for InstanceName {
    type Err = InvalidInstanceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| Err(InvalidInstanceName { given: text.to_owned(), reason });
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
        let Some(first) = text.bytes().next() else {
            return refuse("it is empty");
        };
        if text.len() > Self::MAX_LENGTH {
            return refuse("it is longer than 40 characters");
        }
        if !text.bytes().all(allowed) {
            return refuse("only lower-case letters, digits and `_` `.` `-` are allowed");
        }
        if !first.is_ascii_lowercase() && !first.is_ascii_digit() {
            return refuse("it must start with a letter or a digit");
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for InstanceName {
    type Error = InvalidInstanceName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<InstanceName> for String {
    fn from(name: InstanceName) -> Self {
        name.0
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Default for InstanceName {
    fn default() -> Self {
        Self("default".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_folders_are_taken() {
        for name in ["default", "friend", "a", "2026-test", "a.b_c-d", &"x".repeat(40)] {
            assert_eq!(name.parse::<InstanceName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_could_be_paths_or_options_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "-x", ".hidden", "Friend", "a b", "é", "a\n", &"x".repeat(41)] {
            assert!(name.parse::<InstanceName>().is_err(), "{name:?} was taken");
        }
    }
}
