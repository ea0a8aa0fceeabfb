//! The log's files: the current one and those that were rotated away. It does not follow what is still to come.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{Filter, Record, Records};

/// What is done with a last line that has no end yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// It is taken as it is.
    Taken,
    /// It is kept for whoever reads on.
    Kept,
}

/// What was in the files.
#[derive(Debug)]
pub(crate) struct Backlog {
    /// The records that were wanted, oldest first.
    pub(crate) records: Vec<Record>,
    /// The current file, read to its end.
    pub(crate) current: Option<File>,
    /// The line that had no end yet.
    pub(crate) pending: Vec<u8>,
}

/// The log at `path` and its older files, newest first; none if there is no log yet.
///
/// In this order, because a rotation meanwhile moves files towards the old end: one may come up twice, which is noticed,
/// but none can be missed.
pub(crate) fn open_all(path: &Path) -> io::Result<Vec<File>> {
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for path in [path.to_owned()].into_iter().chain(rotated(path)?) {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        let metadata = file.metadata()?;
        if seen.insert((metadata.dev(), metadata.ino())) {
            files.push(file);
        }
    }
    Ok(files)
}

/// `x.log.1`, `x.log.2` and so on, newest first.
fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(OsStr::to_str)) else {
        return Ok(Vec::new());
    };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('.')?.parse::<u32>().ok();
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in entries {
        let path = entry?.path();
        found.extend(number(&path).map(|number| (number, path)));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

impl Backlog {
    /// Reads files, newest first, until `most` records are found or everything older is unwanted.
    pub(crate) fn read(
        files: Vec<File>,
        filter: &Filter,
        most: Option<usize>,
        unfinished: Unfinished,
    ) -> io::Result<Self> {
        let mut backlog = Self { records: Vec::new(), current: None, pending: Vec::new() };
        for (position, mut file) in files.into_iter().enumerate() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            if position == 0 {
                if unfinished == Unfinished::Kept {
                    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
                    backlog.pending = bytes.split_off(end);
                }
                backlog.current = Some(file);
            }
            let mut found = records(&bytes);
            let is_last = reaches_back(&found, filter);
            found.retain(|record| filter.wants(record));
            found.append(&mut backlog.records);
            backlog.records = found;
            if is_last || most.is_some_and(|most| backlog.records.len() >= most) {
                break;
            }
        }
        let surplus = most.map_or(0, |most| backlog.records.len().saturating_sub(most));
        backlog.records.drain(..surplus);
        Ok(backlog)
    }
}

fn records(bytes: &[u8]) -> Vec<Record> {
    let mut records = Records::default();
    let text = String::from_utf8_lossy(bytes);
    let mut all: Vec<Record> = text.lines().filter_map(|line| records.take(line)).collect();
    all.extend(records.rest());
    all
}

/// Whether older files are too old.
fn reaches_back(found: &[Record], filter: &Filter) -> bool {
    let first = found.iter().find_map(Record::time);
    filter.since.is_some_and(|since| first.is_some_and(|first| first < since))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// A log of three files, two records in each: the seconds 0 to 5.
    fn log() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        for (name, first) in [("x.log.10", 0), ("x.log.2", 2), ("x.log", 4)] {
            let mut file = File::create(folder.path().join(name)).unwrap();
            for second in [first, first + 1] {
                writeln!(file, "2026-11-21T08:00:0{second}Z INFO x: {second}").unwrap();
            }
        }
        File::create(folder.path().join("x.log.gz")).unwrap().write_all(b"of somebody else\n").unwrap();
        (folder, path)
    }

    fn last_characters(records: &[Record]) -> String {
        records.iter().filter_map(|record| record.text.chars().last()).collect()
    }

    fn read(path: &Path, since: Option<&str>, most: Option<usize>) -> String {
        let filter = Filter { since: since.map(|text| text.parse().unwrap()), ..Filter::default() };
        let backlog = Backlog::read(open_all(path).unwrap(), &filter, most, Unfinished::Taken).unwrap();
        last_characters(&backlog.records)
    }

    #[test]
    fn older_files_come_first_and_only_as_far_as_needed() {
        let (folder, path) = log();
        assert_eq!(read(&path, None, None), "012345");
        assert_eq!(read(&path, None, Some(3)), "345");
        assert_eq!(read(&path, None, Some(0)), "");
        assert_eq!(read(&path, Some("2026-11-21T08:00:01Z"), None), "12345");
        assert_eq!(read(&path, Some("2026-11-21T08:00:01Z"), Some(2)), "45");
        assert_eq!(read(&path, Some("2026-11-21T09:00:00Z"), None), "");
        // What is not needed is not even read.
        File::create(folder.path().join("x.log.2")).unwrap().write_all(b"2026-11-21T07:00:00Z INFO x: !\n").unwrap();
        assert_eq!(read(&path, Some("2026-11-21T08:00:00Z"), None), "45");
    }

    #[test]
    fn a_log_that_is_only_rotated_or_not_there_is_no_error() {
        let (folder, path) = log();
        fs::remove_file(&path).unwrap();
        assert_eq!(read(&path, None, None), "0123");
        assert!(open_all(&folder.path().join("none/y.log")).unwrap().is_empty());
        assert!(open_all(&folder.path().join("y.log")).unwrap().is_empty());
    }

    #[test]
    fn a_file_that_is_renamed_between_two_openings_counts_once() {
        let (folder, path) = log();
        fs::hard_link(&path, folder.path().join("x.log.1")).unwrap();
        assert_eq!(read(&path, None, None), "012345");
    }

    #[test]
    fn a_line_without_an_end_is_taken_or_kept() {
        let (_folder, path) = log();
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"2026-11-21T08:00:06Z INFO x: 6").unwrap();
        assert_eq!(read(&path, None, Some(2)), "56");
        let kept = Backlog::read(open_all(&path).unwrap(), &Filter::default(), Some(2), Unfinished::Kept).unwrap();
        assert_eq!(last_characters(&kept.records), "45");
        assert_eq!(kept.pending, b"2026-11-21T08:00:06Z INFO x: 6");
        assert!(kept.current.is_some());
    }
}
