//! Locks that die with their holder (`flock`). It stores nothing that a later run would have to clean up.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, test_kill_process};
use ytorch_core::{ExitCode, Problem};

const POLL: Duration = Duration::from_millis(15);

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Why a lock was not got.
#[derive(Debug)]
pub(crate) enum LockFailure {
    /// Somebody holds it; the text is what they wrote into it.
    Busy(String),
    /// The file cannot be opened or locked.
    Io(io::Error),
}

impl Lock {
    /// Takes the lock, waiting up to `patience`, and writes `holder` into it for the messages of others.
    pub(crate) fn take(path: &Path, holder: &str, patience: Duration) -> Result<Self, LockFailure> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(LockFailure::Io)?;
        let until = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => return Err(LockFailure::Busy(content(path))),
                Err(TryLockError::Error(error)) => return Err(LockFailure::Io(error)),
            }
        }
        file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(LockFailure::Io)?;
        Ok(Self(file))
    }

    /// Takes a lock for a command of `ytorch`; the problem names who holds it.
    pub(crate) fn for_command(path: &Path, verb: &str, patience: Duration) -> Result<Self, Problem> {
        let holder = format!("{} ytorch {verb}\n", std::process::id());
        Self::take(path, &holder, patience).map_err(|failure| match failure {
            LockFailure::Busy(holder) => busy(path, &holder),
            LockFailure::Io(error) => Problem::new(ExitCode::Unfit, format!("could not lock `{}`", path.display()))
                .because(&error)
                .hint("the folder must be writable by you; `--root DIR` names another one"),
        })
    }
}

fn busy(path: &Path, holder: &str) -> Problem {
    let who = match holder.trim().split_once(' ') {
        Some((pid, command)) => format!("`{command}` (pid {pid}) holds `{}`", path.display()),
        None => format!("another program holds `{}`", path.display()),
    };
    Problem::new(ExitCode::Busy, "another command works here at the moment")
        .detail(who)
        .hint("wait until it is done and try again")
}

/// The process that holds a lock file into which its holder writes its process id; `None` if nobody does.
///
/// The id alone proves nothing: it may be that of a later process. Only an id in a file that is locked counts. The
/// lock itself is tried only if the id is alive, so that a look never gets in the way of a server that is starting.
pub(crate) fn live_holder(path: &Path) -> Option<u32> {
    let pid = content(path).split_whitespace().next()?.parse().ok()?;
    if !is_alive(pid) || !is_locked(path) {
        return None;
    }
    Some(pid)
}

/// Whether somebody holds the lock at this moment.
pub(crate) fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

/// Whether there is a process of this id, whoever it is.
pub(crate) fn is_alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return false };
    matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
}

fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_lock_names_its_holder_and_a_dropped_one_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".lock");
        let held = Lock::for_command(&path, "create", Duration::ZERO).unwrap();
        let problem = Lock::for_command(&path, "start", Duration::ZERO).unwrap_err();
        assert_eq!(problem.code, ExitCode::Busy);
        let who = format!("`ytorch create` (pid {})", std::process::id());
        assert!(problem.to_string().contains(&who), "{problem}");
        assert_eq!(live_holder(&path), Some(std::process::id()));
        drop(held);
        assert_eq!(live_holder(&path), None, "a pid in an unlocked file was believed");
        Lock::for_command(&path, "start", Duration::ZERO).unwrap();
    }
}
