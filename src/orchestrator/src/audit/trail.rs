//! The file of the trail: lines are added, old ones rotated away, the newest read. It judges no line.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ytorch_core::{
    InstanceFolders,
    files::{create_private_folder, size_bytes},
};

use super::Entry;
use crate::tail::last_lines;

/// A file is rotated away before it would be larger than this.
const LARGEST_BYTES: u64 = 1 << 20;
/// How many files there are, the current one among them.
const FILES: u32 = 3;

/// `logs/audit.jsonl`.
pub(crate) fn file(folders: &InstanceFolders) -> PathBuf {
    folders.logs().join("audit.jsonl")
}

fn rotated(path: &Path, number: u32) -> PathBuf {
    if number == 0 { path.to_owned() } else { path.with_added_extension(number.to_string()) }
}

/// Adds a line. Two commands that end at once write one after the other, and one rotates for both.
pub(super) fn append(folders: &InstanceFolders, entry: &Entry) -> io::Result<()> {
    create_private_folder(&folders.logs())?;
    let line = format!("{}\n", serde_json::to_string(entry)?);
    let path = file(folders);
    loop {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path)?;
        file.lock()?;
        if !is_still(&file, &path) {
            continue;
        }
        let length = file.metadata()?.len();
        if length > 0 && length + line.len() as u64 > LARGEST_BYTES {
            rotate(&path)?;
            continue;
        }
        let rest = if ends_a_line(&file, length)? { "" } else { "\n" };
        return file.write_all(format!("{rest}{line}").as_bytes());
    }
}

/// A command that was killed while it wrote may have left half a line, which must not spoil the next one.
fn ends_a_line(file: &File, length: u64) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    Ok(last == *b"\n")
}

/// Whether the file has its name yet: another command may have rotated it away before it was locked.
fn is_still(file: &File, path: &Path) -> bool {
    let inode = |metadata: io::Result<fs::Metadata>| metadata.map(|metadata| metadata.ino()).ok();
    inode(file.metadata()) == inode(fs::metadata(path))
}

fn rotate(path: &Path) -> io::Result<()> {
    for number in (0..FILES - 1).rev() {
        match fs::rename(rotated(path, number), rotated(path, number + 1)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
    }
    Ok(())
}

/// The newest entries, the oldest of them first. A line that is no entry, which only a person can have written, is left out.
pub(crate) fn newest(folders: &InstanceFolders, most: usize) -> io::Result<Vec<Entry>> {
    let path = file(folders);
    let mut entries: Vec<Entry> = Vec::new();
    for number in 0..FILES {
        let path = rotated(&path, number);
        if entries.len() >= most || size_bytes(&path) == 0 {
            break;
        }
        let lines = last_lines(&path, most - entries.len())?;
        let read: Vec<Entry> = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        entries.splice(0..0, read);
    }
    Ok(entries)
}

/// Who runs this: the name in `/etc/passwd`, and before `sudo` who that was for; else the number.
pub(super) fn user() -> String {
    let number = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(number)).then(|| name.to_owned())
    });
    let name = name.unwrap_or_else(|| number.to_string());
    match std::env::var("SUDO_USER") {
        Ok(before) if number == 0 && before != name && !before.is_empty() => format!("{name} (for {before})"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn entry(number: usize) -> Entry {
        Entry {
            time: number.to_string(),
            user: "me".to_owned(),
            verb: "set".to_owned(),
            arguments: vec!["x".repeat(100_000)],
            plan: Vec::new(),
            result: 0,
            problem: None,
            duration_ms: 1,
        }
    }

    #[test]
    fn half_a_line_spoils_only_itself() {
        let home = tempfile::tempdir().unwrap();
        let folders = InstanceFolders::new(home.path());
        append(&folders, &entry(1)).unwrap();
        OpenOptions::new().append(true).open(file(&folders)).unwrap().write_all(b"{\"time\":").unwrap();
        append(&folders, &entry(2)).unwrap();
        assert_eq!(newest(&folders, 9).unwrap(), [entry(1), entry(2)]);
    }

    #[test]
    fn old_lines_go_and_the_newest_are_read_over_files() {
        let home = tempfile::tempdir().unwrap();
        let folders = InstanceFolders::new(home.path());
        for number in 0..50 {
            append(&folders, &entry(number)).unwrap();
        }
        let names = fs::read_dir(folders.logs()).unwrap().map(|file| file.unwrap().path());
        let sizes: Vec<u64> = names.map(|path| fs::metadata(path).unwrap().len()).collect();
        assert_eq!(sizes.len(), 3);
        assert!(sizes.iter().all(|size| *size <= LARGEST_BYTES), "{sizes:?}");
        assert_eq!(fs::metadata(file(&folders)).unwrap().permissions().mode() & 0o777, 0o600);
        let times: Vec<String> = newest(&folders, 15).unwrap().into_iter().map(|entry| entry.time).collect();
        let expected: Vec<String> = (35..50).map(|number| number.to_string()).collect();
        assert_eq!(times, expected);
        assert!(newest(&folders, 1_000).unwrap().len() < 50);
    }
}
