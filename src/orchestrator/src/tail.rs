//! The end of a text file, and what is added to it. It reads the last part only and parses nothing.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// How far back the last lines are looked for.
const WINDOW_BYTES: u64 = 1024 * 1024;
const POLL: Duration = Duration::from_millis(200);

/// The last `count` lines of a file, from its last mebibyte.
pub(crate) fn last_lines(path: &Path, count: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(WINDOW_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(WINDOW_BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(count);
    Ok(lines.into_iter().skip(start).map(str::to_owned).collect())
}

/// Follows a file over its rotations.
pub(crate) struct Follower {
    path: PathBuf,
    open: Option<File>,
    pending: Vec<u8>,
}

impl Follower {
    /// Goes on where somebody else has stopped to read the file, `pending` being the line that had no end yet. A file
    /// that is not there yet is read from its beginning.
    pub(crate) fn after(path: PathBuf, open: Option<File>, pending: Vec<u8>) -> Self {
        Self { path, open, pending }
    }

    /// Waits a moment and returns the whole lines that came.
    pub(crate) fn next_lines(&mut self) -> io::Result<Vec<String>> {
        thread::sleep(POLL);
        let mut lines = self.read_new()?;
        if self.is_rotated() {
            self.open = File::open(&self.path).ok();
            lines.extend(self.read_new()?);
        }
        Ok(lines)
    }

    fn read_new(&mut self) -> io::Result<Vec<String>> {
        if let Some(file) = &mut self.open {
            file.read_to_end(&mut self.pending)?;
        }
        let end = self.pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let whole: Vec<u8> = self.pending.drain(..end).collect();
        Ok(String::from_utf8_lossy(&whole).lines().map(str::to_owned).collect())
    }

    /// Whether the name now means another file, or the file was cut.
    fn is_rotated(&mut self) -> bool {
        let Ok(named) = std::fs::metadata(&self.path) else { return false };
        let Some(file) = &mut self.open else { return true };
        let Ok(held) = file.metadata() else { return true };
        let position = file.stream_position().unwrap_or_default();
        (held.dev(), held.ino()) != (named.dev(), named.ino()) || held.len() < position
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_last_lines_are_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        File::create(&path).unwrap().write_all(b"one\ntwo\nthree\n").unwrap();
        assert_eq!(last_lines(&path, 2).unwrap(), ["two", "three"]);
        assert_eq!(last_lines(&path, 9).unwrap().len(), 3);
    }

    #[test]
    fn a_follower_sees_whole_lines_and_outlives_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"old\n").unwrap();
        let mut read = File::open(&path).unwrap();
        read.seek(SeekFrom::End(0)).unwrap();
        let mut follower = Follower::after(path.clone(), Some(read), b"just ".to_vec());
        file.write_all(b"new\nha").unwrap();
        assert_eq!(follower.next_lines().unwrap(), ["just new"]);
        file.write_all(b"lf\nlast\n").unwrap();
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        File::create(&path).unwrap().write_all(b"rotated\n").unwrap();
        assert_eq!(follower.next_lines().unwrap(), ["half", "last", "rotated"]);
    }
}
