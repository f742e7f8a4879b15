//! Comma- and tab-separated values: of events, and of what is said of items and users.

use super::lines::Lines;
use super::open::{Format, Opened, open};
use super::row::{Reader, Row};
use crate::error::{Context, Error, Result};
use crate::input::Columns;
use crate::watch::{Length, Watch};
use csv::{ByteRecord, ReaderBuilder};
use std::io::Read;
use std::path::Path;

/// Comma- or tab-separated values that are being read, with what errors need.
pub(crate) struct Table {
    name: String,
    reader: csv::Reader<Lines<Box<dyn Read>>>,
    pub(crate) header: Vec<String>,
}

impl Table {
    pub(crate) fn open(path: &Path, watch: &dyn Watch) -> Result<Table> {
        let length = std::fs::metadata(path).map_or(0, |file| file.len());
        let progress = watch.begin(&format!("reading {}", path.display()), Length::Bytes(length));
        match open(path, &progress)? {
            Opened::Text { format: format @ (Format::Csv | Format::Tsv), text } => Table::new(path, format, text),
            _ => bail!(Input, "{}: only events are read from JSON and Parquet: make it a CSV file", path.display()),
        }
    }

    pub(crate) fn new(path: &Path, format: Format, text: Box<dyn Read>) -> Result<Table> {
        let name = path.display().to_string();
        let delimiter = if format == Format::Tsv { b'\t' } else { b',' };
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).buffer_capacity(1 << 18).from_reader(Lines::new(text));
        let header = reader.headers().with_context(|| format!("{name}:1: the header cannot be read"))?;
        let header: Vec<String> =
            header.iter().map(|column| column.trim_start_matches('\u{feff}').to_owned()).collect();
        if header.iter().all(|column| column.is_empty()) {
            bail!(Input, "{name} is empty: a header line with the names of the columns is needed");
        }
        Ok(Table { name, reader, header })
    }

    /// The index of `column`; `flag` is what the person should set if the file calls it otherwise.
    pub(crate) fn column(&self, column: &str, flag: &str) -> Result<usize> {
        self.header.iter().position(|name| name == column).ok_or_else(|| {
            Error::Input(format!(
                "{}:1: there is no column `{column}`; the columns are {}: name the right one with {flag}",
                self.name,
                self.header.join(", ")
            ))
        })
    }

    /// Reads the next row; false at the end. What is wrong with the row alone leaves those behind it readable.
    pub(crate) fn read(&mut self, record: &mut ByteRecord) -> Result<Result<bool, String>> {
        match self.reader.read_byte_record(record) {
            Ok(more) => Ok(Ok(more)),
            Err(error) => match error.kind() {
                csv::ErrorKind::UnequalLengths { expected_len, len, .. } => Ok(Err(format!(
                    "the row has {len} cells, the header has {expected_len}: quote cells that hold a separator"
                ))),
                _ => Err(error).with_context(|| format!("{} cannot be read further", self.place(record))),
            },
        }
    }

    /// File and line of a row.
    pub(crate) fn place(&self, record: &ByteRecord) -> String {
        let offset = record.position().map_or(0, csv::Position::byte);
        format!("{}:{}", self.name, self.reader.get_ref().line(offset))
    }

    /// What is wrong with one cell.
    pub(crate) fn bad(&self, record: &ByteRecord, column: usize, why: &str) -> String {
        format!("column `{}`: `{}` {why}", self.header[column], String::from_utf8_lossy(&record[column]))
    }

    pub(crate) fn text<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, String> {
        std::str::from_utf8(&record[column])
            .map_err(|_| self.bad(record, column, "is not UTF-8: convert the file first"))
    }

    /// An id: any text but the empty one.
    pub(crate) fn id<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, String> {
        match self.text(record, column)? {
            "" => Err(self.bad(record, column, "is empty: every row needs one")),
            id => Ok(id),
        }
    }

    pub(crate) fn number(&self, record: &ByteRecord, column: usize) -> Result<f64, String> {
        let number = std::str::from_utf8(&record[column]).ok().and_then(|cell| cell.trim().parse::<f64>().ok());
        number.filter(|x| x.is_finite()).ok_or_else(|| self.bad(record, column, "is not a finite number"))
    }
}

/// Events, a row each.
pub(crate) struct TableRows {
    table: Table,
    record: ByteRecord,
    user: usize,
    item: usize,
    label: usize,
    time: Option<usize>,
    weight: Option<usize>,
    slate: Option<usize>,
    place: Option<usize>,
    propensity: Option<usize>,
}

impl TableRows {
    pub(crate) fn new(table: Table, columns: &Columns) -> Result<TableRows> {
        let optional = |column: &Option<String>, flag| column.as_deref().map(|c| table.column(c, flag)).transpose();
        Ok(TableRows {
            user: table.column(&columns.user, "--user")?,
            item: table.column(&columns.item, "--item")?,
            label: table.column(&columns.label, "--label")?,
            time: optional(&columns.time, "--time")?,
            weight: optional(&columns.weight, "--weight")?,
            slate: optional(&columns.slate, "--slate")?,
            place: optional(&columns.place, "--place")?,
            propensity: optional(&columns.propensity, "--propensity")?,
            table,
            record: ByteRecord::new(),
        })
    }

    fn row(&self) -> Result<Row<'_>, String> {
        let TableRows { table, record, .. } = self;
        let optional = |column: Option<usize>| column.map(|column| table.number(record, column)).transpose();
        let id = |column: usize| table.id(record, column);
        Ok(Row {
            label: table.number(record, self.label)?,
            time: optional(self.time)?,
            weight: optional(self.weight)?,
            user: id(self.user)?,
            item: id(self.item)?,
            slate: self.slate.map(id).transpose()?,
            place: optional(self.place)?,
            propensity: optional(self.propensity)?,
        })
    }
}

impl Reader for TableRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        Ok(match self.table.read(&mut self.record)? {
            Ok(true) => Some(self.row()),
            Ok(false) => None,
            Err(why) => Some(Err(why)),
        })
    }

    fn place(&self) -> String {
        self.table.place(&self.record)
    }
}
