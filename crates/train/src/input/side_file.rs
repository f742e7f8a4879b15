//! The file that says something of items or of users: features in some of its columns, and for people to read in the others.

use super::format::Table;
use super::store::SideTable;
use crate::error::{Error, Result};
use crate::watch::Watch;
use csv::ByteRecord;
use std::collections::HashMap;
use std::path::Path;

/// Reads the columns `fields` of a CSV file whose column `key` names the item or the user. The flags are what a person should
/// set if the file calls its columns otherwise.
pub fn read_side(
    path: &Path,
    [key, key_flag]: [&str; 2],
    fields: &[String],
    fields_flag: &str,
    watch: &dyn Watch,
) -> Result<SideTable> {
    let mut table = Table::open(path, watch)?;
    let key = table.column(key, key_flag)?;
    let columns = fields.iter().map(|field| table.column(field, fields_flag)).collect::<Result<Vec<_>>>()?;
    let mut side = SideTable::of_fields(fields);
    let mut record = ByteRecord::new();
    while read(&mut table, &mut record)? {
        take(&mut side, &table, &record, key, fields.iter().zip(&columns))
            .map_err(|why| Error::Input(format!("{}: {why}", table.place(&record))))?;
    }
    Ok(side)
}

/// Adds one row of a file.
fn take<'a>(
    side: &mut SideTable,
    table: &Table,
    record: &ByteRecord,
    key: usize,
    columns: impl Iterator<Item = (&'a String, &'a usize)>,
) -> Result<(), String> {
    let id = table.id(record, key)?;
    if side.has(id) {
        return Err(table.bad(record, key, "is listed twice: keep one of the rows"));
    }
    let mut pairs = Vec::new();
    for (field, &column) in columns {
        pairs.extend(table.text(record, column)?.split('|').map(|category| (field.as_str(), category.trim())));
    }
    side.add(id, pairs);
    Ok(())
}

/// What a file says about items or users in the columns that are no features, for people to read: `Toy Story, 1995`.
pub fn read_notes(path: &Path, key: &str, fields: &[String], watch: &dyn Watch) -> Result<HashMap<String, String>> {
    let mut table = Table::open(path, watch)?;
    let key = table.column(key, "--item")?;
    let columns: Vec<usize> =
        (0..table.header.len()).filter(|&column| column != key && !fields.contains(&table.header[column])).collect();
    let mut notes = HashMap::new();
    let mut record = ByteRecord::new();
    while read(&mut table, &mut record)? {
        let note = || -> Result<(String, String), String> {
            let cells = columns.iter().map(|&column| table.text(&record, column)).collect::<Result<Vec<_>, _>>()?;
            let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
            Ok((table.id(&record, key)?.to_owned(), cells.join(", ")))
        };
        notes.extend([note().map_err(|why| Error::Input(format!("{}: {why}", table.place(&record))))?]);
    }
    Ok(notes)
}

/// Reads the next row; false at the end. A side file has no bad row.
fn read(table: &mut Table, record: &mut ByteRecord) -> Result<bool> {
    table.read(record)?.map_err(|why| Error::Input(format!("{}: {why}", table.place(record))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::temp_file;

    #[test]
    fn a_bar_separates_categories() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama|Comedy|Drama,\n2,\"Up, too\",,1999\n");
        let side = read_side(file.path(), ["item", "--item"], &["genres".into(), "year".into()], "--item-fields", &())
            .unwrap();
        assert_eq!(side.of("1").collect::<Vec<_>>(), [("genres", "Drama"), ("genres", "Comedy")]);
        assert_eq!(side.of("2").collect::<Vec<_>>(), [("year", "1999")]);
        assert_eq!(side.of("3").count(), 0);
    }

    #[test]
    fn other_columns_are_for_people() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama,2009\n2,\"Up, too\",War,\n");
        let notes = read_notes(file.path(), "item", &["genres".into()], &()).unwrap();
        assert_eq!((notes["1"].as_str(), notes["2"].as_str()), ("Up, 2009", "Up, too"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let read = |text: &str, field: &str| {
            let file = temp_file(text);
            let error = read_side(file.path(), ["item", "--item"], &[field.into()], "--item-fields", &()).unwrap_err();
            told(&error)
        };
        assert!(read("item,a\n1,x\n1,y\n", "a").contains(":3: column `item`: `1` is listed twice"));
        assert!(read("item,a\n1,x\n", "b").contains("name the right one with --item-fields"));
    }
}
