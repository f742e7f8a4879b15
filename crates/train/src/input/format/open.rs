//! What a file is, by its first bytes.

use super::log::LogRows;
use crate::error::{Context, Result};
use crate::input::files::STDIN;
use crate::watch::{Progress, Watched};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// A file, known by what is in it and not by its name.
pub(crate) enum Opened {
    Text { format: Format, text: Box<dyn Read> },
    Parquet(File),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    Tsv,
    /// A flat object a line.
    Json,
    /// The event log of a browser.
    Log,
}

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
const PARQUET: &[u8] = b"PAR1";
/// A first line longer than this is none. That of an event log carries a profile.
const MOST_HEADER: u64 = 1 << 24;

/// Opens a file, or standard input, and decompresses it if it is gzip or zstd. `progress` is told of the bytes of the file.
pub(crate) fn open(path: &Path, progress: &Arc<dyn Progress>) -> Result<Opened> {
    let name = path.display();
    let mut raw: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(std::io::stdin())
    } else {
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        Box::new(Watched { inner: file, progress: progress.clone() })
    };
    let cannot_read = || format!("cannot read {name}");
    let mut magic = Vec::new();
    raw.by_ref().take(4).read_to_end(&mut magic).with_context(cannot_read)?;
    if magic == PARQUET {
        if path == Path::new(STDIN) {
            bail!(Input, "Parquet is read from its end, which a pipe does not have: name a file");
        }
        return Ok(Opened::Parquet(File::open(path).with_context(cannot_read)?));
    }
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(magic.clone()).chain(raw));
    let text: Box<dyn Read> = if magic.starts_with(GZIP) {
        Box::new(MultiGzDecoder::new(whole))
    } else if magic == ZSTD {
        Box::new(zstd::Decoder::with_buffer(whole).with_context(cannot_read)?)
    } else {
        Box::new(whole)
    };
    sniff(text).with_context(cannot_read)
}

/// By the first line that is not blank: a record of an event log, other JSON, a header with tabs in it, a header.
fn sniff(text: Box<dyn Read>) -> std::io::Result<Opened> {
    let mut text = BufReader::with_capacity(1 << 18, text);
    let mut header = Vec::new();
    let mut lines = text.by_ref().take(MOST_HEADER);
    while header.trim_ascii().is_empty() && lines.read_until(b'\n', &mut header)? > 0 {}
    let first = header.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&header).trim_ascii_start();
    let format = match first.first() {
        Some(b'{') if std::str::from_utf8(first).is_ok_and(LogRows::is_record) => Format::Log,
        Some(b'{') => Format::Json,
        _ if first.contains(&b'\t') => Format::Tsv,
        _ => Format::Csv,
    };
    Ok(Opened::Text { format, text: Box::new(Cursor::new(header).chain(text)) })
}
