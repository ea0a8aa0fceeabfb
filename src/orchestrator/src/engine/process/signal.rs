//! Signals that reach the process they are meant for or nobody. It does not wait for their effect.

use std::{io, path::Path};

use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal},
};

use crate::lock::live_holder;

/// Sends a signal to a process if it (still) holds the lock. One that is gone is no error.
pub(super) fn send_while_locked(lock: &Path, pid: u32, signal: Signal) -> io::Result<()> {
    send_while(|| live_holder(lock) == Some(pid), pid, signal)
}

/// Sends a signal to a process if it is (still) the one that is meant. One that is gone is no error.
///
/// The descriptor of the process is opened first and the question asked after that: if the answer is yes then, the
/// descriptor cannot be that of a later process that got the same id.
pub(super) fn send_while(is_meant: impl FnOnce() -> bool, pid: u32, signal: Signal) -> io::Result<()> {
    let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    let descriptor = pidfd_open(process, PidfdFlags::empty());
    if !is_meant() {
        return Ok(());
    }
    let sent = match descriptor {
        Ok(descriptor) => pidfd_send_signal(descriptor, signal),
        // Kernels before 5.3 and some sandboxes have no such descriptors.
        Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => kill_process(process, signal),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write as _, process::Command};

    use super::*;

    #[test]
    fn a_process_that_merely_has_the_written_id_is_never_signalled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("supervisor.lock");
        let mut stranger = Command::new("sleep").arg("600").spawn().unwrap();
        let mut file = File::create(&path).unwrap();
        write!(file, "{}", stranger.id()).unwrap();
        send_while_locked(&path, stranger.id(), Signal::KILL).unwrap();
        assert!(stranger.try_wait().unwrap().is_none(), "a stranger was killed");
        file.lock().unwrap();
        send_while_locked(&path, stranger.id(), Signal::KILL).unwrap();
        assert!(!stranger.wait().unwrap().success());
    }
}
