//! Secrets that services outside gave us: encrypted in the database, the key in a file of its own beside it.
//!
//! The instance's own token is not here: it is a file, because the orchestrator must read it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use sha2::{Digest as _, Sha256};
use ytorch_core::{Clock, ExitCode, Problem, Secret, Timestamp, hexadecimal};

use crate::{Database, Migration, Migrations, StoreError};

/// The table of secrets.
pub const MIGRATIONS: Migrations =
    Migrations { owner: "store", list: &[Migration { number: 1, sql: include_str!("../migrations/0001_secret.sql") }] };

/// Bytes of a nonce of XChaCha20-Poly1305: enough that random ones never meet.
const NONCE_BYTES: usize = 24;

/// What to do about a secret that cannot be decrypted.
pub const MEND_UNDECRYPTABLE: &str = "restore config/secrets/encryption_key from a backup, or set the secret anew";

/// The secrets of an instance. Clones share it.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    database: Database,
    clock: Clock,
    path: PathBuf,
    keys: Mutex<Keys>,
    /// Held for a whole rotation: a second one in the middle would forget a key that is still needed.
    rotating: Mutex<()>,
}

/// Why a secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key that encrypted it is gone, or the row was tampered with.
    #[error("the secret `{0}` cannot be decrypted with the key of this instance")]
    Undecryptable(String),
    /// The file of the key cannot be written.
    #[error("the key file could not be written")]
    KeyFile(#[source] io::Error),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for VaultError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl VaultError {
    /// The same for a person, who was trying to do `what`.
    pub fn problem(&self, what: &str) -> Problem {
        match self {
            Self::Store(error) => error.problem(what),
            Self::Undecryptable(_) => Problem::new(ExitCode::Unfit, what).because(self).hint(MEND_UNDECRYPTABLE),
            Self::KeyFile(_) => {
                Problem::new(ExitCode::Unfit, what).because(self).hint("check that config/secrets can be written")
            }
        }
    }
}

/// The key that encrypts, and the one before it. That one stays until the next rotation, because a backup may hold the
/// database from before a rotation and this file from after it.
#[derive(Clone)]
struct Keys {
    current: Key,
    previous: Option<Key>,
}

#[derive(Clone)]
struct Key {
    /// Tells keys apart without telling anything of them.
    id: String,
    secret: Secret,
}

impl Vault {
    /// Reads the key, or makes one if there is none, and ends a rotation that was interrupted.
    pub fn open(database: Database, path: &Path, clock: Clock) -> Result<Self, Problem> {
        let keys = read_keys(path).map_err(|error| {
            Problem::new(ExitCode::Unfit, format!("could not read the encryption key `{}`", path.display()))
                .because(&error)
                .hint("restore the file from a backup; without it the secrets of services outside must be set anew")
        })?;
        let (path, keys) = (path.to_owned(), Mutex::new(keys));
        let vault = Self { inner: Arc::new(Inner { database, clock, path, keys, rotating: Mutex::default() }) };
        if vault.keys().previous.is_some() {
            match vault.finish_rotation() {
                Ok(_) => {}
                // A start without it shows what is wrong and lets the secret be set anew.
                Err(error @ VaultError::Undecryptable(_)) => {
                    tracing::warn!(%error, "the rotation of the encryption key goes on when it is set anew or removed");
                }
                Err(error) => return Err(error.problem("could not end a rotation of the encryption key")),
            }
        }
        Ok(vault)
    }

    /// Sets a secret; may block.
    pub fn set(&self, name: &str, secret: &Secret) -> Result<(), VaultError> {
        let (vault, now, name, secret) = (self.clone(), self.inner.clock.now(), name.to_owned(), secret.clone());
        self.inner.database.write_blocking(move |transaction| {
            // The key of this moment: one that was current before may have been forgotten since.
            let key = vault.keys().current.clone();
            Ok::<_, StoreError>(write(transaction, &key, &name, &secret, now)?)
        })?;
        Ok(())
    }

    /// A secret, if it is set; may block.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        loop {
            let keys = self.keys().clone();
            let found = self.inner.database.read_blocking(|connection| read(connection, &keys, name));
            let is_outdated = self.keys().current.id != keys.current.id;
            match found {
                // The key was rotated between the two.
                Err(VaultError::Undecryptable(_)) if is_outdated => {}
                found => return found,
            }
        }
    }

    /// The names of the secrets that the key of this instance does not open; may block.
    pub fn undecryptable(&self) -> Result<Vec<String>, VaultError> {
        let mut names = Vec::new();
        for (name, _) in self.list()? {
            match self.get(&name) {
                Err(VaultError::Undecryptable(name)) => names.push(name),
                found => drop(found?),
            }
        }
        Ok(names)
    }

    /// Removes a secret; false if it was not set. May block.
    pub fn remove(&self, name: &str) -> Result<bool, VaultError> {
        let name = name.to_owned();
        let removed = self.inner.database.write_blocking(move |transaction| {
            Ok::<_, StoreError>(transaction.execute("delete from secret where name = ?", [name])?)
        })?;
        Ok(removed > 0)
    }

    /// When each secret that is set was set; may block.
    pub fn list(&self) -> Result<Vec<(String, Timestamp)>, VaultError> {
        self.inner.database.read_blocking(|connection| {
            let mut statement = connection.prepare_cached("select name, updated_at from secret order by name")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, Timestamp::from_micros(row.get(1)?))))?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Makes a new key and encrypts everything with it; the key before the old one is forgotten. Killed in between, the
    /// next start goes on.
    pub fn rotate_key(&self) -> Result<u64, VaultError> {
        let _alone = self.inner.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keys().previous.is_some() {
            self.finish_rotation()?;
        }
        // Looked at before anything is changed: what no key opens would stop the rotation half-way.
        if let Some(name) = self.undecryptable()?.into_iter().next() {
            return Err(VaultError::Undecryptable(name));
        }
        {
            let mut keys = self.keys();
            let next = Keys { current: Key::generate(), previous: Some(keys.current.clone()) };
            // Both keys are in the file before the first secret needs the new one.
            write_keys(&self.inner.path, &next).map_err(VaultError::KeyFile)?;
            *keys = next;
        }
        self.finish_rotation()
    }

    fn finish_rotation(&self) -> Result<u64, VaultError> {
        let keys = self.keys().clone();
        self.inner.database.write_blocking(move |transaction| encrypt_anew(transaction, &keys))
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.inner.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vault").finish_non_exhaustive()
    }
}

