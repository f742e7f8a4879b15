//! Cells between separators: comma- and tab-separated values, and what else people separate cells by.

use super::cells::{Times, label, number};
use super::header::Header;
use super::lines::Lines;
use super::quotes::{Fault, Quotes};
use super::row::{CONTEXT_FLAG, Reader, Row, Told, joined};
use super::text::Text;
use crate::error::{Context, Error, Result};
use crate::input::{Columns, InputFile, Quoting};
use csv::{ByteRecord, ReaderBuilder};
use std::io::Read;

/// A table that is being read, with what errors need.
pub(crate) struct Table {
    name: String,
    reader: csv::Reader<Lines<Box<dyn Read>>>,
    pub(crate) header: Header,
    quoting: Quoting,
    /// Whether there are spaces around cells, which are no part of them.
    spaced: bool,
}

impl Table {
    pub(crate) fn new(file: &InputFile, separator: u8, text: Text, quoting: Quoting) -> Result<Table> {
        let Text { body, line, end, .. } = text;
        let name = file.to_string();
        let quotes = (quoting == Quoting::Cells).then(|| Quotes::new(separator));
        let reader = ReaderBuilder::new()
            .delimiter(separator)
            .quoting(quoting == Quoting::Cells)
            .has_headers(false)
            .buffer_capacity(1 << 18)
            .from_reader(Lines::new(body, line, end, quotes));
        let place = format!("{name}:{line}");
        let header = Header { place, names: Vec::new() };
        let mut table = Table { name, reader, header, quoting, spaced: false };
        let mut first = ByteRecord::new();
        if let Err(why) = table.read(&mut first)? {
            bail!(Input, "{}: {why}", table.header.place);
        }
        let cells = first.iter().map(|cell| {
            std::str::from_utf8(cell)
                .map_err(|_| Error::Input(format!("{}: the header {NOT_UTF8}", table.header.place)))
        });
        let names: Vec<String> =
            cells.map(|cell| Ok(cell?.trim_start_matches('\u{feff}').to_owned())).collect::<Result<_>>()?;
        ensure!(
            names.iter().any(|name| !name.is_empty()),
            Input,
            "{} is empty: a header line with the names of the columns is needed",
            table.name
        );
        table.spaced = names.iter().any(|name| name.trim() != name);
        table.header.names = names.iter().map(|name| name.trim().to_owned()).collect();
        Ok(table)
    }

    /// What is worth a word of how cells are written.
    pub(crate) fn said(&self) -> Option<String> {
        self.spaced.then(|| format!("{}: spaces around cells are left out", self.name))
    }

    /// The index of `column`; `flag` is what the person should set if the file calls it otherwise.
    pub(crate) fn column(&self, column: &str, flag: &str) -> Result<usize> {
        self.header.column(column, flag)
    }

    /// Reads the next row; false at the end. What is wrong with the row alone leaves those behind it readable.
    pub(crate) fn read(&mut self, record: &mut ByteRecord) -> Result<Result<bool, String>> {
        let error = match self.reader.read_byte_record(record) {
            Ok(more) => return Ok(Ok(more)),
            Err(error) => error,
        };
        if let Some(Fault { line, why }) = &self.reader.get_ref().fault {
            bail!(Input, "{}:{line}: {why}", self.name);
        }
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let comment = record.get(0).is_some_and(|cell| cell.starts_with(b"#"));
                Ok(Err(format!(
                    "the row has {len} cells, the header has {expected_len}: {}",
                    if comment {
                        "lines that begin with # are passed over before the header alone"
                    } else {
                        "quote cells that hold a separator"
                    }
                )))
            }
            _ => Err(error).with_context(|| format!("{} cannot be read further", self.place(record))),
        }
    }

    /// File and line of a row.
    pub(crate) fn place(&self, record: &ByteRecord) -> String {
        let offset = record.position().map_or(0, csv::Position::byte);
        format!("{}:{}", self.name, self.reader.get_ref().line(offset))
    }

    /// What is wrong with one cell.
    pub(crate) fn bad(&self, record: &ByteRecord, column: usize, why: &str) -> String {
        format!("column `{}`: `{}` {why}", self.header.names[column], String::from_utf8_lossy(&record[column]))
    }

    pub(crate) fn text<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, String> {
        let text = std::str::from_utf8(&record[column]).map_err(|_| self.bad(record, column, NOT_UTF8))?;
        if !self.spaced {
            return Ok(text);
        }
        let trimmed = text.trim();
        if trimmed.starts_with('"') && self.quoting == Quoting::Cells {
            return Err(self.bad(record, column, "has a space before its quote: take the space out"));
        }
        Ok(trimmed)
    }

    /// An id: any text but the empty one.
    fn id<'r>(&self, record: &'r ByteRecord, column: usize) -> Result<&'r str, String> {
        match self.text(record, column)? {
            "" => Err(self.bad(record, column, "is empty: every row needs one")),
            id => Ok(id),
        }
    }

    fn read_as(
        &self,
        record: &ByteRecord,
        column: usize,
        read: impl FnOnce(&str) -> Result<f64, String>,
    ) -> Result<f64, String> {
        read(self.text(record, column)?).map_err(|why| self.bad(record, column, &why))
    }

    /// Cells that span lines, which a table of events seldom has.
    fn several_lines(&self) -> Option<String> {
        let quotes = self.reader.get_ref().quotes.as_ref().filter(|quotes| quotes.several > 0)?;
        let Quotes { several, first_several: line, .. } = quotes;
        Some(format!("{}: {several} cells span several lines, the first from line {line} on", self.name))
    }
}

const NOT_UTF8: &str = "is not UTF-8: say what it is with --encoding, as in --encoding latin1";

/// Events, a row each.
pub(crate) struct TableRows {
    table: Table,
    record: ByteRecord,
    times: Times,
    user: usize,
    item: usize,
    label: usize,
    time: Option<usize>,
    weight: Option<usize>,
    slate: Option<usize>,
    place: Option<usize>,
    propensity: Option<usize>,
    context: Vec<usize>,
    /// Those of the row.
    values: String,
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
            context: columns.context.iter().map(|c| table.column(c, CONTEXT_FLAG)).collect::<Result<_>>()?,
            values: String::new(),
            table,
            record: ByteRecord::new(),
            times: Times::default(),
        })
    }

    fn row(&mut self) -> Result<Row<'_>, String> {
        let TableRows { table, record, times, values, .. } = self;
        let context = self.context.iter().map(|&column| table.text(record, column));
        let context = (!self.context.is_empty()).then(|| joined(values, context)).transpose()?;
        let numbers = |column: Option<usize>| column.map(|column| table.read_as(record, column, number)).transpose();
        let id = |column: usize| table.id(record, column);
        Ok(Row {
            label: table.read_as(record, self.label, label)?,
            time: self.time.map(|column| table.read_as(record, column, |text| times.read(text))).transpose()?,
            weight: numbers(self.weight)?,
            user: id(self.user)?,
            item: id(self.item)?,
            slate: self.slate.map(id).transpose()?,
            place: numbers(self.place)?,
            propensity: numbers(self.propensity)?,
            context,
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

    fn finish(&mut self) -> Told {
        Told { warning: self.table.several_lines(), times: self.times, ..Told::default() }
    }
}
