//! What a file is, by its first bytes.

use super::columnar::Batches;
use super::compressed::{ensure_readable, unpack};
use super::decoded::Decoded;
use super::log::LogRows;
use super::objects::{JsonText, Object};
use super::text::{Format, Text};
use crate::error::{Context, Result};
use crate::input::{Dialect, InputFile, Quoting};
use crate::watch::{Progress, Watched};
use encoding_rs::{Encoding, UTF_8};
use std::io::{BufRead, BufReader, Cursor, Read};
use std::sync::Arc;

/// A file, known by what is in it and not by its name.
pub(crate) enum Opened {
    Text(Text),
    Columnar(Batches),
}

impl Opened {
    /// The names of the columns, if the beginning of the file tells them.
    pub(crate) fn names(&self, quoting: Quoting) -> Option<Vec<String>> {
        let text = match self {
            Opened::Columnar(batches) => return Some(batches.header.names.clone()),
            Opened::Text(text) => text,
        };
        match text.format {
            Format::Table(separator) => {
                let mut header = csv::ReaderBuilder::new();
                header.delimiter(separator).quoting(quoting == Quoting::Cells).has_headers(false);
                let record = header.from_reader(&text.header[..]).records().next()?.ok()?;
                Some(record.iter().map(|name| name.trim().to_owned()).collect())
            }
            Format::Json => Some(Object::parse(&text.header).ok()?.keys().map(str::to_owned).collect()),
            Format::Objects | Format::Log => None,
        }
    }
}

const PARQUET: &[u8] = b"PAR1";
const ARROW: &[u8] = b"ARROW1";
/// Bytes that tell what a file is.
const MAGIC: u64 = 6;
/// A first line longer than this is none. That of an event log carries a profile.
const MOST_HEADER: usize = 1 << 24;

/// Opens a file, or standard input, unpacks it if it is packed and makes UTF-8 of it. `progress` is told of the bytes of the file.
pub(crate) fn open(file: &InputFile, dialect: Dialect, progress: &Arc<dyn Progress>) -> Result<Opened> {
    let name = file.to_string();
    let cannot_read = || format!("cannot read {name}");
    let mut raw: Box<dyn Read> = Box::new(Watched { inner: file.open()?, progress: progress.clone() });
    let mut magic = Vec::new();
    raw.by_ref().take(MAGIC).read_to_end(&mut magic).with_context(cannot_read)?;
    ensure_readable(&name, &magic)?;
    if magic.starts_with(PARQUET) || magic == ARROW {
        let whole = Cursor::new(magic.clone()).chain(raw);
        let batches = Batches::open(&name, file.seekable(whole)?, magic == ARROW).with_context(cannot_read)?;
        return Ok(Opened::Columnar(batches));
    }
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(magic.clone()).chain(raw));
    let text = BufReader::with_capacity(1 << 18, unpack(&magic, whole).with_context(cannot_read)?);
    sniff(&name, decoded(&name, text, dialect.encoding)?, dialect.quoting).with_context(cannot_read)
}

/// As UTF-8.
fn decoded(name: &str, mut text: impl BufRead + 'static, encoding: Option<&'static Encoding>) -> Result<Box<dyn Read>> {
    let first = text.fill_buf().with_context(|| format!("cannot read {name}"))?;
    let marked = Encoding::for_bom(first).map(|(encoding, _)| encoding);
    let zeros = first.iter().take(64).filter(|byte| **byte == 0).count();
    ensure!(
        zeros == 0 || marked.is_some() || encoding.is_some(),
        Input,
        "{name} is no text in UTF-8: if it is in UTF-16, say --encoding utf-16le (or utf-16be); else save it as CSV, JSON or Parquet"
    );
    Ok(match encoding.or(marked).filter(|encoding| *encoding != UTF_8) {
        Some(encoding) => Box::new(Decoded::new(text, encoding)),
        None => Box::new(text),
    })
}

