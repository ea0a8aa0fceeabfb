//! The right to write an instance's database. It does not wait for it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
};

use ytorch_core::{ExitCode, InstanceFolders, Problem};

/// A look takes microseconds; whoever shares the lock for longer than all of these has some reason.
const LOOKS_OUTWAITED: u32 = 10_000;

/// The lock on `data/db/server.lock`, held until it is dropped or the process ends in whatever way.
#[must_use = "the lock goes when this is dropped"]
#[derive(Debug)]
pub(crate) struct ServerLock {
    _file: File,
}

impl ServerLock {
    /// Takes the lock and writes our process id into the file, for people.
    ///
    /// # Errors
    /// `Busy`, naming the holder, if it is held; `Unfit` if the file cannot be locked or written.
    pub(crate) fn take(folders: &InstanceFolders) -> Result<Self, Problem> {
        let path = folders.server_lock();
        let unfit = |error: io::Error| {
            Problem::new(ExitCode::Unfit, format!("could not lock `{}`", path.display()))
                .because(&error)
                .hint("the folder must be writable and on a file system with locks")
        };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = options.map_err(unfit)?;
        if !lock(&file).map_err(unfit)? {
            return Err(busy(&read_holder(&mut file)));
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(unfit)?;
        Ok(Self { _file: file })
    }
}

/// Whether the lock could be taken. One that is only looked at, as [`holder`] and `ytorch` do by sharing it for an
/// instant, is not held.
fn lock(file: &File) -> io::Result<bool> {
    for _ in 0..LOOKS_OUTWAITED {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        match file.try_lock_shared() {
            Ok(()) => file.unlock()?,
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        std::thread::yield_now();
    }
    Ok(false)
}

fn busy(holder: &str) -> Problem {
    Problem::new(ExitCode::Busy, "another server or import is at work on this instance")
        .detail(holder)
        .hint("stop it first (`ytorch stop`), or wait until it has finished")
}

/// Who holds the lock, in words; `None` if nobody does. A lock that is free stays free for all but an instant.
pub(crate) fn holder(folders: &InstanceFolders) -> Option<String> {
    let mut file = File::open(folders.server_lock()).ok()?;
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)).then(|| read_holder(&mut file))
}

fn read_holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {} holds data/db/server.lock", text.trim()),
        _ => "a process that has not said its id yet holds data/db/server.lock".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_look_at_the_lock_keeps_nobody_from_it() {
        let root = tempfile::tempdir().unwrap();
        let folders = InstanceFolders::new(root.path());
        std::fs::create_dir_all(folders.server_lock().parent().unwrap()).unwrap();
        let taking = AtomicBool::new(true);
        let mut refused = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while taking.load(Ordering::Relaxed) {
                    holder(&folders);
                }
            });
            for _ in 0..1000 {
                refused += u32::from(ServerLock::take(&folders).is_err());
            }
            taking.store(false, Ordering::Relaxed);
        });
        assert_eq!(refused, 0, "a look was taken for a server");
        let lock = ServerLock::take(&folders).unwrap();
        assert_eq!(holder(&folders).unwrap(), format!("process {} holds data/db/server.lock", std::process::id()));
        assert_eq!(ServerLock::take(&folders).unwrap_err().code, ExitCode::Busy);
        drop(lock);
        assert_eq!(holder(&folders), None);
    }
}
