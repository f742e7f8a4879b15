//! Reading people's files: which column is what, what a label means, and errors that name the file and the line.

mod delays;
mod events;
mod labels;
mod side;

pub(crate) use delays::read_delays;
pub(crate) use events::{Events, Interner};
pub(crate) use labels::{LabelRule, parse_label_map};
pub(crate) use side::{SideTable, read_notes};

use anyhow::{Context, Result, anyhow, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Which column of the events plays which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) user: String,
    pub(crate) item: String,
    pub(crate) label: String,
    /// Without one, the order of the file is the order of time.
    pub(crate) time: Option<String>,
}

/// A CSV file that is being read, with what its errors need.
struct Table {
    path: PathBuf,
    name: String,
    reader: Reader<BufReader<File>>,
    header: Vec<String>,
}

impl Table {
    fn open(path: &Path) -> Result<Table> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let mut reader = ReaderBuilder::new().from_reader(BufReader::with_capacity(1 << 18, file));
        let header = reader.headers().with_context(|| format!("{name}:1: the header cannot be read"))?;
        let header: Vec<String> =
            header.iter().map(|column| column.trim_start_matches('\u{feff}').to_owned()).collect();
        if header.iter().all(|column| column.is_empty()) {
            bail!("{name} is empty: a header line with the names of the columns is needed");
        }
        Ok(Table { path: path.to_owned(), name, reader, header })
    }

    /// The index of `column`; `flag` is what the person should set if the file calls it otherwise.
    fn column(&self, column: &str, flag: &str) -> Result<usize> {
        self.header.iter().position(|name| name == column).ok_or_else(|| {
            anyhow!(
                "{}:1: there is no column `{column}`; the columns are {}: name the right one with {flag}",
                self.name,
                self.header.join(", ")
            )
        })
    }

    /// Reads the next row; false at the end.
    fn read(&mut self, record: &mut ByteRecord) -> Result<bool> {
        self.reader.read_byte_record(record).map_err(|error| {
            let line = line(&self.path, error.position());
            match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => anyhow!(
                    "{}:{line}: the row has {len} cells, the header has {expected_len}: quote cells that hold a comma",
                    self.name
                ),
                _ => anyhow!("{}:{line}: {error}", self.name),
            }
        })
    }

    /// An error about one cell.
    fn bad(&self, record: &ByteRecord, column: usize, why: &str) -> anyhow::Error {
        let line = line(&self.path, record.position());
        let cell = String::from_utf8_lossy(&record[column]);
        anyhow!("{}:{line}: column `{}`: `{cell}` {why}", self.name, self.header[column])
    }

    fn text<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str> {
        std::str::from_utf8(&record[column])
            .map_err(|_| self.bad(record, column, "is not UTF-8: convert the file first"))
    }

    /// An id: any text but the empty one.
    fn id<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str> {
        match self.text(record, column)? {
            "" => Err(self.bad(record, column, "is empty: every row needs one")),
            id => Ok(id),
        }
    }

    fn number(&self, record: &ByteRecord, column: usize) -> Result<f64> {
        let number = std::str::from_utf8(&record[column]).ok().and_then(|cell| cell.trim().parse::<f64>().ok());
        number.filter(|x| x.is_finite()).ok_or_else(|| self.bad(record, column, "is not a finite number"))
    }
}

/// The line of a row, counted from 1. The reader's own count is of where it began to look, before blank lines and the
/// second half of a CRLF; so the file is gone over once more, which only an error needs.
fn line(path: &Path, position: Option<&csv::Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let count = || -> std::io::Result<u64> {
        let mut file = BufReader::new(File::open(path)?);
        let mut line = 1;
        let mut before = Vec::new();
        file.by_ref().take(position.byte()).read_to_end(&mut before)?;
        line += before.iter().filter(|byte| **byte == b'\n').count() as u64;
        loop {
            match file.fill_buf()?.first() {
                Some(b'\n') => line += 1,
                Some(b'\r') => {}
                _ => return Ok(line),
            }
            file.consume(1);
        }
    };
    count().unwrap_or(position.line())
}
