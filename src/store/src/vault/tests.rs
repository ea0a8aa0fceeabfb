//! Secrets on a real database and real key files.

use super::*;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("encryption_key")
    }

    fn database(&self) -> Database {
        Database::open(&self.folder.path().join("test.sqlite3"), &[MIGRATIONS], &Clock::system()).unwrap()
    }

    fn vault(&self) -> Vault {
        Vault::open(self.database(), &self.key(), Clock::system()).unwrap()
    }
}

const CANARY: &str = "canary-7d1f";

#[test]
fn what_is_set_comes_back_and_no_file_holds_it_in_plain() {
    let place = Place::new();
    let vault = place.vault();
    assert_eq!(vault.get("notify_token").unwrap(), None);
    vault.set("notify_token", &Secret::new("first")).unwrap();
    vault.set("notify_token", &Secret::new(CANARY)).unwrap();
    drop(vault);
    let vault = place.vault();
    assert_eq!(vault.get("notify_token").unwrap().unwrap().reveal(), CANARY);
    assert_eq!(vault.list().unwrap()[0].0, "notify_token");
    drop(vault);
    for entry in std::fs::read_dir(place.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(CANARY));
    }
    let vault = place.vault();
    assert!(vault.remove("notify_token").unwrap());
    assert!(!vault.remove("notify_token").unwrap());
    assert_eq!(vault.get("notify_token").unwrap(), None);
}

#[test]
fn a_rotation_encrypts_everything_anew_and_one_that_was_killed_goes_on() {
    let place = Place::new();
    let vault = place.vault();
    vault.set("one", &Secret::new(CANARY)).unwrap();
    let old = std::fs::read_to_string(place.key()).unwrap();
    assert_eq!(vault.rotate_key().unwrap(), 1);
    let both = std::fs::read_to_string(place.key()).unwrap();
    let (new, kept) = both.trim().split_once('\n').unwrap();
    assert!(new != old.trim() && kept == old.trim(), "the key before is there until the next rotation");
    assert_eq!(vault.get("one").unwrap().unwrap().reveal(), CANARY);
    assert_eq!(vault.rotate_key().unwrap(), 1);
    let both_later = std::fs::read_to_string(place.key()).unwrap();
    assert!(!both_later.contains(old.trim()), "a key is kept for ever");
    let new = both_later.lines().next().unwrap();
    drop(vault);

    // Killed when both keys were written and nothing was encrypted with the newer one.
    let newer = Secret::generate();
    Secret::new(format!("{}\n{}", newer.reveal(), new.trim())).write(&place.key()).unwrap();
    let vault = place.vault();
    assert_eq!(vault.get("one").unwrap().unwrap().reveal(), CANARY);
    assert!(std::fs::read_to_string(place.key()).unwrap().starts_with(newer.reveal()));
}

#[test]
fn another_key_a_moved_row_and_a_changed_byte_are_refused() {
    let place = Place::new();
    let vault = place.vault();
    vault.set("one", &Secret::new(CANARY)).unwrap();
    let change = |sql: &'static str| {
        vault
            .inner
            .database
            .write_blocking(move |transaction| Ok::<_, StoreError>(transaction.execute_batch(sql)?))
            .unwrap();
    };
    change("insert into secret select 'two', key_id, nonce, ciphertext, updated_at from secret");
    assert!(matches!(vault.get("two"), Err(VaultError::Undecryptable(_))), "a row was taken for another name");
    change("update secret set ciphertext = zeroblob(length(ciphertext)) where name = 'one'");
    assert!(matches!(vault.get("one"), Err(VaultError::Undecryptable(_))));
    vault.set("one", &Secret::new(CANARY)).unwrap();
    drop(vault);
    std::fs::remove_file(place.key()).unwrap();
    let error = place.vault().get("one").unwrap_err();
    assert!(error.problem("could not read it").hint.unwrap().contains("backup"));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    drop(place.vault());
    std::fs::set_permissions(place.key(), std::fs::Permissions::from_mode(0o644)).unwrap();
    let problem = Vault::open(place.database(), &place.key(), Clock::system()).unwrap_err();
    assert!(problem.to_string().contains("chmod 600"), "{problem}");
}

#[test]
fn a_secret_that_no_key_opens_stops_neither_a_start_nor_the_others() {
    let place = Place::new();
    let vault = place.vault();
    vault.set("lost", &Secret::new(CANARY)).unwrap();
    drop(vault);
    Secret::generate().write(&place.key()).unwrap();
    let vault = place.vault();
    vault.set("other", &Secret::new("kept")).unwrap();
    assert_eq!(vault.undecryptable().unwrap(), ["lost"]);
    let key = std::fs::read(place.key()).unwrap();
    assert!(matches!(vault.rotate_key(), Err(VaultError::Undecryptable(_))));
    assert_eq!(std::fs::read(place.key()).unwrap(), key, "a rotation that cannot be must not begin");
    drop(vault);
    // As if it had been killed when both keys were written.
    let text = String::from_utf8(key).unwrap();
    Secret::new(format!("{}\n{}", Secret::generate().reveal(), text.trim())).write(&place.key()).unwrap();
    let vault = place.vault();
    assert_eq!(vault.get("other").unwrap().unwrap().reveal(), "kept");
    vault.set("lost", &Secret::new("anew")).unwrap();
    assert_eq!(vault.rotate_key().unwrap(), 2);
    assert_eq!(vault.get("other").unwrap().unwrap().reveal(), "kept");
    assert!(vault.undecryptable().unwrap().is_empty());
}

#[test]
fn rotations_and_changes_at_once_lose_nothing() {
    let place = Place::new();
    let vault = place.vault();
    vault.set("still", &Secret::new(CANARY)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..20).for_each(|_| assert!(vault.rotate_key().is_ok())));
        }
        scope.spawn(|| (0..100).for_each(|turn| vault.set("moving", &Secret::new(turn.to_string())).unwrap()));
        scope.spawn(|| (0..200).for_each(|_| assert_eq!(vault.get("still").unwrap().unwrap().reveal(), CANARY)));
    });
    assert!(vault.undecryptable().unwrap().is_empty());
    drop(vault);
    assert_eq!(place.vault().get("moving").unwrap().unwrap().reveal(), "99");
    assert_eq!(std::fs::read_to_string(place.key()).unwrap().lines().count(), 2);
}
