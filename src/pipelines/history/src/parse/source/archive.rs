//! Members of archives, one after the other and never in memory as a whole. Names inside are only shown, never paths.

use std::{
    cell::Cell,
    fs::File,
    io::{self, Read},
    path::Path,
    rc::Rc,
};

use flate2::read::MultiGzDecoder;

use super::{Counted, Pass, ReadError, Reader};

/// Reads the `.json` and `.html` members of a zip.
pub(super) fn zip(file: Counted<File>, pass: Pass, reader: &mut Reader<'_>) -> Result<(), ReadError> {
    let mut archive = match zip::ZipArchive::new(io::BufReader::with_capacity(64 << 10, file)) {
        Ok(archive) => archive,
        Err(error) => {
            reader.note(&format!("the archive is damaged or incomplete: {error}"));
            return Ok(());
        }
    };
    if archive.len() > reader.limits().members {
        return Err(reader.too_large(format!("{} files", reader.limits().members)));
    }
    for position in 0..archive.len() {
        let member = match archive.by_index(position) {
            Ok(member) => member,
            Err(error) => {
                reader.note(&format!("a file in the archive cannot be read: {error}"));
                continue;
            }
        };
        // Old tools write names in code pages; a name is only shown, so a wrong letter does no harm.
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if !member.is_file() || !could_be_history(&name) {
            continue;
        }
        let (packed, over) = (member.compressed_size(), Rc::new(Cell::new(false)));
        let limited = Limited::new(member, reader.limits().most_bytes(packed), Rc::clone(&over));
        let result = reader.member(&name, limited, pass);
        if over.get() {
            return Err(reader.too_large_member(&name, packed));
        }
        result?;
    }
    Ok(())
}

/// Reads a `.tgz`, or a single file that was compressed by itself.
pub(super) fn gzip(mut file: Counted<File>, pass: Pass, reader: &mut Reader<'_>) -> Result<(), ReadError> {
    let packed = file.inner.metadata().map_or(0, |file| file.len());
    let mut beginning = vec![0; 512];
    let length = {
        let mut decoder = MultiGzDecoder::new(&mut file);
        super::read_up_to(&mut decoder, &mut beginning).unwrap_or(0)
    };
    if io::Seek::seek(&mut file, io::SeekFrom::Start(0)).is_err() {
        reader.note("the archive cannot be read twice");
        return Ok(());
    }
    let over = Rc::new(Cell::new(false));
    let limited = Limited::new(MultiGzDecoder::new(file), u64::MAX, Rc::clone(&over));
    if beginning[..length].get(257..262) == Some(b"ustar") {
        return tar(limited, pass, reader);
    }
    let limited = Limited { left: reader.limits().most_bytes(packed), ..limited };
    let name = reader.source_name().to_owned();
    let result = reader.member(&name, limited, pass);
    if over.get() { Err(reader.too_large_member(&name, packed)) } else { result }
}

fn tar(stream: impl Read, pass: Pass, reader: &mut Reader<'_>) -> Result<(), ReadError> {
    let mut archive = tar::Archive::new(stream);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => {
            reader.note(&format!("the archive is damaged: {error}"));
            return Ok(());
        }
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                reader.note(&format!("the archive is cut off or damaged: {error}"));
                return Ok(());
            }
        };
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !entry.header().entry_type().is_file() || !could_be_history(&name) {
            continue;
        }
        let over = Rc::new(Cell::new(false));
        let limit = reader.limits().member_bytes;
        let result = reader.member(&name, Limited::new(entry, limit, Rc::clone(&over)), pass);
        if over.get() {
            return Err(reader.too_large_member(&name, 0));
        }
        result?;
    }
    Ok(())
}

/// Histories are JSON or HTML in every language; videos and tables need not even be unpacked.
fn could_be_history(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("json") || extension.eq_ignore_ascii_case("html")
}

/// Ends with an error, and says so in `over`, when more comes than may.
struct Limited<R> {
    inner: R,
    left: u64,
    over: Rc<Cell<bool>>,
}

impl<R> Limited<R> {
    fn new(inner: R, left: u64, over: Rc<Cell<bool>>) -> Self {
        Self { inner, left, over }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let Some(left) = self.left.checked_sub(count as u64) else {
            self.over.set(true);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it unpacks beyond the limit"));
        };
        self.left = left;
        Ok(count)
    }
}