/// By the first line that is neither blank nor a comment: a record of an event log, other JSON, a header.
fn sniff(name: &str, text: Box<dyn Read>, quoting: Quoting) -> Result<Opened> {
    let mut text = BufReader::with_capacity(1 << 18, text);
    let (mut line, mut comments, mut end) = (1, Vec::new(), b'\n');
    let mut raw = Vec::new();
    loop {
        raw.clear();
        let Some(ended) = read_line(&mut text, &mut raw)? else { break };
        end = ended;
        let trimmed = first_line(&raw);
        if trimmed.starts_with(b"#") {
            comments.push(raw.clone());
        } else if !trimmed.is_empty() {
            break;
        }
        line += 1;
    }
    let mut separator = separator(first_line(&raw), quoting);
    // A header may begin with a # as well: it has as many columns as what follows.
    let count = |line: &[u8]| line.iter().filter(|byte| **byte == separator).count();
    let mut body = raw.clone();
    if let Some(last) = comments.last().filter(|last| count(last) > 0 && count(last) == count(&raw)) {
        (body, line) = ([&last[..], &raw[..]].concat(), line - 1);
        raw = comments.pop().unwrap_or_default();
        separator = self::separator(first_line(&raw), quoting);
    }
    let header = first_line(&raw);
    let format = match header.first() {
        Some(b'{') if std::str::from_utf8(header).is_ok_and(LogRows::is_record) => Format::Log,
        Some(b'{') if !JsonText::breaks_off(header) => Format::Json,
        Some(b'{' | b'[') => Format::Objects,
        _ => Format::Table(separator),
    };
    let mut said = Vec::new();
    if !comments.is_empty() {
        said.push(format!("{} lines that begin with # are passed over", comments.len()));
    }
    if let Format::Table(separator @ (b';' | b'|')) = format {
        said.push(format!("cells are separated by `{}`", char::from(separator)));
    }
    let said = (!said.is_empty()).then(|| format!("{name}: {}", said.join("; ")));
    let header = header.trim_ascii_end().to_vec();
    Ok(Opened::Text(Text { format, body: Box::new(Cursor::new(body).chain(text)), header, line, end, said }))
}

/// Without a mark and spaces before it.
fn first_line(raw: &[u8]) -> &[u8] {
    raw.strip_prefix(b"\xef\xbb\xbf").unwrap_or(raw).trim_ascii_start()
}

/// Adds the next line, and says what ends it; None at the end of the file. A carriage return ends a line where no line feed follows.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> Result<Option<u8>> {
    while line.len() < MOST_HEADER {
        let bytes = text.fill_buf()?;
        if bytes.is_empty() {
            return Ok((!line.is_empty()).then_some(b'\n'));
        }
        let Some(at) = memchr::memchr2(b'\n', b'\r', bytes) else {
            let n = bytes.len();
            line.extend_from_slice(bytes);
            text.consume(n);
            continue;
        };
        let end = bytes[at];
        line.extend_from_slice(&bytes[..=at]);
        text.consume(at + 1);
        if end == b'\r' {
            if text.fill_buf()?.first() != Some(&b'\n') {
                return Ok(Some(b'\r'));
            }
            line.push(b'\n');
            text.consume(1);
        }
        return Ok(Some(b'\n'));
    }
    Ok(Some(b'\n'))
}

/// A tab if there is one, else what there is most of, a comma before others.
fn separator(header: &[u8], quoting: Quoting) -> u8 {
    let (mut counts, mut quoted) = ([0; 3], false);
    for byte in header {
        quoted ^= *byte == b'"' && quoting == Quoting::Cells;
        match byte {
            b'\t' if !quoted => return b'\t',
            b',' if !quoted => counts[0] += 1,
            b';' if !quoted => counts[1] += 1,
            b'|' if !quoted => counts[2] += 1,
            _ => {}
        }
    }
    let most = counts.into_iter().max().unwrap_or(0);
    if counts[0] == most {
        b','
    } else if counts[1] == most {
        b';'
    } else {
        b'|'
    }
}
