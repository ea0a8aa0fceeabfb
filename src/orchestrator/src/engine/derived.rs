//! Files that are written from a spec: they say whose they are, so that a change by hand is noticed and kept. It knows
//! no unit and no format but that `#` begins a comment.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use ytorch_core::{
    files::{Access, create_private_folder, write_atomically},
    hexadecimal,
};

use crate::spec::is_absent;

const MARK: &str = "# Written by ytorch, sha256:";
const ADVICE: &str =
    "# Change it by `ytorch set`, or by a drop-in beside it. ytorch leaves a file alone that was changed by hand.\n";

/// A file that follows from a spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DerivedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its whole content.
    pub text: String,
}

/// How a derived file is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Not there.
    Absent,
    /// As it should be.
    Equal,
    /// Written by us for another spec, or by another version.
    Older,
    /// Changed, or written, by somebody else.
    ByHand,
}

impl DerivedFile {
    /// A file with the lines `body` under a head that says who wrote it.
    pub(crate) fn new(path: PathBuf, body: &str) -> Self {
        Self { path, text: format!("{MARK}{}\n{ADVICE}{body}", hash(body)) }
    }

    /// How the file is found on the disk.
    pub(crate) fn find(&self) -> Found {
        match fs::read_to_string(&self.path) {
            Ok(text) if text == self.text => Found::Equal,
            Ok(text) if is_ours(&text) => Found::Older,
            Err(error) if is_absent(&error) => Found::Absent,
            Ok(_) | Err(_) => Found::ByHand,
        }
    }

    /// Writes it, with the folders above it.
    pub(crate) fn write(&self) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            create_private_folder(folder)?;
        }
        write_atomically(&self.path, self.text.as_bytes(), Access::Shared)
    }
}

/// Whether a file is there that we wrote and nobody changed.
pub(crate) fn is_ours_at(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| is_ours(&text))
}

fn is_ours(text: &str) -> bool {
    let Some((head, rest)) = text.split_once('\n') else { return false };
    let Some((_, body)) = rest.split_once('\n') else { return false };
    head.strip_prefix(MARK).is_some_and(|written| written == hash(body))
}

fn hash(body: &str) -> String {
    hexadecimal(&Sha256::digest(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_by_hand_is_told_from_an_older_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/a.socket");
        let (old, new) = (DerivedFile::new(path.clone(), "[A]\n"), DerivedFile::new(path.clone(), "[B]\n"));
        assert_eq!(new.find(), Found::Absent);
        old.write().unwrap();
        assert_eq!((old.find(), new.find()), (Found::Equal, Found::Older));
        assert!(is_ours_at(&path));
        let by_hand = |text: &str| write_atomically(&path, text.as_bytes(), Access::Shared).unwrap();
        by_hand(&format!("{}# mine\n", old.text));
        assert_eq!((old.find(), new.find()), (Found::ByHand, Found::ByHand));
        assert!(!is_ours_at(&path));
        by_hand("");
        assert_eq!(new.find(), Found::ByHand);
    }
}
