//! The server's private socket, `run/health.sock`: where its own machine, or whoever looks into its container, asks
//! whether it is well. It is always there, whatever network the server has, and answers nothing else.

use std::{
    fs, io,
    os::{
        fd::AsRawFd as _,
        unix::{
            fs::PermissionsExt as _,
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
};

use ytorch_core::InstanceFolders;

use crate::sockets::Socket;

/// The longest name that the kernel takes for a socket.
const LONGEST_NAME: usize = 107;

/// The socket's file, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct HealthSocket(PathBuf);

impl HealthSocket {
    /// Listens, for this user only. The file of a server that was killed is replaced in one step.
    ///
    /// The caller holds the instance's lock, so no other server has the socket.
    pub(crate) fn listen(folders: &InstanceFolders) -> io::Result<(Self, Socket)> {
        let path = folders.health_socket();
        let new = path.with_extension("new");
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = at_short_path(&new, UnixListener::bind)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
        fs::rename(&new, &path)?;
        let place = path.display().to_string();
        Ok((Self(path), Socket::Local(listener, place)))
    }
}

impl Drop for HealthSocket {
    fn drop(&mut self) {
        // Left behind, it would tell nobody anything, and the next start replaces it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Connects to the socket of a server that runs.
pub(crate) fn connect(folders: &InstanceFolders) -> io::Result<UnixStream> {
    at_short_path(&folders.health_socket(), UnixStream::connect)
}

/// Calls `work` with a name of the file that is short enough for a socket, however deep its folder lies.
fn at_short_path<T>(path: &Path, work: impl FnOnce(PathBuf) -> io::Result<T>) -> io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return work(path.to_owned()) };
    if path.as_os_str().len() <= LONGEST_NAME {
        return work(path.to_owned());
    }
    let folder = fs::File::open(folder)?;
    work(Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_made_however_deep_its_folder_lies_and_replaces_a_stale_one() {
        let root = tempfile::tempdir().unwrap();
        for folder in [root.path().join("a"), root.path().join("b".repeat(120))] {
            let folders = InstanceFolders::new(&folder);
            fs::create_dir_all(folders.run()).unwrap();
            let (first, listener) = HealthSocket::listen(&folders).unwrap();
            std::mem::forget(first);
            drop(listener);
            assert_eq!(connect(&folders).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            let (socket, _listener) = HealthSocket::listen(&folders).unwrap();
            connect(&folders).unwrap();
            let mode = fs::metadata(folders.health_socket()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            drop(socket);
            assert_eq!(fs::read_dir(folders.run()).unwrap().count(), 0);
        }
    }
}
