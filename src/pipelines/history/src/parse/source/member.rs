//! One file at a time: what it is, whether it is read in this pass, and what is told of it.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
};

use ytorch_core::Timestamp;

use super::{
    super::{
        Format, Found, MemberReport, Options, ReadError, Sink, Stop,
        json::JsonFile,
        page::PageFile,
        reading::{Ended, Refilled, Tally},
    },
    Limits, Pass, read_up_to,
};

/// Bytes that are looked at to tell JSON from HTML.
const BEGINNING: usize = 1024;

/// Reads members, one after the other, and remembers what they were.
pub(super) struct Reader<'a> {
    options: &'a Options,
    sink: &'a mut dyn Sink,
    bytes_total: u64,
    count: Rc<Cell<u64>>,
    source: usize,
    source_name: String,
    exported_at: Option<Timestamp>,
    reports: Vec<MemberReport>,
    notes: Vec<String>,
    html_waiting: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(options: &'a Options, sink: &'a mut dyn Sink, bytes_total: u64) -> Self {
        Self {
            options,
            sink,
            bytes_total,
            count: Rc::default(),
            source: 0,
            source_name: String::new(),
            exported_at: None,
            reports: Vec::new(),
            notes: Vec::new(),
            html_waiting: false,
        }
    }

    pub(super) fn begin(&mut self, source: usize, name: &str, exported_at: Option<Timestamp>) {
        (self.source, self.source_name, self.exported_at) = (source, name.to_owned(), exported_at);
    }

    pub(super) fn counter(&self) -> Rc<Cell<u64>> {
        Rc::clone(&self.count)
    }

    pub(super) fn limits(&self) -> Limits {
        self.options.limits
    }

    pub(super) fn source_name(&self) -> &str {
        &self.source_name
    }

    pub(super) fn has_html_waiting(&self) -> bool {
        self.html_waiting
    }

    /// Keeps something to say of the present source in case no history is found.
    pub(super) fn note(&mut self, text: &str) {
        let note = format!("{}: {text}", self.source_name);
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    pub(super) fn too_large(&self, limit: String) -> ReadError {
        ReadError::TooLarge { name: self.source_name.clone(), limit }
    }

    pub(super) fn too_large_member(&self, name: &str, packed: u64) -> ReadError {
        let limit = match packed {
            0 => format!("{} bytes", self.limits().member_bytes),
            packed => format!("{} times its size of {packed} bytes", self.limits().ratio),
        };
        ReadError::TooLarge { name: name.to_owned(), limit }
    }

    /// Looks at one file and reads it if it is a history of this pass's form.
    pub(super) fn member(&mut self, path: &str, mut reader: impl Read, pass: Pass) -> Result<(), ReadError> {
        let mut beginning = vec![0; BEGINNING];
        let length = match read_up_to(&mut reader, &mut beginning) {
            Ok(length) => length,
            Err(error) => {
                self.note(&format!("`{path}` cannot be unpacked: {error}"));
                return Ok(());
            }
        };
        beginning.truncate(length);
        let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
        let whole = io::Cursor::new(beginning.clone()).chain(reader);
        match (first, pass) {
            (Some(b'[' | b'{'), Pass::Json) => self.json(path, whole),
            (Some(b'<'), Pass::Json) => {
                self.html_waiting = true;
                Ok(())
            }
            (Some(b'<'), Pass::Html) => self.html(path, whole),
            (_, Pass::Html) => Ok(()),
            (_, Pass::Json) => {
                self.report(path, Found::Nothing, Tally::default(), Some("neither JSON nor HTML".to_owned()));
                Ok(())
            }
        }
    }

    fn json(&mut self, path: &str, reader: impl Read) -> Result<(), ReadError> {
        match JsonFile::open(reader) {
            Ok(file) => self.history(path, file.found, |sink, refilled| file.read(path, sink, refilled)),
            Err(error) => {
                self.unreadable(path, &error);
                Ok(())
            }
        }
    }

    fn html(&mut self, path: &str, reader: impl Read) -> Result<(), ReadError> {
        let file = match PageFile::open(reader, &self.options.zone, self.exported_at) {
            Ok(file) => file,
            Err(error) => {
                self.unreadable(path, &error);
                return Ok(());
            }
        };
        let same_in_json = match file.found {
            Found::WatchHistory(_) => Some(Found::WatchHistory(Format::Json)),
            Found::MyActivity(_) => Some(Found::MyActivity(Format::Json)),
            Found::SearchHistory | Found::Nothing => None,
        };
        // Only in one archive: two files may be two exports, and reading one twice only finds known views.
        let is_same = |report: &MemberReport| report.source == self.source && Some(report.found) == same_in_json;
        if same_in_json.is_some() && self.reports.iter().any(is_same) {
            let note = "left out: the archive has the same history as JSON, which says more".to_owned();
            self.report(path, Found::Nothing, Tally::default(), Some(note));
            return Ok(());
        }
        self.history(path, file.found, |sink, refilled| file.read(path, sink, refilled))
    }

    /// Reads a file that was looked at, if it is a history, and reports it.
    fn history(
        &mut self,
        path: &str,
        found: Found,
        read: impl FnOnce(&mut dyn Sink, Refilled<'_>) -> Result<Tally, Ended>,
    ) -> Result<(), ReadError> {
        if !found.is_history() {
            self.report(path, found, Tally::default(), None);
            return Ok(());
        }
        let (count, bytes_total) = (Rc::clone(&self.count), self.bytes_total);
        let mut refilled =
            |sink: &mut dyn Sink| -> Result<(), Stop> { sink.progress(Self::progress_of(&count, bytes_total)) };
        match read(self.sink, &mut refilled) {
            Ok(tally) => self.report(path, found, tally, None),
            Err(Ended::Stopped) => return Err(ReadError::Stopped),
            Err(Ended::Unreadable(error)) => self.unreadable(path, &error),
        }
        Ok(())
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        self.note(&format!("`{path}` cannot be read: {error}"));
    }

    fn report(&mut self, path: &str, found: Found, tally: Tally, note: Option<String>) {
        let Tally { records, rejected } = tally;
        self.reports.push(MemberReport { source: self.source, path: path.to_owned(), found, records, rejected, note });
    }

    /// What was found, or why that is not enough.
    pub(super) fn reports(self) -> Result<Vec<MemberReport>, ReadError> {
        if self.reports.iter().any(|report| report.found.is_history() && report.records > 0) {
            return Ok(self.reports);
        }
        let mut found: Vec<String> = self.notes;
        found.extend(self.reports.iter().take(5).map(|report| match report.found {
            Found::SearchHistory => format!("`{}` is a search history", report.path),
            _ => format!("`{}` is no history of YouTube", report.path),
        }));
        if self.reports.len() > 5 {
            found.push(format!("and {} more files", self.reports.len() - 5));
        }
        if found.is_empty() {
            found.push("the files hold nothing that could be one".to_owned());
        }
        Err(ReadError::NoHistory { found: found.join("; ") })
    }
}

impl Limits {
    /// Bytes that a member of so many packed bytes may unpack to.
    pub(super) fn most_bytes(self, packed: u64) -> u64 {
        packed.saturating_mul(self.ratio).max(self.ratio_from_bytes).min(self.member_bytes)
    }
}
