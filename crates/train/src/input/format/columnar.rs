//! Files by column: Parquet and Arrow IPC.

use super::cells::{self, Times};
use super::header::Header;
use super::row::{CONTEXT_FLAG, Reader, Row, Told, joined};
use crate::error::{Context, Result};
use crate::input::Columns;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_ipc::reader::FileReader;
use arrow_schema::{ArrowError, DataType, Schema, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::sync::Arc;

/// Rows that are decoded at a time.
const BATCH: usize = 8192;

/// A file by column, not read yet.
pub(crate) struct Batches {
    name: String,
    pub(crate) header: Header,
    schema: Arc<Schema>,
    source: Source,
}

enum Source {
    Parquet(Box<ParquetRecordBatchReaderBuilder<File>>),
    Arrow(File),
}

/// Some columns of it, some rows at a time.
pub(crate) type Read = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

impl Batches {
    pub(crate) fn open(name: &str, file: File, arrow: bool) -> Result<Batches> {
        let (schema, source) = if arrow {
            let copy = file.try_clone()?;
            (unbroken(|| FileReader::try_new(copy, None))?.schema(), Source::Arrow(file))
        } else {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(BATCH);
            (builder.schema().clone(), Source::Parquet(Box::new(builder)))
        };
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let header = Header { place: name.to_owned(), names };
        Ok(Batches { name: name.to_owned(), header, schema, source })
    }

    /// The rows, with these columns alone, in the order of the file.
    pub(crate) fn read(self, columns: &[usize]) -> Result<Read> {
        Ok(match self.source {
            Source::Parquet(builder) => {
                let mask = ProjectionMask::roots(builder.parquet_schema(), columns.iter().copied());
                Box::new(builder.with_projection(mask).build()?)
            }
            Source::Arrow(file) => {
                let mut columns = columns.to_vec();
                columns.sort_unstable();
                columns.dedup();
                let mut batches = unbroken(|| FileReader::try_new_buffered(file, Some(columns)))?;
                // After a fault nothing that is read can be trusted.
                let mut ended = false;
                let next = move || {
                    let next = if ended { None } else { unbroken(|| batches.next().transpose()).transpose() };
                    ended = !matches!(next, Some(Ok(_)));
                    next
                };
                Box::new(std::iter::from_fn(next))
            }
        })
    }
}

/// What comes of reading Arrow IPC; lengths that do not fit, which its reader panics of, are an error.
fn unbroken<T>(read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    let broken = || ArrowError::IpcError("the lengths in it do not fit: the file is damaged".into());
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).unwrap_or_else(|_| Err(broken()))
}

/// Texts of a column, or of what its lists hold.
pub(crate) fn texts(column: &ArrayRef) -> Result<StringArray> {
    // Numbers as a browser writes them: 1990, not 1990.0.
    if column.data_type().is_floating() {
        let numbers = cast(column, &DataType::Float64)?;
        return Ok(numbers.as_primitive::<Float64Type>().iter().map(|x| x.map(|x| x.to_string())).collect());
    }
    Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// What cannot be cast is an error, and no null.
fn cast(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(column, to, &CastOptions { safe: false, ..CastOptions::default() })?)
}

/// Events of a file by column.
pub(crate) struct ColumnarRows {
    name: String,
    columns: Columns,
    batches: Read,
    roles: Option<Roles>,
    /// The context of the row.
    values: String,
    /// The next row of the batch, and how many it has; rows that were given out.
    at: usize,
    batch: usize,
    row: u64,
    times: Times,
}

/// The columns of a batch.
struct Roles {
    user: Ids,
    item: Ids,
    slate: Option<Ids>,
    label: Numbers,
    time: Option<Numbers>,
    weight: Option<Numbers>,
    place: Option<Numbers>,
    propensity: Option<Numbers>,
    context: Vec<Ids>,
}

