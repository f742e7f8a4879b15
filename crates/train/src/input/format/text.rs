//! Text that has been opened, and what kind it is.

use std::io::Read;

/// Text from its first line on that is one.
pub(crate) struct Text {
    pub(crate) format: Format,
    pub(crate) body: Box<dyn Read>,
    /// The first line, without what ends it; the body has it, too.
    pub(crate) header: Vec<u8>,
    /// The number of that line.
    pub(crate) line: u64,
    /// What ends a line.
    pub(crate) end: u8,
    /// What is worth a word.
    pub(crate) said: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A header line and rows, cells between separators.
    Table(u8),
    /// An object a line.
    Json,
    /// Objects in an array, or one behind the other, over as many lines as they like.
    Objects,
    /// The event log of a browser.
    Log,
}
