//! What is run: an image of a container, or a server program, by the hash of its content. It finds neither.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `sha256:` and 64 hexadecimal digits: the ID of an image, or the hash of a server program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReleaseId(String);

impl ReleaseId {
    /// The 64 digits.
    pub(crate) fn digits(&self) -> &str {
        &self.0
    }

    /// As many digits as people compare.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", self.0)
    }
}

impl FromStr for ReleaseId {
    type Err = String;

    /// Reads it with or without `sha256:`, as Podman prints both.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let is_hash = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if is_hash {
            Ok(Self(digits.to_owned()))
        } else {
            Err(format!("`{text}` is not a release: it should be `sha256:` and 64 hexadecimal digits"))
        }
    }
}

impl Serialize for ReleaseId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ReleaseId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_hash_is_a_release() {
        let digits = "0123456789abcdef".repeat(4);
        let release: ReleaseId = format!("sha256:{digits}").parse().unwrap();
        assert_eq!(release, digits.parse().unwrap());
        assert_eq!(release.to_string(), format!("sha256:{digits}"));
        assert_eq!(release.short(), "0123456789ab");
        for wrong in ["", "sha256:", "sha256:0123", "latest", &digits.to_uppercase(), "$(id)"] {
            assert!(wrong.parse::<ReleaseId>().is_err(), "{wrong}");
        }
    }
}
