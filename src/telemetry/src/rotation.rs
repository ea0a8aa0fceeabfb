//! A log file that starts anew before it passes its size. It does not format, buffer or compress.
//!
//! `file-rotate` was looked at: it panics where a rotated file turns up that it did not make or where the folder cannot
//! be written at the moment of a rotation, and it cuts records in two. A log must do neither.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ytorch_core::files;

/// No log file is ever larger than this.
pub const BYTES_PER_FILE: u64 = 1024 * 1024;

/// Older files that are kept beside the current one unless somebody says otherwise, `.1` being the newest of them.
pub const FILES_KEPT: u32 = 5;

/// Writes whole records; before one would not fit, the file becomes `.1`, `.1` becomes `.2`, and the oldest goes.
///
/// After any error (a full disk, a folder that was removed) the next record tries again from the start.
#[derive(Debug)]
pub struct RotatingFile {
    path: PathBuf,
    files_kept: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    size_bytes: u64,
}

impl RotatingFile {
    /// The log at `path`. The file is opened by the first record, and continued if it is there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), files_kept: FILES_KEPT, open: None }
    }

    /// Keeps so many older files instead; at least one.
    pub fn keeping(mut self, files_kept: u32) -> Self {
        self.files_kept = files_kept.max(1);
        self
    }

    fn write_record(&mut self, record: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => open_log(&self.path)?,
        };
        let fits = |size_bytes: u64| size_bytes.saturating_add(record.len() as u64) <= BYTES_PER_FILE;
        if open.size_bytes > 0 && !fits(open.size_bytes) {
            drop(open);
            rotate(&self.path, self.files_kept)?;
            open = open_log(&self.path)?;
        }
        open.file.write_all(record)?;
        open.size_bytes += record.len() as u64;
        self.open = Some(open);
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        // A record larger than a whole file is cut, for the bound on the file's size is a promise.
        let most = usize::try_from(BYTES_PER_FILE).unwrap_or(usize::MAX);
        match record {
            [kept @ .., last] if record.len() > most => {
                let mut cut = kept[..most - 1].to_vec();
                cut.push(*last);
                self.write_record(&cut)?;
            }
            _ => self.write_record(record)?,
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), |open| open.file.flush())
    }
}

fn open_log(path: &Path) -> io::Result<Open> {
    if let Some(folder) = path.parent() {
        files::create_private_folder(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
    let size_bytes = file.metadata()?.len();
    Ok(Open { file, size_bytes })
}

fn rotate(path: &Path, files_kept: u32) -> io::Result<()> {
    for number in (1..files_kept).rev() {
        match fs::rename(numbered(path, number), numbered(path, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_lines(log: &mut RotatingFile, count: usize, length: usize) {
        for number in 0..count {
            let text = format!("{number:08}");
            writeln_whole(log, &format!("{text}{}", ".".repeat(length - 9)));
        }
    }

    fn writeln_whole(log: &mut RotatingFile, line: &str) {
        log.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    #[test]
    fn files_are_bounded_whole_and_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/x.log");
        let mut log = RotatingFile::new(&path);
        // A thousand bytes a line: 1048 lines fit, and eight files' worth is written.
        write_lines(&mut log, 1048 * 7 + 10, 1000);
        let mut names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["x.log", "x.log.1", "x.log.2", "x.log.3", "x.log.4", "x.log.5"]);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 10);
        for number in 1..=FILES_KEPT {
            let text = fs::read_to_string(numbered(&path, number)).unwrap();
            assert_eq!(text.len(), 1_048_000, "file {number}");
            let first = 1048 * (7 - number as usize);
            assert!(text.starts_with(&format!("{first:08}.")), "file {number} starts with {}", &text[..9]);
            assert!(text.ends_with(".\n"));
        }
    }

    #[test]
    fn as_many_older_files_are_kept_as_somebody_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        write_lines(&mut RotatingFile::new(&path).keeping(2), 1048 * 4 + 10, 1000);
        let found = (1..=4).map(|number| numbered(&path, number).exists()).collect::<Vec<_>>();
        assert_eq!(found, [true, true, false, false]);
    }

    #[test]
    fn exactly_one_mebibyte_still_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = RotatingFile::new(&path);
        write_lines(&mut log, 1024, 1024);
        assert_eq!(fs::metadata(&path).unwrap().len(), BYTES_PER_FILE);
        assert!(!numbered(&path, 1).exists());
        writeln_whole(&mut log, "one more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one more\n");
        assert_eq!(fs::metadata(numbered(&path, 1)).unwrap().len(), BYTES_PER_FILE);
    }

    #[test]
    fn a_restart_continues_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        write_lines(&mut RotatingFile::new(&path), 1000, 1000);
        let mut log = RotatingFile::new(&path);
        write_lines(&mut log, 100, 1000);
        assert_eq!(fs::metadata(numbered(&path, 1)).unwrap().len(), 1_048_000);
        assert_eq!(fs::metadata(&path).unwrap().len(), 52_000);
    }

    #[test]
    fn a_record_larger_than_a_file_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        let mut log = RotatingFile::new(&path);
        writeln_whole(&mut log, "before");
        writeln_whole(&mut log, &"x".repeat(3 * 1024 * 1024));
        writeln_whole(&mut log, "after");
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
        let large = fs::read_to_string(numbered(&path, 1)).unwrap();
        assert_eq!(large.len() as u64, BYTES_PER_FILE);
        assert!(large.ends_with("x\n"));
    }

    #[test]
    fn it_mends_itself_when_the_folder_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        File::create(&logs).unwrap();
        let mut log = RotatingFile::new(logs.join("x.log"));
        assert!(log.write_all(b"lost\n").is_err(), "a file was taken for a folder");
        fs::remove_file(&logs).unwrap();
        log.write_all(b"kept\n").unwrap();
        assert_eq!(fs::read_to_string(logs.join("x.log")).unwrap(), "kept\n");
    }
}
