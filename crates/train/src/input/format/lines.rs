//! Which line a byte is on, and lines one by one.

use std::io::{BufRead, BufReader, Read, Result};

/// At least so many bytes are kept to find lines in.
const KEPT: usize = 1 << 20;

/// Knows on which line a byte is that was read lately. The CSV reader's own count is of where it began to look for a row,
/// before blank lines and the second half of a CRLF; and what is decompressed or piped cannot be read again.
pub(crate) struct Lines<R> {
    inner: R,
    kept: Vec<u8>,
    /// The offset of the first byte that is kept, and the line that it is on.
    start: u64,
    line: u64,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(inner: R) -> Lines<R> {
        Lines { inner, kept: Vec::new(), start: 0, line: 1 }
    }

    /// The line of the first byte from `offset` on that ends no line, counted from 1.
    pub(crate) fn line(&self, offset: u64) -> u64 {
        let at = (offset.saturating_sub(self.start) as usize).min(self.kept.len());
        let blank = self.kept[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.line + newlines(&self.kept[..at + blank])
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let n = self.inner.read(buffer)?;
        if self.kept.len() >= 2 * KEPT {
            let dropped = self.kept.len() - KEPT;
            self.line += newlines(&self.kept[..dropped]);
            self.start += dropped as u64;
            self.kept.drain(..dropped);
        }
        self.kept.extend_from_slice(&buffer[..n]);
        Ok(n)
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}

/// Text line by line, counted from 1. Blank lines are counted and passed over.
pub(crate) struct Numbered<R> {
    reader: BufReader<R>,
    text: Vec<u8>,
    pub(crate) line: u64,
}

impl<R: Read> Numbered<R> {
    pub(crate) fn new(reader: R) -> Numbered<R> {
        Numbered { reader: BufReader::with_capacity(1 << 18, reader), text: Vec::new(), line: 0 }
    }

    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            self.text.clear();
            if self.reader.read_until(b'\n', &mut self.text)? == 0 {
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
        let text: String = (1..=200_000).map(|line| format!("line {line}\r\n\n")).collect();
        let mut lines = Lines::new(text.as_bytes());
        let (mut buffer, mut read) = (vec![0; 300_001], 0);
        loop {
            let n = lines.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            // The beginning of the last piece, wherever in a line that is.
            let before = text.as_bytes()[..read].iter().filter(|byte| **byte == b'\n').count() as u64;
            let blank = text.as_bytes()[read..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            assert_eq!(lines.line(read as u64), 1 + before + blank.filter(|byte| **byte == b'\n').count() as u64);
            read += n;
        }
        assert_eq!(read, text.len());
    }
}