impl ColumnarRows {
    pub(crate) fn new(batches: Batches, columns: &Columns) -> Result<ColumnarRows> {
        let Columns { user, item, label, time, weight, slate, place, propensity, context } = columns;
        let (header, name) = (&batches.header, batches.name.clone());
        let kind = |at: usize| batches.schema.field(at).data_type();
        let ids = [(Some(user), "--user"), (Some(item), "--item"), (slate.as_ref(), "--slate")];
        let ids = ids.into_iter().chain(context.iter().map(|column| (Some(column), CONTEXT_FLAG)));
        let numbers = [
            (Some(label), "--label"),
            (time.as_ref(), "--time"),
            (weight.as_ref(), "--weight"),
            (place.as_ref(), "--place"),
            (propensity.as_ref(), "--propensity"),
        ];
        let mut wanted = Vec::new();
        for (column, flag) in ids.filter_map(|(column, flag)| Some((column?, flag))) {
            let at = header.column(column, flag)?;
            ensure!(
                is_id(kind(at)),
                Input,
                "{name}: column `{column}` is of {}: {} is a text or a whole number",
                kind(at),
                if flag == CONTEXT_FLAG { "a category" } else { "an id" }
            );
            wanted.push(at);
        }
        for (column, flag) in numbers.into_iter().filter_map(|(column, flag)| Some((column?, flag))) {
            let at = header.column(column, flag)?;
            let moment = is_moment(kind(at));
            ensure!(
                if moment { flag == "--time" } else { is_number(kind(at)) },
                Input,
                "{name}: column `{column}` is of {}: {}",
                kind(at),
                if moment { "a moment is no number" } else { "a number is needed, one a row" }
            );
            wanted.push(at);
        }
        let batches = batches.read(&wanted).with_context(|| format!("cannot read {name}"))?;
        let (columns, times) = (columns.clone(), Times::default());
        Ok(ColumnarRows { name, columns, batches, roles: None, values: String::new(), at: 0, batch: 0, row: 0, times })
    }

    /// Decodes the next batch; false at the end.
    fn decode(&mut self) -> Result<bool> {
        let Some(batch) = self.batches.next().transpose()? else { return Ok(false) };
        let Columns { user, item, label, time, weight, slate, place, propensity, context } = &self.columns;
        let column = |name: &str| {
            let column = batch.column_by_name(name).cloned();
            column.ok_or_else(|| crate::error::Error::Input(format!("a part of it has no column `{name}`")))
        };
        let ids =
            |name: &String| Ok::<_, crate::error::Error>(Ids { name: name.clone(), texts: texts(&column(name)?)? });
        let numbers = |name: &String| Numbers::new(name, &column(name)?);
        self.roles = Some(Roles {
            user: ids(user)?,
            item: ids(item)?,
            slate: slate.as_ref().map(ids).transpose()?,
            label: numbers(label)?,
            time: time.as_ref().map(numbers).transpose()?,
            weight: weight.as_ref().map(numbers).transpose()?,
            place: place.as_ref().map(numbers).transpose()?,
            propensity: propensity.as_ref().map(numbers).transpose()?,
            context: context.iter().map(ids).collect::<Result<_>>()?,
        });
        (self.at, self.batch) = (0, batch.num_rows());
        Ok(true)
    }
}

impl Reader for ColumnarRows {
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>> {
        while self.at == self.batch {
            if !self.decode().with_context(|| format!("cannot read {} behind row {}", self.name, self.row))? {
                return Ok(None);
            }
        }
        self.at += 1;
        self.row += 1;
        let Some(roles) = &self.roles else { return Ok(None) };
        Ok(Some(roles.row(self.at - 1, &mut self.times, &mut self.values)))
    }

    fn place(&self) -> String {
        format!("{}: row {}", self.name, self.row)
    }

    fn finish(&mut self) -> Told {
        Told { times: self.times, ..Told::default() }
    }
}

