//! Texts that must never be shown by accident. It does not encrypt.

use std::{fmt, fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    files::{self, Access},
    hexadecimal,
};

/// A secret text: printing it in any way prints `[secret]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A fresh random secret of 256 bits, as 64 hexadecimal digits.
    ///
    /// # Panics
    /// If the system has no random numbers to give, which no supported system does.
    pub fn generate() -> Self {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        Self(hexadecimal(&bytes))
    }

    /// The text itself. The long name marks each place where it leaves the wrapper.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Reads a secret from a file, without the white space round it.
    ///
    /// # Errors
    /// If it cannot be read, is empty, or can be read by other users.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mode = fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            let others =
                format!("other users can read it (mode {:o}); run: chmod 600 {}", mode & 0o777, path.display());
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, others));
        }
        let text = fs::read_to_string(path)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Writes the secret to a file of mode 0600.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        files::write_atomically(path, format!("{}\n", self.0).as_bytes(), Access::Private)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_shows_itself() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn two_generated_ones_differ() {
        let first = Secret::generate();
        assert_eq!(first.reveal().len(), 64);
        assert!(first != Secret::generate());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let path = std::env::temp_dir().join(format!("ytorch-core-secret-{}", std::process::id()));
        Secret::new("x").write(&path).unwrap();
        assert_eq!(Secret::read(&path).unwrap().reveal(), "x");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Secret::read(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::remove_file(&path).unwrap();
    }
}
