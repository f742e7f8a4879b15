//! Numbers and texts one behind the other, as the cache's summary holds them.

use super::interner::Interner;
use crate::error::{Error, Result};

/// A number is 8 bytes, little-endian; a text is its length and its bytes.
#[derive(Default)]
pub(crate) struct Encoder(pub(crate) Vec<u8>);

impl Encoder {
    pub(crate) fn number(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    /// How many, then each.
    pub(crate) fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a str> + Clone) {
        self.number(texts.clone().count() as u64);
        texts.for_each(|text| self.text(text));
    }
}

fn ended() -> Error {
    Error::Input("its summary ends too early".into())
}

/// Reads what an [`Encoder`] wrote.
pub(crate) struct Decoder<'a>(pub(crate) &'a [u8]);

impl<'a> Decoder<'a> {
    pub(crate) fn number(&mut self) -> Result<u64> {
        let (number, rest) = self.0.split_first_chunk().ok_or_else(ended)?;
        self.0 = rest;
        Ok(u64::from_le_bytes(*number))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str> {
        let length = usize::try_from(self.number()?)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or_else(ended)?;
        self.0 = rest;
        Ok(std::str::from_utf8(text)?)
    }

    pub(crate) fn texts(&mut self) -> Result<impl Iterator<Item = Result<&'a str>> + use<'_, 'a>> {
        let count = self.number()?;
        Ok((0..count).map(|_| self.text()))
    }

    pub(crate) fn interner(&mut self) -> Result<Interner> {
        let mut interner = Interner::default();
        for text in self.texts()? {
            interner.intern(text?);
        }
        Ok(interner)
    }
}
