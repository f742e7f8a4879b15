use super::Interner;
use super::codec::{Decoder, Encoder};
use super::table::Table;
use crate::error::{Error, Result};
use csv::ByteRecord;
use std::collections::HashMap;
use std::path::Path;

/// What a file says about items or about users: the categories of the fields that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct SideTable {
    fields: Vec<String>,
    ids: Interner,
    /// For each id, its (field, category) pairs; a `|` inside a cell separates categories.
    categories: Vec<Vec<(u32, Box<str>)>>,
}

impl SideTable {
    /// Reads the columns `fields` of a CSV file whose column `key` names the item or the user.
    pub(crate) fn read(
        path: &Path,
        key: &str,
        key_flag: &str,
        fields: &[String],
        fields_flag: &str,
    ) -> Result<SideTable> {
        let mut table = Table::open(path)?;
        let key = table.column(key, key_flag)?;
        let columns = fields.iter().map(|field| table.column(field, fields_flag)).collect::<Result<Vec<_>>>()?;
        let mut side = SideTable::of_fields(fields);
        let mut record = ByteRecord::new();
        while read(&mut table, &mut record)? {
            side.take(&table, &record, key, &columns).map_err(|why| Error::Input(format!("{}: {why}", table.place(&record))))?;
        }
        Ok(side)
    }

    /// A table of these fields that nothing is known of yet.
    pub(crate) fn of_fields(fields: &[String]) -> SideTable {
        SideTable { fields: fields.to_vec(), ..SideTable::default() }
    }

    /// Whether a field was asked for.
    pub(crate) fn wants(&self, field: &str) -> bool {
        self.fields.iter().any(|wanted| wanted == field)
    }

    /// Adds (field, category) pairs of an id; what is known already stays once, and fields that nobody asked for are nothing.
    pub(crate) fn add<'a>(&mut self, id: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let number = self.ids.intern(id) as usize;
        self.categories.resize_with(self.ids.len(), Vec::new);
        for (field, category) in pairs {
            let Some(field) = self.fields.iter().position(|wanted| wanted == field) else { continue };
            let pair = (field as u32, category.into());
            if !category.is_empty() && !self.categories[number].contains(&pair) {
                self.categories[number].push(pair);
            }
        }
    }

    /// Whether any id has a category of this field.
    pub(crate) fn tells(&self, field: &str) -> bool {
        let wanted = self.fields.iter().position(|own| own == field);
        self.categories.iter().flatten().any(|(field, _)| Some(*field as usize) == wanted)
    }

    /// The ids that something is known of.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.names()
    }

    pub(crate) fn encode(&self, to: &mut Encoder) {
        to.texts(self.fields.iter().map(String::as_str));
        to.texts(self.ids.names());
        for categories in &self.categories {
            to.number(categories.len() as u64);
            for (field, category) in categories {
                to.number((*field).into());
                to.text(category);
            }
        }
    }

    pub(crate) fn decode(from: &mut Decoder<'_>) -> Result<SideTable> {
        let fields = from.texts()?.map(|field| Ok(field?.to_owned())).collect::<Result<Vec<_>>>()?;
        let ids = from.interner()?;
        let mut side = SideTable { fields, ids, categories: Vec::new() };
        for _ in 0..side.ids.len() {
            let count = from.number()?;
            let pairs = (0..count).map(|_| Ok((from.number()? as u32, from.text()?.into()))).collect::<Result<_>>()?;
            side.categories.push(pairs);
        }
        Ok(side)
    }

    /// One row of a file.
    fn take(&mut self, table: &Table, record: &ByteRecord, key: usize, columns: &[usize]) -> Result<(), String> {
        let id = table.id(record, key)?;
        if self.ids.find(id).is_some() {
            return Err(table.bad(record, key, "is listed twice: keep one of the rows"));
        }
        let mut pairs = Vec::new();
        for (field, &column) in columns.iter().enumerate() {
            pairs.extend(table.text(record, column)?.split('|').map(|category| (field, category.trim())));
        }
        let fields = self.fields.clone();
        self.add(id, pairs.into_iter().map(|(field, category)| (fields[field].as_str(), category)));
        Ok(())
    }

    /// The (field, category) pairs of an id; none if the file does not list it.
    pub(crate) fn of(&self, id: &str) -> impl Iterator<Item = (&str, &str)> {
        let categories = self.ids.find(id).map_or(&[][..], |number| &self.categories[number as usize]);
        categories.iter().map(|(field, category)| (self.fields[*field as usize].as_str(), &**category))
    }
}

/// What a file says about items or users in the columns that are no features, for people to read: `Toy Story, 1995`.
pub(crate) fn read_notes(path: &Path, key: &str, fields: &[String]) -> Result<HashMap<String, String>> {
    let mut table = Table::open(path)?;
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
    use crate::testing::temp_file;

    #[test]
    fn a_bar_separates_categories() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama|Comedy|Drama,\n2,\"Up, too\",,1999\n");
        let side =
            SideTable::read(file.path(), "item", "--item", &["genres".into(), "year".into()], "--item-fields").unwrap();
        assert_eq!(side.of("1").collect::<Vec<_>>(), [("genres", "Drama"), ("genres", "Comedy")]);
        assert_eq!(side.of("2").collect::<Vec<_>>(), [("year", "1999")]);
        assert_eq!(side.of("3").count(), 0);
    }

    #[test]
    fn other_columns_are_for_people() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama,2009\n2,\"Up, too\",War,\n");
        let notes = read_notes(file.path(), "item", &["genres".into()]).unwrap();
        assert_eq!((notes["1"].as_str(), notes["2"].as_str()), ("Up, 2009", "Up, too"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let read = |text: &str, field: &str| {
            let file = temp_file(text);
            let error = SideTable::read(file.path(), "item", "--item", &[field.into()], "--item-fields").unwrap_err();
            format!("{error:#}")
        };
        assert!(read("item,a\n1,x\n1,y\n", "a").contains(":3: column `item`: `1` is listed twice"));
        assert!(read("item,a\n1,x\n", "b").contains("name the right one with --item-fields"));
    }
}
