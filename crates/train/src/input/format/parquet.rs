//! Events as Parquet.

use super::row::{Reader, Row};
use crate::error::{Context, Error, Result};
use crate::input::Columns;
use parquet::basic::{LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;
use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;

/// Rows that are decoded at a time.
const BATCH: usize = 8192;

/// Events of a Parquet file, column by column and row group by row group.
pub(crate) struct ParquetRows {
    name: String,
    reader: SerializedFileReader<File>,
    roles: Roles,
    /// Row groups that were begun, rows of this one that are not decoded yet, rows that were given out.
    groups: usize,
    left: usize,
    row: u64,
    /// The next row of the batch, and how many it has.
    at: usize,
    batch: usize,
}

/// The columns that are read.
struct Roles {
    user: Ids,
    item: Ids,
    slate: Option<Ids>,
    label: Numbers,
    time: Option<Numbers>,
    weight: Option<Numbers>,
    place: Option<Numbers>,
    propensity: Option<Numbers>,
}

impl Roles {
    fn ids(&mut self) -> impl Iterator<Item = &mut Ids> {
        [&mut self.user, &mut self.item].into_iter().chain(&mut self.slate)
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut Numbers> {
        let Roles { label, time, weight, place, propensity, .. } = self;
        std::iter::once(label).chain([time, weight, place, propensity].into_iter().flatten())
    }
}

impl ParquetRows {
    pub(crate) fn new(path: &Path, file: File, columns: &Columns) -> Result<ParquetRows> {
        let name = path.display().to_string();
        let reader = SerializedFileReader::new(file).with_context(|| format!("cannot read {name}"))?;
        let find = |column: &str, flag: &str| Source::find(&name, &reader, column, flag);
        let number = |column: &Option<String>, flag: &str| {
            column.as_deref().map(|column| Ok::<_, crate::error::Error>(Numbers::new(find(column, flag)?))).transpose()
        };
        let roles = Roles {
            user: Ids::new(find(&columns.user, "--user")?),
            item: Ids::new(find(&columns.item, "--item")?),
            slate: columns.slate.as_deref().map(|column| find(column, "--slate").map(Ids::new)).transpose()?,
            label: Numbers::new(find(&columns.label, "--label")?),
            time: number(&columns.time, "--time")?,
            weight: number(&columns.weight, "--weight")?,
            place: number(&columns.place, "--place")?,
            propensity: number(&columns.propensity, "--propensity")?,
        };
        Ok(ParquetRows { name, reader, roles, groups: 0, left: 0, row: 0, at: 0, batch: 0 })
    }

    /// Decodes the next batch; false at the end.
    fn decode(&mut self) -> Result<bool> {
        while self.left == 0 {
            if self.groups == self.reader.num_row_groups() {
                return Ok(false);
            }
            let group = self.reader.get_row_group(self.groups)?;
            self.groups += 1;
            self.left = usize::try_from(group.metadata().num_rows())?;
            let open = |source: &mut Source| -> Result<()> {
                source.reader = Some(group.get_column_reader(source.column)?);
                Ok(())
            };
            self.roles.ids().try_for_each(|ids| open(&mut ids.source))?;
            self.roles.numbers().try_for_each(|numbers| open(&mut numbers.source))?;
        }
        let rows = self.left.min(BATCH);
        self.roles.ids().try_for_each(|ids| ids.decode(rows))?;
        self.roles.numbers().try_for_each(|numbers| numbers.decode(rows))?;
        self.left -= rows;
        (self.at, self.batch) = (0, rows);
        Ok(true)
    }

    fn current(&self) -> Result<Row<'_>, String> {
        let (at, roles) = (self.at - 1, &self.roles);
        let optional = |numbers: &Option<Numbers>| numbers.as_ref().map(|numbers| numbers.number(at)).transpose();
        Ok(Row {
            user: roles.user.id(at)?,
            item: roles.item.id(at)?,
            label: roles.label.number(at)?,
            time: optional(&roles.time)?,
            weight: optional(&roles.weight)?,
            slate: roles.slate.as_ref().map(|slate| slate.id(at)).transpose()?,
            place: optional(&roles.place)?,
            propensity: optional(&roles.propensity)?,
        })
    }
}

impl Reader for ParquetRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        if self.at == self.batch
            && !self.decode().with_context(|| format!("cannot read {} behind row {}", self.name, self.row))?
        {
            return Ok(None);
        }
        self.at += 1;
        self.row += 1;
        Ok(Some(self.current()))
    }

    fn place(&self) -> String {
        format!("{}: row {}", self.name, self.row)
    }
}

/// One column of the file.
struct Source {
    name: String,
    column: usize,
    /// The definition level of a value that is there.
    there: i16,
    unsigned: bool,
    /// Of the row group that is being read.
    reader: Option<ColumnReader>,
}

impl Source {
    fn find(file: &str, reader: &SerializedFileReader<File>, name: &str, flag: &str) -> Result<Source> {
        let schema = reader.metadata().file_metadata().schema_descr();
        let columns = schema.columns();
        let path = |column: &ColumnDescriptor| column.path().string();
        let column = columns.iter().position(|column| path(column) == name).ok_or_else(|| {
            let names: Vec<String> = columns.iter().map(|column| path(column)).collect();
            let names = names.join(", ");
            Error::Input(format!(
                "{file}: there is no column `{name}`; the columns are {names}: name the right one with {flag}"
            ))
        })?;
        let found = &columns[column];
        if found.max_rep_level() > 0 {
            bail!(Input, "{file}: column `{name}` holds lists: a row needs one value");
        }
        let kind = found.logical_type_ref();
        if matches!(kind, Some(LogicalType::Decimal(_))) {
            bail!(Input, "{file}: column `{name}` holds decimals: make it a column of doubles");
        }
        let unsigned = matches!(kind, Some(LogicalType::Integer(kind)) if !kind.is_signed);
        Ok(Source { name: name.to_owned(), column, there: found.max_def_level(), unsigned, reader: None })
    }

