//! A moving window over bytes that are read once. It does not know what they mean.

use std::io::{self, Read};

/// Bytes that are read at once.
const READ_AT_ONCE: usize = 1 << 20;

/// The unread part of a stream that is in memory.
pub(super) struct Window<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    /// Where the window's first byte is in the stream.
    offset: u64,
    ended: bool,
}

impl<R: Read> Window<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), start: 0, offset: 0, ended: false }
    }

    /// What is in memory and not consumed yet.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Where [`Self::bytes`] begins in the stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether all bytes of the stream are in memory or consumed.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Passes over bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Reads further bytes; `false` at the end.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let before = self.buffer.len();
        self.buffer.resize(before + READ_AT_ONCE, 0);
        let mut filled = before;
        while filled < self.buffer.len() {
            match self.reader.read(&mut self.buffer[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.truncate(filled);
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(filled > before)
    }

    /// The next byte that is not white space or a byte-order mark, without consuming it.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf);
            let count = self.bytes().iter().take_while(|byte| blank(byte)).count();
            self.consume(count);
            if let Some(byte) = self.bytes().first() {
                return Ok(Some(*byte));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }
}