/// Encrypts every secret that the current key did not encrypt.
fn encrypt_anew(transaction: &Transaction<'_>, keys: &Keys) -> Result<u64, VaultError> {
    let outdated: Vec<(String, i64)> = transaction
        .prepare("select name, updated_at from secret where key_id <> ?")?
        .query_map([&keys.current.id], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (name, updated_at) in &outdated {
        if let Some(secret) = read(transaction, keys, name)? {
            // A rotation sets nothing anew: the secret is as old as it was.
            write(transaction, &keys.current, name, &secret, Timestamp::from_micros(*updated_at))?;
        }
    }
    Ok(outdated.len() as u64)
}

fn read(connection: &Connection, keys: &Keys, name: &str) -> Result<Option<Secret>, VaultError> {
    let found: Option<(String, Vec<u8>, Vec<u8>)> = connection
        .prepare_cached("select key_id, nonce, ciphertext from secret where name = ?")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((key_id, nonce, ciphertext)) = found else { return Ok(None) };
    let undecryptable = || VaultError::Undecryptable(name.to_owned());
    let key = [Some(&keys.current), keys.previous.as_ref()].into_iter().flatten().find(|key| key.id == key_id);
    let nonce = XNonce::try_from(nonce.as_slice()).map_err(|_| undecryptable())?;
    let payload = Payload { msg: &ciphertext, aad: name.as_bytes() };
    let text = key.ok_or_else(undecryptable)?.cipher().decrypt(&nonce, payload).map_err(|_| undecryptable())?;
    String::from_utf8(text).map(|text| Some(Secret::new(text))).map_err(|_| undecryptable())
}

fn write(connection: &Connection, key: &Key, name: &str, secret: &Secret, now: Timestamp) -> rusqlite::Result<()> {
    let mut nonce = [0_u8; NONCE_BYTES];
    getrandom::fill(&mut nonce).expect("the operating system gives random numbers");
    let payload = Payload { msg: secret.reveal().as_bytes(), aad: name.as_bytes() };
    let ciphertext = key.cipher().encrypt(&XNonce::from(nonce), payload).expect("a secret is shorter than 256 GiB");
    connection
        .prepare_cached(
            "insert into secret (name, key_id, nonce, ciphertext, updated_at) values (?1, ?2, ?3, ?4, ?5)
             on conflict (name) do update set key_id = ?2, nonce = ?3, ciphertext = ?4, updated_at = ?5",
        )?
        .execute(params![name, key.id, nonce, ciphertext, now.as_micros()])?;
    Ok(())
}

impl Key {
    fn generate() -> Self {
        Self::of(Secret::generate())
    }

    fn of(secret: Secret) -> Self {
        let id = hexadecimal(&Sha256::digest(format!("ytorch key id {}", secret.reveal())))[..16].to_owned();
        Self { id, secret }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        // The file holds a text of 256 random bits; its hash has the length that the cipher wants, whatever was typed.
        XChaCha20Poly1305::new(&Sha256::digest(self.secret.reveal()))
    }
}

/// The first line is the key; a second one is the key before it.
fn read_keys(path: &Path) -> io::Result<Keys> {
    let text = match Secret::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let keys = Keys { current: Key::generate(), previous: None };
            write_keys(path, &keys)?;
            return Ok(keys);
        }
        Err(error) => return Err(error),
    };
    let mut keys = text.reveal().lines().map(|line| Key::of(Secret::new(line.trim())));
    let current = keys.next().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is empty"))?;
    Ok(Keys { current, previous: keys.next() })
}

fn write_keys(path: &Path, keys: &Keys) -> io::Result<()> {
    let all = [Some(&keys.current), keys.previous.as_ref()];
    let lines: Vec<&str> = all.into_iter().flatten().map(|key| key.secret.reveal()).collect();
    Secret::new(lines.join("\n")).write(path)
}

/// Removes every secret from a copy of a database, which is to be somebody else's. What was there is overwritten.
pub fn forget_all(connection: &Connection) -> rusqlite::Result<()> {
    if connection.table_exists(None, "secret")? {
        connection.pragma_update(None, "secure_delete", true)?;
        connection.execute("delete from secret", [])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
