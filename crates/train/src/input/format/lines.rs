//! Which line a byte is on, and lines one by one.

use super::quotes::{Fault, Quotes};
use memchr::memchr_iter;
use std::io::{BufRead, BufReader, Error, Read, Result};

/// At least so many bytes are kept to find lines in.
const KEPT: usize = 1 << 20;

/// Knows on which line a byte is that was read lately. The CSV reader's own count is of where it began to look for a row,
/// before blank lines and the second half of a CRLF; and what is decompressed or piped cannot be read again. Quotes that do not
/// pair end the reading.
pub(crate) struct Lines<R> {
    inner: R,
    kept: Vec<u8>,
    /// The offset of the first byte that is kept, and the line that it is on.
    start: u64,
    line: u64,
    /// What ends a line: a carriage return where nothing else does.
    end: u8,
    /// The line behind what was read.
    last: u64,
    pub(super) quotes: Option<Quotes>,
    pub(super) fault: Option<Fault>,
}

impl<R: Read> Lines<R> {
    /// Of text that begins on the line `first`, with lines that `end` ends.
    pub(super) fn new(inner: R, first: u64, end: u8, quotes: Option<Quotes>) -> Lines<R> {
        Lines { inner, kept: Vec::new(), start: 0, line: first, end, last: first, quotes, fault: None }
    }

    /// The line of the first byte from `offset` on that ends no line, counted from 1.
    pub(crate) fn line(&self, offset: u64) -> u64 {
        let at = (offset.saturating_sub(self.start) as usize).min(self.kept.len());
        let blank = self.kept[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line + self.ends(&self.kept[..at + blank])
    }

    fn ends(&self, bytes: &[u8]) -> u64 {
        memchr_iter(self.end, bytes).count() as u64
    }

    fn follow(&mut self, read: &[u8]) -> Result<()> {
        let Some(quotes) = &mut self.quotes else { return Ok(()) };
        let followed = if read.is_empty() { quotes.finish() } else { quotes.follow(read, self.last, self.end) };
        followed.map_err(|fault| {
            self.fault = Some(fault);
            Error::other("quotes do not pair")
        })
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(buffer)?;
        self.follow(&buffer[..n])?;
        self.last += self.ends(&buffer[..n]);
        if self.kept.len() >= 2 * KEPT {
            let dropped = self.kept.len() - KEPT;
            self.line += self.ends(&self.kept[..dropped]);
            self.start += dropped as u64;
            self.kept.drain(..dropped);
        }
        self.kept.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}

/// Text line by line. Blank lines are counted and passed over.
pub(crate) struct Numbered<R> {
    reader: BufReader<R>,
    text: Vec<u8>,
    end: u8,
    pub(crate) line: u64,
}

impl<R: Read> Numbered<R> {
    /// Of text that begins on the line `first`, with lines that `end` ends.
    pub(crate) fn new(reader: R, first: u64, end: u8) -> Numbered<R> {
        Numbered { reader: BufReader::with_capacity(1 << 18, reader), text: Vec::new(), end, line: first - 1 }
    }

    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            self.text.clear();
            if self.reader.read_until(self.end, &mut self.text)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !self.text.trim_ascii().is_empty() {
                return Ok(Some(self.text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.text)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_much_was_read() {
        for (line_end, end) in [("\r\n\n", b'\n'), ("\r", b'\r')] {
            let text: String = (1..=200_000).map(|line| format!("line {line}{line_end}")).collect();
            let mut lines = Lines::new(text.as_bytes(), 3, end, None);
            let (mut buffer, mut read) = (vec![0; 300_001], 0);
            loop {
                let n = lines.read(&mut buffer).unwrap();
                if n == 0 {
                    break;
                }
                // The beginning of the last piece, wherever in a line that is.
                let ends = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == end).count() as u64;
                let (before, behind) = text.as_bytes().split_at(read);
                let blank = behind.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
                assert_eq!(lines.line(read as u64), 3 + ends(before) + ends(&behind[..blank]));
                read += n;
            }
            assert_eq!(read, text.len());
        }
    }
}
