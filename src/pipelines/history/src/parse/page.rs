//! HTML exports: a page of cells, read one by one from a window. What a cell says is `html`'s to tell.

use std::io::{self, Read};

use memchr::memmem;
use ytorch_core::{Timestamp, Zone};

use super::{
    Sink,
    address::Address,
    classify::{Context, Parts},
    frame::{self, Frame, Frames, Lesson},
    html::{self, Cell},
    printed::PrintedDates,
    reading::{Ended, Reading, Refilled, Tally, excerpt},
    report::{Format, Found},
    window::Window,
};

/// What every record begins with.
const CELL: &[u8] = b"<div class=\"outer-cell";

/// What every page ends with.
const PAGE_END: &[u8] = b"</body";

/// The longest cell. Real ones have about a thousand bytes.
const LONGEST_CELL: usize = 4 << 20;

/// How much is looked at before the first cell is read, to learn what page it is.
const LESSON_BYTES: usize = 4 << 20;

/// An HTML file that was looked at but not read yet.
pub(super) struct PageFile<R> {
    window: Window<R>,
    context: Context,
    dates: PrintedDates,
    /// The stream failed before its end.
    is_broken: bool,
    /// What it is.
    pub(super) found: Found,
}

impl<R: Read> PageFile<R> {
    /// Looks at the beginning of a file. `exported_at` helps where the page does not name its zone.
    pub(super) fn open(reader: R, instance: &Zone, exported_at: Option<Timestamp>) -> io::Result<Self> {
        let mut window = Window::new(reader);
        while window.bytes().len() < LESSON_BYTES && window.fill()? {}
        let look = Look::at(window.bytes());
        let is_my_activity = look.searches > 0 && look.watched > 0;
        let found = match (look.cells, look.watched, look.searches) {
            (0, ..) => Found::Nothing,
            (_, 0, 1..) => Found::SearchHistory,
            _ if is_my_activity => Found::MyActivity(Format::Html),
            _ => Found::WatchHistory(Format::Html),
        };
        let dates = PrintedDates::learn(&look.dates, instance, exported_at);
        let frames = Frames { watch: look.verb(), ..look.lesson.frames() };
        Ok(Self { window, context: Context { frames, is_my_activity }, dates, is_broken: false, found })
    }

    /// Reads every cell to the sink.
    pub(super) fn read(mut self, name: &str, sink: &mut dyn Sink, refilled: Refilled<'_>) -> Result<Tally, Ended> {
        let mut reading = Reading { name, tally: Tally::default(), sink };
        while self.find_cell(&mut reading, refilled)? {
            let next = self.find_next(&mut reading, refilled)?;
            let end = next.unwrap_or(self.window.bytes().len());
            let is_cut = next.is_none() && memmem::find(self.window.bytes(), PAGE_END).is_none();
            self.cell(end, is_cut, &mut reading)?;
            self.window.consume(end);
            if is_cut && !self.is_broken {
                reading.cut(self.window.offset(), "the page has no end")?;
            }
        }
        Ok(reading.tally)
    }

    /// Moves the window to the next cell.
    fn find_cell(&mut self, reading: &mut Reading<'_>, refilled: Refilled<'_>) -> Result<bool, Ended> {
        loop {
            if let Some(start) = memmem::find(self.window.bytes(), CELL) {
                self.window.consume(start);
                return Ok(true);
            }
            let passed = self.window.bytes().len().saturating_sub(CELL.len());
            self.window.consume(passed);
            if !self.fill(reading, refilled)? {
                return Ok(false);
            }
        }
    }

    /// Where the cell after the one at the window's beginning begins; `None` if that is the page's last.
    fn find_next(&mut self, reading: &mut Reading<'_>, refilled: Refilled<'_>) -> Result<Option<usize>, Ended> {
        loop {
            let bytes = self.window.bytes();
            if let Some(end) = memmem::find(&bytes[CELL.len()..], CELL) {
                return Ok(Some(end + CELL.len()));
            }
            if bytes.len() > LONGEST_CELL {
                return Ok(Some(bytes.len()));
            }
            if !self.fill(reading, refilled)? {
                return Ok(None);
            }
        }
    }

    fn fill(&mut self, reading: &mut Reading<'_>, refilled: Refilled<'_>) -> Result<bool, Ended> {
        if self.is_broken {
            return Ok(false);
        }
        match self.window.fill() {
            Ok(more) => {
                refilled(reading.sink)?;
                Ok(more)
            }
            Err(error) => {
                self.is_broken = true;
                reading.cut(self.window.offset(), &error.to_string())?;
                Ok(false)
            }
        }
    }

    fn cell(&self, end: usize, is_cut: bool, reading: &mut Reading<'_>) -> Result<(), Ended> {
        let bytes = &self.window.bytes()[..end];
        let cell = match html::cell(bytes) {
            // Half a record can look like another one: half a date is a date.
            Ok(cell) if is_cut && !cell.is_whole => return Ok(()),
            Err(_) if is_cut => return Ok(()),
            Ok(cell) => cell,
            Err(reason) => return Ok(reading.reject(self.window.offset(), reason, excerpt(bytes))?),
        };
        let title = sentence(&cell);
        let parts = Parts {
            header: Some(cell.header.as_str()),
            title: Some(title.as_str()),
            url: cell.url.as_deref(),
            bare_video_id: None,
            channel_name: cell.channel_name.as_deref(),
            channel_url: cell.channel_url.as_deref(),
            has_details: cell.has_details,
            time: self.dates.instant(&cell.date_text),
        };
        Ok(reading.take(&parts, &self.context, self.window.offset(), bytes)?)
    }
}

/// The whole line as the JSON export would have it: the title inside its frame.
fn sentence(cell: &Cell) -> String {
    let Frame { prefix, suffix } = frame(cell);
    format!("{prefix}{}{suffix}", cell.title)
}

/// What stands round the title; its link does not hold it.
fn frame(cell: &Cell) -> Frame {
    let (before, after) = (cell.text_before_link.trim(), cell.text_after_link.trim());
    Frame {
        prefix: if before.is_empty() { String::new() } else { format!("{before} ") },
        suffix: if after.is_empty() { String::new() } else { format!(" {after}") },
    }
}

/// What the first cells tell of a page.
#[derive(Default)]
struct Look {
    cells: usize,
    watched: usize,
    searches: usize,
    verbs: Vec<Frame>,
    dates: Vec<String>,
    lesson: Lesson,
}

impl Look {
    fn at(bytes: &[u8]) -> Self {
        let mut look = Self::default();
        let starts: Vec<usize> = memmem::find_iter(bytes, CELL).take(2000).collect();
        for (position, start) in starts.iter().enumerate() {
            let end = starts.get(position + 1).copied().unwrap_or(bytes.len());
            if let Ok(cell) = html::cell(&bytes[*start..end]) {
                look.cell(cell);
            }
        }
        look.cells = starts.len();
        look
    }

    fn cell(&mut self, cell: Cell) {
        let url = cell.url.as_deref().unwrap_or_default();
        if !cell.has_details {
            self.lesson.look(&sentence(&cell), url);
            match Address::of(url) {
                Address::Search => self.searches += 1,
                address if address.video_id().is_some() => {
                    self.watched += 1;
                    self.verbs.push(frame(&cell));
                }
                _ => {}
            }
        }
        self.dates.push(cell.date_text);
    }

    /// The words round most watched videos.
    fn verb(&self) -> Option<Frame> {
        frame::most_common(&self.verbs).filter(|verb| !verb.is_empty())
    }
}