    /// Reads so many rows and calls `take` with each value, or with nothing where there is none.
    fn each<T: DataType>(
        reader: &mut ColumnReaderImpl<T>,
        there: i16,
        rows: usize,
        mut take: impl FnMut(Option<&T::T>) -> Result<()>,
    ) -> Result<()> {
        let (mut values, mut levels) = (Vec::with_capacity(rows), Vec::new());
        let (mut records, mut value) = (0, 0);
        while records < rows {
            let (read, ..) = reader.read_records(rows - records, Some(&mut levels), None, &mut values)?;
            if read == 0 {
                bail!(Input, "a column ends before the others");
            }
            records += read;
        }
        for row in 0..rows {
            // A column that must be there has no levels.
            if levels.get(row).is_some_and(|&level| level < there) {
                take(None)?;
            } else {
                take(values.get(value))?;
                value += 1;
            }
        }
        Ok(())
    }

    fn bad(&self, why: &str) -> String {
        format!("column `{}`: {why}", self.name)
    }
}

/// A column of ids: texts or whole numbers.
struct Ids {
    source: Source,
    /// Those of a batch, one behind the other. What is null is empty.
    text: String,
    ends: Vec<usize>,
}

impl Ids {
    fn new(source: Source) -> Ids {
        Ids { source, text: String::new(), ends: Vec::new() }
    }

    fn decode(&mut self, rows: usize) -> Result<()> {
        let Ids { source, text, ends } = self;
        text.clear();
        ends.clear();
        let there = source.there;
        let mut end = |text: &String| {
            ends.push(text.len());
            Ok(())
        };
        match source.reader.as_mut() {
            Some(ColumnReader::ByteArrayColumnReader(reader)) => Source::each(reader, there, rows, |id| {
                let id = id.map_or(&[][..], |id| id.data());
                text.push_str(std::str::from_utf8(id).with_context(|| format!("`{}` is not UTF-8", source.name))?);
                end(text)
            }),
            Some(ColumnReader::Int64ColumnReader(reader)) => Source::each(reader, there, rows, |id| {
                match id {
                    Some(&id) if source.unsigned => write!(text, "{}", id as u64)?,
                    Some(id) => write!(text, "{id}")?,
                    None => {}
                }
                end(text)
            }),
            Some(ColumnReader::Int32ColumnReader(reader)) => Source::each(reader, there, rows, |id| {
                match id {
                    Some(&id) if source.unsigned => write!(text, "{}", id as u32)?,
                    Some(id) => write!(text, "{id}")?,
                    None => {}
                }
                end(text)
            }),
            other => bail!(Input, "column `{}` is of {}: an id is a text or a whole number", source.name, kind(other)),
        }
    }

    fn id(&self, at: usize) -> Result<&str, String> {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        match &self.text[start..self.ends[at]] {
            "" => Err(self.source.bad("is empty: every row needs one")),
            id => Ok(id),
        }
    }
}

/// A column of numbers. What is null is not finite.
struct Numbers {
    source: Source,
    values: Vec<f64>,
}

impl Numbers {
    fn new(source: Source) -> Numbers {
        Numbers { source, values: Vec::new() }
    }

    fn decode(&mut self, rows: usize) -> Result<()> {
        let Numbers { source, values } = self;
        values.clear();
        let there = source.there;
        let mut push = |value: Option<f64>| {
            values.push(value.unwrap_or(f64::NAN));
            Ok(())
        };
        match source.reader.as_mut() {
            Some(ColumnReader::BoolColumnReader(r)) => {
                Source::each(r, there, rows, |x| push(x.map(|&x| f64::from(u8::from(x)))))
            }
            Some(ColumnReader::Int32ColumnReader(r)) => Source::each(r, there, rows, |x| push(x.map(|&x| x.into()))),
            Some(ColumnReader::Int64ColumnReader(r)) => Source::each(r, there, rows, |x| push(x.map(|&x| x as f64))),
            Some(ColumnReader::Int96ColumnReader(r)) => {
                Source::each(r, there, rows, |x| push(x.map(|x| x.to_millis() as f64)))
            }
            Some(ColumnReader::FloatColumnReader(r)) => Source::each(r, there, rows, |x| push(x.map(|&x| x.into()))),
            Some(ColumnReader::DoubleColumnReader(r)) => Source::each(r, there, rows, |x| push(x.copied())),
            other => bail!(Input, "column `{}` is of {}: a number is needed", source.name, kind(other)),
        }
    }

    fn number(&self, at: usize) -> Result<f64, String> {
        let number = self.values[at];
        if number.is_finite() { Ok(number) } else { Err(self.source.bad("is null or not a finite number")) }
    }
}

fn kind(reader: Option<&mut ColumnReader>) -> Type {
    match reader {
        Some(ColumnReader::BoolColumnReader(_)) => Type::BOOLEAN,
        Some(ColumnReader::Int32ColumnReader(_)) => Type::INT32,
        Some(ColumnReader::Int64ColumnReader(_)) => Type::INT64,
        Some(ColumnReader::Int96ColumnReader(_)) => Type::INT96,
        Some(ColumnReader::FloatColumnReader(_)) => Type::FLOAT,
        Some(ColumnReader::DoubleColumnReader(_)) => Type::DOUBLE,
        Some(ColumnReader::FixedLenByteArrayColumnReader(_)) => Type::FIXED_LEN_BYTE_ARRAY,
        Some(ColumnReader::ByteArrayColumnReader(_)) | None => Type::BYTE_ARRAY,
    }
}
