//! Files, folders and archives: what is in them, in which order it is read, and how much is too much.

mod archive;
mod folder;
mod limits;
mod member;

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    rc::Rc,
};

use ytorch_core::Timestamp;

use self::member::Reader;
use super::{MemberReport, Options, Progress, ReadError, Sink};

pub use folder::expand;
pub use limits::Limits;

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where its bytes are.
    pub path: PathBuf,
    /// What the person called it: only shown, and searched for the time of the export.
    pub name: String,
}

/// Which forms are read: JSON first, then the HTML of what no JSON was there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    Json,
    Html,
}

/// Reads every history in the files to the sink.
///
/// # Errors
/// If a file cannot be read, unpacks beyond the limits, or if none of the files holds a watch history.
pub fn read(sources: &[Source], options: &Options, sink: &mut dyn Sink) -> Result<Vec<MemberReport>, ReadError> {
    let mut bytes_total = 0;
    for source in sources {
        let size = std::fs::metadata(&source.path).map_err(|error| unreadable(source, error))?.len();
        bytes_total += size;
    }
    let mut reader = Reader::new(options, sink, bytes_total);
    for pass in [Pass::Json, Pass::Html] {
        if pass == Pass::Html && !reader.has_html_waiting() {
            break;
        }
        for (position, source) in sources.iter().enumerate() {
            read_source(source, position, pass, &mut reader)?;
        }
    }
    reader.reports()
}

fn read_source(source: &Source, position: usize, pass: Pass, reader: &mut Reader<'_>) -> Result<(), ReadError> {
    let mut file = File::open(&source.path).map_err(|error| unreadable(source, error))?;
    let mut magic = [0; 4];
    let length = read_up_to(&mut file, &mut magic).map_err(|error| unreadable(source, error))?;
    file.seek(SeekFrom::Start(0)).map_err(|error| unreadable(source, error))?;
    let file = Counted { inner: file, count: reader.counter() };
    reader.begin(position, &source.name, exported_at(&source.name));
    match &magic[..length] {
        [b'P', b'K', 3 | 5, 4 | 6] => archive::zip(file, pass, reader),
        [0x1f, 0x8b, ..] => archive::gzip(file, pass, reader),
        _ => reader.member(&source.name, file, pass),
    }
}

fn unreadable(source: &Source, error: io::Error) -> ReadError {
    ReadError::Unreadable { path: source.path.clone(), source: error }
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match reader.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The time in a name such as `takeout-20251116T120000Z-001.zip`.
fn exported_at(name: &str) -> Option<Timestamp> {
    let stamp = name.split(['-', '.', '/', ' ']).find(|part| part.len() == 16 && part.ends_with('Z'))?;
    if !stamp.is_ascii() {
        return None;
    }
    let (date, time) = stamp.split_at(8);
    let text =
        format!("{}-{}-{}T{}:{}:{}Z", &date[..4], &date[4..6], &date[6..], &time[1..3], &time[3..5], &time[5..7]);
    super::time::timestamp(&text)
}

/// Counts the bytes that are read of a file, for the progress.
struct Counted<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Counted<R> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.inner.seek(position)
    }
}

impl Reader<'_> {
    fn progress_of(count: &Cell<u64>, bytes_total: u64) -> Progress {
        Progress { bytes_done: count.get().min(bytes_total), bytes_total }
    }
}
