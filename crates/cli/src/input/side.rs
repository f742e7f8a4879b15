use super::{Interner, Table};
use anyhow::{Result, bail};
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
        let mut side = SideTable { fields: fields.to_vec(), ..SideTable::default() };
        let mut record = ByteRecord::new();
        while table.read(&mut record)? {
            let id = table.id(&record, key)?;
            if side.ids.find(id).is_some() {
                bail!("{}", table.bad(&record, key, "is listed twice: keep one of the rows"));
            }
            side.ids.intern(id);
            let mut categories: Vec<(u32, Box<str>)> = Vec::new();
            for (field, &column) in columns.iter().enumerate() {
                for category in table.text(&record, column)?.split('|').map(str::trim) {
                    let pair = (field as u32, category.into());
                    if !category.is_empty() && !categories.contains(&pair) {
                        categories.push(pair);
                    }
                }
            }
            side.categories.push(categories);
        }
        Ok(side)
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
    while table.read(&mut record)? {
        let cells = columns.iter().map(|&column| table.text(&record, column)).collect::<Result<Vec<_>>>()?;
        let cells: Vec<&str> = cells.into_iter().filter(|cell| !cell.is_empty()).collect();
        notes.insert(table.id(&record, key)?.to_owned(), cells.join(", "));
    }
    Ok(notes)
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
