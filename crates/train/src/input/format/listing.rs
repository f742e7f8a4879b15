//! Files that say things of items, of users or of events, in any format: cells by column.

use super::columnar::{Batches, texts};
use super::header::Header;
use super::objects::{JsonText, Object, scalar};
use super::open::{Opened, open};
use super::table::Table;
use super::text::Format;
use crate::error::{Context, Error, Result};
use crate::input::{Dialect, InputFile};
use crate::watch::{Length, Watch};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, LargeListArray, ListArray};
use arrow_schema::DataType;
use csv::ByteRecord;
use serde_json::value::RawValue;

/// A row: of each column that was chosen its value, or the elements of its list.
type Cells = [Vec<String>];

/// Which columns of a file are read.
pub(crate) type Choose<'a> = dyn Fn(&Header) -> Result<Vec<usize>> + 'a;
/// What is done with a row; what is wrong with it is told with its place.
pub(crate) type Take<'a> = dyn FnMut(&Cells) -> Result<(), String> + 'a;

/// Reads the columns that `choose` says of every row.
pub(crate) fn read_cells(
    file: &InputFile,
    dialect: Dialect,
    watch: &dyn Watch,
    choose: &Choose<'_>,
    take: &mut Take<'_>,
) -> Result<()> {
    let progress = watch.begin(&format!("reading {file}"), Length::Bytes(file.len()));
    match open(file, dialect, &progress)? {
        Opened::Columnar(batches) => of_batches(file, batches, choose, take),
        Opened::Text(text) => {
            text.said.iter().for_each(|said| watch.warn(said));
            match text.format {
                Format::Table(separator) => {
                    let table = Table::new(file, separator, text, dialect.quoting)?;
                    table.said().iter().for_each(|said| watch.warn(said));
                    of_table(table, choose, take)
                }
                Format::Json => of_json(JsonText::lines(file, text.body, text.line, text.end), choose, take),
                Format::Objects => of_json(JsonText::braces(file, text.body, text.line, text.end), choose, take),
                Format::Log => bail!(Input, "{file} is an event log, which lists nothing by column"),
            }
        }
    }
}

fn of_table(mut table: Table, choose: &Choose<'_>, take: &mut Take<'_>) -> Result<()> {
    let columns = choose(&table.header)?;
    let mut record = ByteRecord::new();
    loop {
        let at =
            |table: &Table, record: &ByteRecord, why: &str| Error::Input(format!("{}: {why}", table.place(record)));
        if !table.read(&mut record)?.map_err(|why| at(&table, &record, &why))? {
            return Ok(());
        }
        let cells = columns
            .iter()
            .map(|&column| Ok(vec![table.text(&record, column)?.to_owned()]))
            .collect::<Result<Vec<_>, _>>();
        cells.and_then(|cells| take(&cells)).map_err(|why| at(&table, &record, &why))?;
    }
}

/// The first object tells which keys there are; one that has fewer has nothing there.
fn of_json(mut text: JsonText, choose: &Choose<'_>, take: &mut Take<'_>) -> Result<()> {
    let mut wanted: Option<Vec<String>> = None;
    while let Some(object) = text.next()? {
        let object = object.to_vec();
        let mut row = || -> Result<Result<(), String>> {
            let object = match Object::parse(&object) {
                Ok(object) => object,
                Err(why) => return Ok(Err(why)),
            };
            if wanted.is_none() {
                let header = Header { place: text.place(), names: object.keys().map(str::to_owned).collect() };
                let columns = choose(&header)?;
                wanted = Some(columns.into_iter().map(|at| header.names[at].clone()).collect());
            }
            let cell = |key: &String| object.get(key).and_then(|value| values(value.unwrap_or("null"), key));
            let cells = wanted.iter().flatten().map(cell).collect::<Result<Vec<_>, _>>();
            Ok(cells.and_then(|cells| take(&cells)))
        };
        row()?.map_err(|why| Error::Input(format!("{}: {why}", text.place())))?;
    }
    ensure!(wanted.is_some(), Input, "{} lists nothing", text.place());
    Ok(())
}

/// Of an array its elements, of null nothing.
fn values(value: &str, key: &str) -> Result<Vec<String>, String> {
    let one = |value: &str| {
        let text =
            scalar(value).ok_or_else(|| format!("key `{key}`: `{value}` is neither a value nor a list of values"))?;
        Ok(text.into_owned())
    };
    match value.as_bytes().first() {
        Some(b'n') | None => Ok(vec![String::new()]),
        Some(b'[') => {
            let elements: Vec<&RawValue> =
                serde_json::from_str(value).map_err(|error| format!("key `{key}`: {error}"))?;
            elements.into_iter().map(|element| one(element.get())).collect()
        }
        Some(_) => Ok(vec![one(value)?]),
    }
}

fn of_batches(file: &InputFile, batches: Batches, choose: &Choose<'_>, take: &mut Take<'_>) -> Result<()> {
    let cannot = || format!("cannot read {file}");
    let columns = choose(&batches.header)?;
    let names: Vec<String> = columns.iter().map(|&at| batches.header.names[at].clone()).collect();
    let mut row = 0;
    for batch in batches.read(&columns).with_context(cannot)? {
        let batch = batch.with_context(cannot)?;
        let column = |name: &String| -> Result<Vec<Vec<String>>> {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| Error::Input(format!("{file}: a part of it has no column `{name}`")))?;
            of_column(column).with_context(|| format!("{file}: column `{name}`"))
        };
        let mut columns = names.iter().map(column).collect::<Result<Vec<_>>>()?;
        for at in 0..batch.num_rows() {
            row += 1;
            let cells: Vec<Vec<String>> = columns.iter_mut().map(|column| std::mem::take(&mut column[at])).collect();
            take(&cells).map_err(|why| Error::Input(format!("{file}: row {row}: {why}")))?;
        }
    }
    Ok(())
}

/// The values of each row of a column: the elements of its lists, or the one that it is.
fn of_column(column: &ArrayRef) -> Result<Vec<Vec<String>>> {
    let lists: Option<Vec<Option<ArrayRef>>> = match column.data_type() {
        DataType::List(_) => column.as_any().downcast_ref::<ListArray>().map(|lists| lists.iter().collect()),
        DataType::LargeList(_) => column.as_any().downcast_ref::<LargeListArray>().map(|lists| lists.iter().collect()),
        DataType::FixedSizeList(..) => {
            column.as_any().downcast_ref::<FixedSizeListArray>().map(|lists| lists.iter().collect())
        }
        _ => None,
    };
    let of = |column: &ArrayRef| -> Result<Vec<String>> {
        Ok(texts(column)?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    match lists {
        Some(lists) => lists.iter().map(|list| list.as_ref().map_or(Ok(Vec::new()), of)).collect(),
        None => Ok(of(column)?.into_iter().map(|text| vec![text]).collect()),
    }
}
