//! Text in another encoding than UTF-8.

use encoding_rs::{Decoder, DecoderResult, Encoding};
use std::io::{Error, Read, Result};

/// Gives as UTF-8 what is in another encoding. What is not of that encoding is an error: replaced, two ids could become one.
pub(super) struct Decoded<R> {
    inner: R,
    encoding: &'static Encoding,
    decoder: Decoder,
    /// Bytes of the file, from `at` on not decoded yet.
    raw: Vec<u8>,
    at: usize,
    /// Text, from `told` on not given out yet.
    text: Vec<u8>,
    told: usize,
    ended: bool,
}

const PIECE: usize = 1 << 16;

impl<R: Read> Decoded<R> {
    pub(super) fn new(inner: R, encoding: &'static Encoding) -> Decoded<R> {
        let decoder = encoding.new_decoder_with_bom_removal();
        Decoded { inner, encoding, decoder, raw: Vec::new(), at: 0, text: Vec::new(), told: 0, ended: false }
    }

    /// Decodes the next piece.
    fn fill(&mut self) -> Result<()> {
        if self.at == self.raw.len() {
            self.raw.resize(PIECE, 0);
            let n = self.inner.read(&mut self.raw)?;
            self.raw.truncate(n);
            self.at = 0;
        }
        let last = self.raw.is_empty();
        // A byte becomes at most three, and what is kept between two pieces a few more.
        self.text.resize(3 * (self.raw.len() - self.at) + 64, 0);
        let (result, read, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.raw[self.at..], &mut self.text, last);
        if matches!(result, DecoderResult::Malformed(..)) {
            return Err(Error::other(format!("it is not in {}, or not wholly", self.encoding.name())));
        }
        self.at += read;
        self.text.truncate(written);
        self.told = 0;
        self.ended = last && result == DecoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        while self.told == self.text.len() && !self.ended {
            self.fill()?;
        }
        let n = buffer.len().min(self.text.len() - self.told);
        buffer[..n].copy_from_slice(&self.text[self.told..self.told + n]);
        self.told += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{SHIFT_JIS, UTF_16LE, WINDOWS_1252};

    fn decode(bytes: &[u8], encoding: &'static Encoding) -> Result<String> {
        let mut text = String::new();
        Decoded::new(bytes, encoding).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn text_is_the_same_in_any_encoding() {
        let text = "user,item\nJos\u{e9},\u{20ac}5\n".repeat(20_000);
        let utf16: Vec<u8> = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16, UTF_16LE).unwrap(), text);
        assert_eq!(decode(&WINDOWS_1252.encode(&text).0, WINDOWS_1252).unwrap(), text);
        assert_eq!(decode(b"", WINDOWS_1252).unwrap(), "");
    }

    #[test]
    fn what_is_not_of_the_encoding_is_an_error() {
        let error = decode(b"ab\x81", SHIFT_JIS).unwrap_err().to_string();
        assert!(error.contains("not in Shift_JIS"), "{error}");
        assert!(decode(b"ab\xff\xff\xff", encoding_rs::UTF_8).is_err());
    }
}
