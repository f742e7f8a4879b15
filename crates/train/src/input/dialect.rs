//! How text files are written, as far as it does not show.

use crate::error::{Error, Result};
use encoding_rs::Encoding;

/// How text files are written, as far as it does not show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dialect {
    /// What quotes are in tables.
    pub quoting: Quoting,
    /// The encoding of texts; without one UTF-8, or UTF-16 where a mark at the beginning says so.
    pub encoding: Option<&'static Encoding>,
}

/// What quotes are in tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Around cells that hold separators, line ends or quotes (RFC 4180).
    #[default]
    Cells,
    /// Characters like any other.
    None,
}

impl Quoting {
    /// Each.
    pub const ALL: &[Quoting] = &[Quoting::Cells, Quoting::None];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Quoting::Cells => "cells",
            Quoting::None => "none",
        }
    }
}

/// The encoding of a name that the web knows, as `latin1`, `utf-16le` or `shift_jis`.
pub fn parse_encoding(name: &str) -> Result<&'static Encoding> {
    let encoding = Encoding::for_label(name.as_bytes());
    encoding.ok_or_else(|| {
        Error::Setting(format!("`{name}` is no encoding, as latin1, windows-1252, utf-16le or shift_jis are"))
    })
}
