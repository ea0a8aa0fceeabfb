//! How much room a disk has. It does not decide how much is enough.

use std::{io, path::Path};

/// Bytes that this user may still write on the disk that holds `path`.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_a_missing_one_is_an_error() {
        assert!(free_bytes(&std::env::temp_dir()).unwrap() > 0);
        assert_eq!(free_bytes(Path::new("/no/such/folder")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
