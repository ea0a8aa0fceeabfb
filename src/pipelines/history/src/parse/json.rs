//! JSON exports: an array of records, read one by one from a window. It never holds the document, and one bad record
//! costs only itself.

mod record;
mod scan;

use std::io::{self, Read};

use serde::de::IgnoredAny;

use self::record::RawRecord;
use super::{
    Sink,
    address::Address,
    classify::Context,
    frame::Lesson,
    reading::{Ended, Reading, Refilled, Tally, excerpt},
    report::{Format, Found},
    window::Window,
};

/// The longest record. Real ones have a few hundred bytes, with long descriptions a few thousand.
const LONGEST_RECORD: usize = 4 << 20;

/// Records that are looked at before the first is read, to learn what file it is.
const LESSON_RECORDS: usize = 3000;

/// How much is looked at if no watched video has been seen by then.
const LESSON_BYTES: usize = 8 << 20;

/// Whether there is more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    On,
    End,
}

/// A JSON file that was looked at but not read yet.
pub(super) struct JsonFile<R> {
    window: Window<R>,
    context: Context,
    /// What it is.
    pub(super) found: Found,
}

impl<R: Read> JsonFile<R> {
    /// Looks at the beginning of a file.
    pub(super) fn open(reader: R) -> io::Result<Self> {
        let mut window = Window::new(reader);
        let file = |window, context, found| Self { window, context, found };
        if !enter_array(&mut window)? {
            return Ok(file(window, Context::default(), Found::Nothing));
        }
        let (context, found) = learn(&mut window)?;
        Ok(file(window, context, found))
    }

    /// Reads every record to the sink. `name` is what rejections say the file is called.
    pub(super) fn read(mut self, name: &str, sink: &mut dyn Sink, refilled: Refilled<'_>) -> Result<Tally, Ended> {
        let mut reading = Reading { name, tally: Tally::default(), sink };
        loop {
            let byte = match self.window.peek() {
                Ok(byte) => byte,
                Err(error) => return reading.cut(self.window.offset(), &error.to_string()),
            };
            match byte {
                Some(b',') => self.window.consume(1),
                Some(b']') => return Ok(reading.tally),
                Some(b'{') => {
                    if self.record(&mut reading, refilled)? == Step::End {
                        return Ok(reading.tally);
                    }
                }
                Some(_) => {
                    const NO_RECORD: &str = "this is no record";
                    if let Some(length) = whole_value(self.window.bytes()) {
                        let excerpt = excerpt(&self.window.bytes()[..length]);
                        reading.reject(self.window.offset(), NO_RECORD.to_owned(), excerpt)?;
                        self.window.consume(length);
                    } else {
                        self.resync(&mut reading, 0, NO_RECORD, refilled)?;
                    }
                }
                None => return reading.cut(self.window.offset(), "the file ends before its list does"),
            }
        }
    }

    /// Reads the record at the beginning of the window.
    fn record(&mut self, reading: &mut Reading<'_>, refilled: Refilled<'_>) -> Result<Step, Ended> {
        loop {
            let bytes = self.window.bytes();
            let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<RawRecord<'_>>();
            match stream.next() {
                Some(Ok(raw)) => {
                    let end = stream.byte_offset();
                    reading.take(&raw.parts(), &self.context, self.window.offset(), &bytes[..end])?;
                    self.window.consume(end);
                    return Ok(Step::On);
                }
                Some(Err(error)) if error.is_eof() && !self.window.has_ended() && bytes.len() < LONGEST_RECORD => {
                    if let Err(error) = self.window.fill() {
                        return reading.cut(self.window.offset(), &error.to_string()).map(|_| Step::End);
                    }
                    refilled(reading.sink)?;
                }
                Some(Err(error))
                    if error.is_eof() && self.window.has_ended() && scan::next_record(bytes, 1).is_none() =>
                {
                    let excerpt = excerpt(bytes);
                    let cut = "the file is cut off in the middle of this record".to_owned();
                    reading.reject(self.window.offset(), cut, excerpt)?;
                    return Ok(Step::End);
                }
                Some(Err(error)) => return self.resync(reading, 1, &reason(&error), refilled).map(|()| Step::On),
                None => return Ok(Step::End),
            }
        }
    }

