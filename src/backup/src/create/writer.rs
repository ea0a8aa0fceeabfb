//! The archive while it is written: hashed on the way in, bounded by the disk on the way out. It chooses no file.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType};
use ytorch_core::{ExitCode, Problem, Timestamp, hexadecimal};

use crate::{
    Header, Manifest, Member, Watch, failure,
    manifest::{HEADER, MANIFEST},
    member::Source,
    room::Room,
};

/// An archive that has its header and waits for files.
pub(super) struct Writer {
    builder: Builder<GzEncoder<BufWriter<Bounded>>>,
    began: Timestamp,
}

/// What became of a file.
pub(super) enum Added {
    /// It is in the archive.
    Whole(Member),
    /// It was no longer there.
    Vanished,
}

impl Writer {
    pub(super) fn begin(path: &Path, header: &Header, began: Timestamp, room: Room) -> Result<Self, Problem> {
        let file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| failed(&error))?;
        let bounded = BufWriter::with_capacity(256 << 10, Bounded { file, room });
        // The fast level: most of what is in it is compressed already or will be backed up again tomorrow.
        let mut writer = Self { builder: Builder::new(GzEncoder::new(bounded, Compression::fast())), began };
        writer.add_json(HEADER, header)?;
        Ok(writer)
    }

    /// Adds a file as it is now, cut to the size that it had when it was listed.
    pub(super) fn add(&mut self, source: &Source, watch: &mut Watch<'_>) -> Result<Added, Problem> {
        let could_not_read =
            |error: &io::Error| failure::io(format!("could not read `{}`", source.file.display()), error);
        let file = match File::open(&source.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Added::Vanished),
            file => file.map_err(|error| could_not_read(&error))?,
        };
        let mut reader = Hashing { inner: file.take(source.size_bytes), hash: Sha256::new(), size_bytes: 0, watch };
        let mut header = self.header(source.size_bytes);
        self.builder.append_data(&mut header, &source.path, &mut reader).map_err(|error| failed(&error))?;
        if reader.size_bytes != source.size_bytes {
            return Err(Problem::new(
                ExitCode::Failure,
                format!("`{}` became shorter while it was read", source.file.display()),
            )
            .hint("try again when nothing writes it"));
        }
        let sha256 = hexadecimal(&reader.hash.finalize());
        Ok(Added::Whole(Member { path: source.path.clone(), size_bytes: source.size_bytes, sha256 }))
    }

    /// Writes the manifest and makes the file durable under its present name.
    pub(super) fn finish(mut self, manifest: &Manifest) -> Result<(), Problem> {
        self.add_json(MANIFEST, manifest)?;
        let written = (|| {
            let buffer = self.builder.into_inner()?.finish()?;
            buffer.into_inner().map_err(io::IntoInnerError::into_error)?.file.sync_all()
        })();
        written.map_err(|error| failed(&error))
    }

    fn add_json(&mut self, name: &str, value: &impl Serialize) -> Result<(), Problem> {
        let bytes = serde_json::to_vec(value).expect("names, numbers and texts can be written as JSON");
        let mut header = self.header(bytes.len() as u64);
        self.builder.append_data(&mut header, name, bytes.as_slice()).map_err(|error| failed(&error))
    }

    fn header(&self, size_bytes: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(self.began.second()).unwrap_or_default());
        header.set_size(size_bytes);
        header
    }
}

fn failed(error: &io::Error) -> Problem {
    failure::io("could not write the backup", error)
}

/// The file, with a look at the disk every so often.
struct Bounded {
    file: File,
    room: Room,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room.write(bytes.len() as u64).map_err(failure::carried)?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file that is hashed while it is read.
struct Hashing<'a, 'b, R> {
    inner: R,
    hash: Sha256,
    size_bytes: u64,
    watch: &'a mut Watch<'b>,
}

impl<R: Read> Read for Hashing<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.size_bytes += count as u64;
        self.watch.advance(count as u64).map_err(failure::carried)?;
        Ok(count)
    }
}