impl Roles {
    fn row<'r>(&'r self, at: usize, times: &mut Times, values: &'r mut String) -> Result<Row<'r>, String> {
        let number = |numbers: &Option<Numbers>| numbers.as_ref().map(|of| of.read(at, cells::number)).transpose();
        let time = |of: &Numbers| match of.values {
            Values::Moments(..) => {
                times.keep(Times::Dates).map_err(|why| of.bad("", &why)).and_then(|()| of.read(at, cells::number))
            }
            Values::Numbers(_) => {
                times.keep(Times::Numbers).map_err(|why| of.bad("", &why)).and_then(|()| of.read(at, cells::number))
            }
            Values::Texts(_) => of.read(at, |text| times.read(text)),
        };
        Ok(Row {
            user: self.user.id(at)?,
            item: self.item.id(at)?,
            label: self.label.read(at, cells::label)?,
            time: self.time.as_ref().map(time).transpose()?,
            weight: number(&self.weight)?,
            slate: self.slate.as_ref().map(|slate| slate.id(at)).transpose()?,
            place: number(&self.place)?,
            propensity: number(&self.propensity)?,
            context: (!self.context.is_empty())
                .then(|| joined(values, self.context.iter().map(|of| Ok(of.text(at)))))
                .transpose()?,
        })
    }
}

/// A column of ids.
struct Ids {
    name: String,
    texts: StringArray,
}

impl Ids {
    fn text(&self, at: usize) -> &str {
        if self.texts.is_null(at) { "" } else { self.texts.value(at) }
    }

    fn id(&self, at: usize) -> Result<&str, String> {
        let id = self.text(at);
        if id.is_empty() { Err(format!("column `{}`: is empty: every row needs one", self.name)) } else { Ok(id) }
    }
}

/// A column of numbers, of texts that are some, or of moments.
struct Numbers {
    name: String,
    values: Values,
}

enum Values {
    Numbers(Float64Array),
    Texts(StringArray),
    /// With so many parts of a second each.
    Moments(Int64Array, f64),
}

impl Numbers {
    fn new(name: &str, column: &ArrayRef) -> Result<Numbers> {
        let parts = match column.data_type() {
            DataType::Date32 => Some(1.0 / 86_400.0),
            DataType::Date64 | DataType::Timestamp(TimeUnit::Millisecond, _) => Some(1e3),
            DataType::Timestamp(TimeUnit::Second, _) => Some(1.0),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Some(1e6),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => Some(1e9),
            _ => None,
        };
        let values = match parts {
            Some(parts) => {
                // Days are 32 bits wide, and become 64 by way of themselves.
                let column = if parts < 1.0 { cast(column, &DataType::Int32)? } else { column.clone() };
                Values::Moments(cast(&column, &DataType::Int64)?.as_primitive::<Int64Type>().clone(), parts)
            }
            None if is_text(column.data_type()) => Values::Texts(texts(column)?),
            None => Values::Numbers(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
        };
        Ok(Numbers { name: name.to_owned(), values })
    }

    fn read(&self, at: usize, read: impl FnOnce(&str) -> Result<f64, String>) -> Result<f64, String> {
        let null = match &self.values {
            Values::Numbers(numbers) => numbers.is_null(at),
            Values::Texts(texts) => texts.is_null(at),
            Values::Moments(moments, _) => moments.is_null(at),
        };
        if null {
            return Err(self.bad("null", "is no number"));
        }
        match &self.values {
            Values::Numbers(numbers) if numbers.value(at).is_finite() => Ok(numbers.value(at)),
            Values::Numbers(numbers) => Err(self.bad(&numbers.value(at).to_string(), "is not a finite number")),
            Values::Texts(texts) => read(texts.value(at)).map_err(|why| self.bad(texts.value(at), &why)),
            Values::Moments(moments, parts) => Ok(moments.value(at) as f64 / parts),
        }
    }

    fn bad(&self, value: &str, why: &str) -> String {
        format!("column `{}`: `{value}` {why}", self.name)
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => matches!(
            kind,
            DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
        ),
    }
}

fn is_id(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_id(value),
        kind => is_text(kind) || kind.is_integer(),
    }
}

fn is_number(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_number(value),
        kind => is_text(kind) || kind.is_numeric() || *kind == DataType::Boolean,
    }
}

fn is_moment(kind: &DataType) -> bool {
    matches!(kind, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
}