    /// Rejects what stands at the beginning of the window and goes to the next record.
    fn resync(
        &mut self,
        reading: &mut Reading<'_>,
        from: usize,
        reason: &str,
        refilled: Refilled<'_>,
    ) -> Result<(), Ended> {
        reading.reject(self.window.offset(), reason.to_owned(), excerpt(self.window.bytes()))?;
        let mut searched = from;
        loop {
            match scan::next_record(self.window.bytes(), searched) {
                scan::Next::At(start) => {
                    self.window.consume(start);
                    return Ok(());
                }
                scan::Next::End(end) => {
                    self.window.consume(end);
                    return Ok(());
                }
                scan::Next::Unknown if self.window.has_ended() => {
                    let rest = self.window.bytes().len();
                    self.window.consume(rest);
                    return Ok(());
                }
                scan::Next::Unknown => {
                    // The boundary may be cut by the window's end: keep a little.
                    let passed = self.window.bytes().len().saturating_sub(scan::LONGEST_BOUNDARY);
                    self.window.consume(passed);
                    searched = 0;
                    self.window.fill()?;
                    refilled(reading.sink)?;
                }
            }
        }
    }
}

/// Goes to the first record: behind the `[` of the list, which may be wrapped in an object.
fn enter_array<R: Read>(window: &mut Window<R>) -> io::Result<bool> {
    match window.peek()? {
        Some(b'[') => {
            window.consume(1);
            Ok(true)
        }
        Some(b'{') => {
            let Some(start) = scan::wrapped_list(window.bytes()) else {
                return Ok(false);
            };
            window.consume(start);
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Looks at the first records without consuming them.
fn learn<R: Read>(window: &mut Window<R>) -> io::Result<(Context, Found)> {
    window.fill()?;
    loop {
        let look = Look::at(window.bytes());
        if look.watched == 0 && !window.has_ended() && window.bytes().len() < LESSON_BYTES && look.records > 0 {
            window.fill()?;
            continue;
        }
        let is_my_activity = look.searches > 0 && look.watched > 0;
        let found = match (look.watched, look.searches, look.activities) {
            (0, 0, 0) => Found::Nothing,
            (0, 1.., _) => Found::SearchHistory,
            _ if is_my_activity => Found::MyActivity(Format::Json),
            _ => Found::WatchHistory(Format::Json),
        };
        return Ok((Context { frames: look.lesson.frames(), is_my_activity }, found));
    }
}

/// What the first records tell of a file.
#[derive(Default)]
struct Look {
    lesson: Lesson,
    records: usize,
    activities: usize,
    watched: usize,
    searches: usize,
}

impl Look {
    fn at(bytes: &[u8]) -> Self {
        let mut look = Self::default();
        let mut position = 0;
        while look.records < LESSON_RECORDS {
            let skipped =
                bytes[position..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b',').count();
            position += skipped;
            let mut stream = serde_json::Deserializer::from_slice(&bytes[position..]).into_iter::<RawRecord<'_>>();
            match stream.next() {
                Some(Ok(raw)) => {
                    look.record(&raw);
                    position += stream.byte_offset();
                }
                Some(Err(error)) if !error.is_eof() => {
                    // A bad record teaches nothing; the ones behind it do.
                    look.records += 1;
                    match scan::next_record(&bytes[position..], 1) {
                        scan::Next::At(start) => position += start,
                        scan::Next::End(_) | scan::Next::Unknown => break,
                    }
                }
                _ => break,
            }
        }
        look
    }

    fn record(&mut self, raw: &RawRecord<'_>) {
        self.records += 1;
        let parts = raw.parts();
        let is_activity =
            parts.title.is_some() && (parts.header.is_some() || parts.url.is_some() || parts.time.is_some());
        self.activities += usize::from(is_activity);
        let url = parts.url.unwrap_or_default();
        if parts.has_details {
            return;
        }
        match Address::of(url) {
            Address::Search => self.searches += 1,
            address => self.watched += usize::from(address.video_id().is_some()),
        }
        self.watched += usize::from(parts.bare_video_id.is_some());
        self.lesson.look(parts.title.unwrap_or_default(), url);
    }
}

/// The length of the JSON value that the bytes begin with, if it surely ends in them.
fn whole_value(bytes: &[u8]) -> Option<usize> {
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<IgnoredAny>();
    stream.next()?.ok()?;
    Some(stream.byte_offset()).filter(|length| *length < bytes.len())
}

fn reason(error: &serde_json::Error) -> String {
    // Lines and columns are those of the window, not of the file; the byte offset says the place.
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
