//! What one cell of an HTML export says. The markup of exports is not well formed (unclosed tags, a stray `<div<div`),
//! so this looks for the few marks that carry meaning and builds no tree. It does not read dates; `printed` does.

use std::borrow::Cow;

use memchr::memchr;

/// The parts of one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// The product: `YouTube`, `YouTube Music`.
    pub(super) header: String,
    /// The verb, where the language puts it first.
    pub(super) text_before_link: String,
    /// The title, or the whole first line where nothing is linked.
    pub(super) title: String,
    /// The verb, where the language puts it last.
    pub(super) text_after_link: String,
    pub(super) url: Option<String>,
    pub(super) channel_name: Option<String>,
    pub(super) channel_url: Option<String>,
    /// The date as it is printed, with its zone.
    pub(super) date_text: String,
    /// Whether the record has details, as advertisements do.
    pub(super) has_details: bool,
    /// Whether it goes on to its caption, the last part of a record.
    pub(super) is_whole: bool,
}

/// Reads the cell that the bytes hold.
pub(super) fn cell(bytes: &[u8]) -> Result<Cell, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| format!("this is not UTF-8 text: {error}"))?;
    let mut sections = Sections::default();
    for piece in Pieces(text) {
        sections.take(piece);
    }
    sections.cell()
}

/// A tag, or the text between two.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Tag(&'a str),
    Text(&'a str),
}

struct Pieces<'a>(&'a str);

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let text = self.0;
        if let Some(tag) = text.strip_prefix('<') {
            let end = end_of_tag(tag).unwrap_or(tag.len());
            self.0 = tag.get(end + 1..).unwrap_or_default();
            return Some(Piece::Tag(&tag[..end]));
        }
        let end = memchr(b'<', text.as_bytes()).unwrap_or(text.len());
        self.0 = &text[end..];
        (end > 0).then(|| Piece::Text(&text[..end]))
    }
}

/// Where a tag's `>` is. One inside a quoted value does not end it, unless the quote is never closed.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quoted = false;
    let outside = tag.bytes().position(|byte| {
        quoted ^= byte == b'"';
        byte == b'>' && !quoted
    });
    outside.or_else(|| tag.find('>'))
}

/// The value of an attribute, wherever it stands in the tag.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(name)?;
    rest.strip_prefix("=\"")?.split('"').next()
}

/// Which part of the cell the text belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Section {
    Header,
    Body,
    Caption,
    #[default]
    Elsewhere,
}

/// A line between two `<br>`.
#[derive(Default)]
struct Line {
    before: String,
    link: Option<(String, String)>,
    after: String,
    is_in_link: bool,
}

impl Line {
    fn push(&mut self, text: &str) {
        let place = match &mut self.link {
            Some((_, inside)) if self.is_in_link => inside,
            Some(_) => &mut self.after,
            None => &mut self.before,
        };
        place.push_str(&decoded(text));
    }
}

#[derive(Default)]
struct Sections {
    section: Section,
    header: String,
    lines: Vec<Line>,
    /// For each bold heading of the caption: whether a link follows it.
    captions: Vec<bool>,
}

impl Sections {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Tag(tag) => self.tag(tag),
            Piece::Text(text) => match self.section {
                Section::Header => self.header.push_str(&decoded(text)),
                Section::Body => {
                    if let Some(line) = self.lines.last_mut() {
                        line.push(text);
                    }
                }
                Section::Caption | Section::Elsewhere => {}
            },
        }
    }

    fn tag(&mut self, tag: &str) {
        if let Some(class) = attribute(tag, "class").filter(|_| tag.starts_with("div")) {
            self.section = self.section_of(class);
            if self.section == Section::Body {
                self.lines.push(Line::default());
            }
            return;
        }
        let name = tag.split([' ', '/', '\n']).next().unwrap_or_default();
        match (self.section, name, tag) {
            (_, _, "/div") => self.section = Section::Elsewhere,
            (Section::Body, "br" | "p", _) => self.lines.push(Line::default()),
            (Section::Body, "a", _) => {
                if let Some(line) = self.lines.last_mut().filter(|line| line.link.is_none()) {
                    let address = attribute(tag, "href").map(decoded).unwrap_or_default();
                    line.link = Some((address.into_owned(), String::new()));
                    line.is_in_link = true;
                }
            }
            (Section::Body, _, "/a") => {
                if let Some(line) = self.lines.last_mut() {
                    line.is_in_link = false;
                }
            }
            (Section::Caption, "b", _) => self.captions.push(false),
            (Section::Caption, "a", _) => {
                if let Some(linked) = self.captions.last_mut() {
                    *linked = true;
                }
            }
            _ => {}
        }
    }

    fn section_of(&self, class: &str) -> Section {
        match () {
            () if class.contains("header-cell") => Section::Header,
            () if !class.contains("content-cell") || class.contains("text-right") => Section::Elsewhere,
            () if class.contains("caption") => Section::Caption,
            () if class.contains("body-1") && self.lines.is_empty() => Section::Body,
            () => Section::Elsewhere,
        }
    }

    fn cell(self) -> Result<Cell, String> {
        let mut lines = self.lines.into_iter();
        let first = lines.next().ok_or("the record has no content")?;
        let mut cell = Cell {
            header: self.header.trim().to_owned(),
            // The first heading names the products; details follow it, and so does the reason, which links to the
            // settings. The headings themselves are translated.
            has_details: self.captions.iter().skip(1).any(|linked| !linked),
            is_whole: !self.captions.is_empty(),
            ..Cell::default()
        };
        match first.link {
            Some((url, title)) => {
                cell.text_before_link = first.before;
                cell.title = title;
                cell.text_after_link = first.after;
                cell.url = Some(url);
            }
            None => first.before.trim().clone_into(&mut cell.title),
        }
        let mut plain_lines = Vec::new();
        for line in lines {
            match line.link {
                Some((url, name)) if cell.channel_url.is_none() => {
                    cell.channel_url = Some(url);
                    cell.channel_name = Some(name);
                }
                None if !line.before.trim().is_empty() => plain_lines.push(line.before.trim().to_owned()),
                _ => {}
            }
        }
        // The date is the last line.
        cell.date_text = plain_lines.pop().unwrap_or_default();
        if cell.channel_name.is_none() && !cell.has_details {
            // A channel can lack its link; a description (`Watched at 5:33 PM`) looks the same but for its numbers.
            cell.channel_name = plain_lines.into_iter().find(|line| !has_time_of_day(line));
        }
        Ok(cell)
    }
}

/// Whether two numbers stand there with a colon or a point between them.
fn has_time_of_day(line: &str) -> bool {
    let is_between = |letters: &[u8]| matches!(letters, [before, b':' | b'.', after] if before.is_ascii_digit() && after.is_ascii_digit());
    line.as_bytes().windows(3).any(is_between)
}

/// The text with its character references replaced. One that is not known stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let reference = rest[1..].split_once(';').and_then(|(name, _)| Some((character(name)?, name.len() + 2)));
        let (letter, length) = reference.unwrap_or(('&', 1));
        decoded.push(letter);
        rest = &rest[length..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// The character of a reference such as `amp` or `#39`.
fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "emsp" => '\u{2003}',
        "ensp" => '\u{2002}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
