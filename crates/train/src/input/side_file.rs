//! The file that says something of items or of users: features in some of its columns, and for people to read in the others.

use super::dialect::Dialect;
use super::files::InputFile;
use super::format::read_cells;
use super::store::SideTable;
use crate::error::Result;
use crate::watch::Watch;
use std::collections::HashMap;
use std::path::Path;

/// Reads the columns `fields` of a file whose column `key` names the item or the user. The flags are what a person should
/// set if the file calls its columns otherwise.
pub fn read_side(
    path: &Path,
    dialect: Dialect,
    [key, key_flag]: [&str; 2],
    fields: &[String],
    fields_flag: &str,
    watch: &dyn Watch,
) -> Result<SideTable> {
    let mut side = SideTable::of_fields(fields);
    let file = InputFile::once(path);
    read_cells(
        &file,
        dialect,
        watch,
        &|header| {
            let columns = fields.iter().map(|field| header.column(field, fields_flag));
            std::iter::once(header.column(key, key_flag)).chain(columns).collect()
        },
        &mut |cells| {
            let id = id(&cells[0], key)?;
            if side.has(&id) {
                return Err(format!("column `{key}`: `{id}` is listed twice: keep one of the rows"));
            }
            let cells = fields.iter().zip(&cells[1..]);
            side.add(&id, cells.flat_map(|(field, cell)| categories(cell).map(|category| (&**field, category))));
            Ok(())
        },
    )?;
    Ok(side)
}

/// What a file says about items or users in the columns that are no features, for people to read: `Toy Story, 1995`.
pub fn read_notes(
    path: &Path,
    dialect: Dialect,
    key: &str,
    fields: &[String],
    watch: &dyn Watch,
) -> Result<HashMap<String, String>> {
    let mut notes = HashMap::new();
    let file = InputFile::once(path);
    read_cells(
        &file,
        dialect,
        watch,
        &|header| {
            let others = (0..header.names.len())
                .filter(|&column| header.names[column] != key && !fields.contains(&header.names[column]));
            Ok(std::iter::once(header.column(key, "--item")?).chain(others).collect())
        },
        &mut |cells| {
            let texts = cells[1..].iter().map(|values| values.join("|")).filter(|text| !text.is_empty());
            notes.insert(id(&cells[0], key)?, texts.collect::<Vec<_>>().join(", "));
            Ok(())
        },
    )?;
    Ok(notes)
}

/// The elements of a list, or what a bar separates.
fn categories(cell: &[String]) -> impl Iterator<Item = &str> {
    let separator = if cell.len() == 1 { Some('|') } else { None };
    cell.iter().flat_map(move |value| value.split(move |c| Some(c) == separator)).map(str::trim)
}

/// An id is what its cell says, bars and all.
fn id(cell: &[String], key: &str) -> Result<String, String> {
    match cell.join("|") {
        id if id.is_empty() => Err(format!("column `{key}`: `` is empty: every row needs one")),
        id => Ok(id),
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::told;
    use crate::testing::temp_file;

    #[test]
    fn a_bar_separates_categories() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama|Comedy|Drama,\n2,\"Up, too\",,1999\n");
        let side = read_side(
            file.path(),
            Dialect::default(),
            ["item", "--item"],
            &["genres".into(), "year".into()],
            "--item-fields",
            &(),
        )
        .unwrap();
        assert_eq!(side.of("1").collect::<Vec<_>>(), [("genres", "Drama"), ("genres", "Comedy")]);
        assert_eq!(side.of("2").collect::<Vec<_>>(), [("year", "1999")]);
        assert_eq!(side.of("3").count(), 0);
    }

    #[test]
    fn other_columns_are_for_people() {
        let file = temp_file("item,title,genres,year\n1,Up,Drama,2009\n2,\"Up, too\",War,\n");
        let notes = read_notes(file.path(), Dialect::default(), "item", &["genres".into()], &()).unwrap();
        assert_eq!((notes["1"].as_str(), notes["2"].as_str()), ("Up, 2009", "Up, too"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let read = |text: &str, field: &str| {
            let file = temp_file(text);
            let error =
                read_side(file.path(), Dialect::default(), ["item", "--item"], &[field.into()], "--item-fields", &())
                    .unwrap_err();
            told(&error)
        };
        assert!(read("item,a\n1,x\n1,y\n", "a").contains(":3: column `item`: `1` is listed twice"));
        assert!(read("item,a\n1,x\n", "b").contains("name the right one with --item-fields"));
    }
}
