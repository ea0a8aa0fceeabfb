//! Finds where the next record begins in bytes that are no valid JSON. It reads no values.

use memchr::memchr_iter;

/// A boundary between records with all its white space is not longer than this.
pub(super) const LONGEST_BOUNDARY: usize = 256;

/// Where reading can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// At this `{`.
    At(usize),
    /// At this `]`, which ends the list.
    End(usize),
    /// Not in these bytes.
    Unknown,
}

impl Next {
    /// Whether no further record was found.
    pub(super) fn is_none(self) -> bool {
        !matches!(self, Self::At(_))
    }
}

/// The first `{` at or behind `from` that begins a record: it stands behind `,` or at the very place, and its first key
/// is one that records have and channels inside them do not.
pub(super) fn next_record(bytes: &[u8], from: usize) -> Next {
    const KEYS: [&[u8]; 12] = [
        b"\"header\"",
        b"\"title\"",
        b"\"titleUrl\"",
        b"\"time\"",
        b"\"subtitles\"",
        b"\"products\"",
        b"\"details\"",
        b"\"description\"",
        b"\"snippet\"",
        b"\"activityControls\"",
        b"\"imageUrl\"",
        b"\"locationInfos\"",
    ];
    for open in memchr_iter(b'{', bytes.get(from..).unwrap_or_default()).map(|at| at + from) {
        let inside = trim_start(&bytes[open + 1..]);
        if KEYS.iter().any(|key| inside.starts_with(key)) {
            return Next::At(open);
        }
    }
    // No further record: the list may end behind the bad one.
    let end = trim_end(bytes);
    if end.last() == Some(&b']') && end.len() > from { Next::End(end.len() - 1) } else { Next::Unknown }
}

/// Where the records of a list begin that an object wraps: behind the first `[` that is followed by `{` or `]`.
pub(super) fn wrapped_list(bytes: &[u8]) -> Option<usize> {
    let mut lists = memchr_iter(b'[', bytes);
    lists.find(|at| matches!(trim_start(&bytes[at + 1..]).first(), Some(b'{' | b']'))).map(|at| at + 1)
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    &bytes[blank..]
}

fn trim_end(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
    &bytes[..bytes.len() - blank]
}
