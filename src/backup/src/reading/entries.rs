//! The members of a gzipped tar archive, one after another. It judges names and content of none.
//!
//! Of tar's extensions only GNU's long names are known, because a name beyond 100 bytes needs them; tar's own reader
//! would take a name of any length into memory.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::bufread::GzDecoder;
use tar::EntryType;
use ytorch_core::{ExitCode, Problem};

use super::unreadable;
use crate::{Watch, failure};

/// A longer name is nobody's.
const LONGEST_NAME_BYTES: u64 = 4_096;
/// Zeros that may follow the last member; tar fills blocks.
const PADDING_BYTES: u64 = 1 << 20;

type Tar<'a, 'b> = tar::Archive<GzDecoder<BufReader<Watched<'a, 'b>>>>;

/// An open archive.
pub(super) struct Archive<'a, 'b> {
    path: PathBuf,
    tar: Tar<'a, 'b>,
}

/// One plain file in it.
pub(super) struct Entry<'a> {
    /// Its name, as it stands there.
    pub path: Vec<u8>,
    /// Its size, as it stands there.
    pub size_bytes: u64,
    content: &'a mut dyn Read,
}

impl Entry<'_> {
    /// Its name for messages.
    pub(super) fn shown(&self) -> String {
        String::from_utf8_lossy(&self.path)
            .chars()
            .take(200)
            .map(|letter| if letter.is_control() { '?' } else { letter })
            .collect()
    }
}

impl Read for Entry<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

impl<'a, 'b> Archive<'a, 'b> {
    pub(super) fn open(path: &Path, watch: &'a mut Watch<'b>) -> Result<Self, Problem> {
        let failed = |error: &io::Error| failure::io(format!("could not read `{}`", path.display()), error);
        let file = File::open(path).map_err(|error| failed(&error))?;
        let metadata = file.metadata().map_err(|error| failed(&error))?;
        if !metadata.is_file() {
            return Err(Problem::new(ExitCode::BadExport, format!("`{}` is not a file", path.display()))
                .hint("name the file of a backup: it ends in `.ytorch.tar.gz`"));
        }
        watch.begin(metadata.len())?;
        let reader = BufReader::with_capacity(256 << 10, Watched { file, watch });
        Ok(Self { path: path.to_owned(), tar: tar::Archive::new(GzDecoder::new(reader)) })
    }

    /// Hands every file to `take`, until it gives something.
    pub(super) fn for_each<T>(
        &mut self,
        mut take: impl FnMut(&mut Entry<'_>) -> Result<Option<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        let Self { path: archive, tar } = self;
        let failed = |error: io::Error| unreadable(archive, &error);
        let mut long_name = None;
        for entry in tar.entries().map_err(failed)?.raw(true) {
            let mut entry = entry.map_err(failed)?;
            let size_bytes = entry.size();
            match entry.header().entry_type() {
                EntryType::GNULongName if size_bytes <= LONGEST_NAME_BYTES && long_name.is_none() => {
                    let mut name = Vec::new();
                    entry.read_to_end(&mut name).map_err(failed)?;
                    if name.last() == Some(&0) {
                        name.pop();
                    }
                    long_name = Some(name);
                }
                EntryType::Regular => {
                    let path = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                    let mut file = Entry { path, size_bytes, content: &mut entry };
                    if let Some(found) = take(&mut file)? {
                        return Ok(Some(found));
                    }
                }
                _ => {
                    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
                    return Err(failure::bad(archive, format!("`{}` in it is no plain file", name.escape_debug())));
                }
            }
        }
        Ok(None)
    }

    /// Reads on to the end, where nothing may be but zeros: so the checksum of the whole is compared as well.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let Self { path, tar } = self;
        let failed = |error: io::Error| unreadable(&path, &error);
        let mut decoder = tar.into_inner();
        let mut rest = Vec::new();
        decoder.by_ref().take(PADDING_BYTES + 1).read_to_end(&mut rest).map_err(failed)?;
        let is_padding = rest.len() as u64 <= PADDING_BYTES && rest.iter().all(|byte| *byte == 0);
        let mut reader = decoder.into_inner();
        if !is_padding || !reader.fill_buf().map_err(failed)?.is_empty() {
            return Err(failure::bad(&path, "something follows its end"));
        }
        Ok(())
    }
}

/// The file, of which each read is told to whoever watches.
struct Watched<'a, 'b> {
    file: File,
    watch: &'a mut Watch<'b>,
}

impl Read for Watched<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.watch.advance(count as u64).map_err(failure::carried)?;
        Ok(count)
    }
}
