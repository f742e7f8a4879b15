//! MovieLens as RecBole lays it out: tables separated by tabs, under a line of `name:type`.
//!
//! The two sizes differ. In 100K, people and films have GroupLens's numbers. In 1M a person is `1m_1`, and a film goes
//! by its title and year, so films are numbered here, from 1 in the order in which they first appear.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;

use anyhow::{Context, Result};
use zip::ZipArchive;

/// One table, as it lies in the package.
pub(crate) struct Table {
    columns: Vec<String>,
    body: String,
}

/// The cells of one line, which are asked for by the names of their columns.
struct Row<'a> {
    columns: &'a [String],
    cells: Vec<&'a str>,
}

#[derive(Clone, Copy)]
pub(crate) struct Rating {
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) rating: i64,
    pub(crate) timestamp: i64,
}

/// The films, and the number that each of RecBole's ids stands for.
pub(crate) struct Films {
    numbers: HashMap<String, u32>,
    lines: BTreeSet<(u32, [String; 3])>,
}

impl Table {
    pub(crate) fn read(wheel: &mut ZipArchive<File>, name: &str) -> Result<Table> {
        let mut text = String::new();
        wheel.by_name(name)?.read_to_string(&mut text)?;
        let (head, body) = text.split_once('\n').context("a table without a line")?;
        let name = |cell: &str| cell.split(':').next().unwrap_or_default().to_owned();
        Ok(Table { columns: head.trim_end().split('\t').map(name).collect(), body: body.to_owned() })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.body.lines().map(|line| Row { columns: &self.columns, cells: line.split('\t').collect() })
    }
}

impl<'a> Row<'a> {
    fn cell(&self, column: &str) -> Result<&'a str> {
        let place = self.columns.iter().position(|c| c == column);
        place.and_then(|n| self.cells.get(n).copied()).with_context(|| format!("no {column} in {:?}", self.cells))
    }

    /// The number in a person's id: 7 in `7` and in `1m_7`.
    fn user(&self) -> Result<u32> {
        let id = self.cell("user_id")?;
        let number = id.rsplit('_').next().unwrap_or(id);
        number.parse().with_context(|| format!("user_id {id}"))
    }

    /// A whole number, which the format may write with a point.
    fn whole(&self, column: &str) -> Result<i64> {
        let cell = self.cell(column)?;
        let number: f64 = cell.parse().with_context(|| format!("{column} {cell}"))?;
        Ok(number as i64)
    }
}

impl Films {
    pub(crate) fn read(items: &Table) -> Result<Films> {
        let mut films = Films { numbers: HashMap::new(), lines: BTreeSet::new() };
        for row in items.rows() {
            let id = row.cell("item_id")?;
            // Should a film be listed twice, the first line counts.
            if films.numbers.contains_key(id) {
                continue;
            }
            let title = row.cell("movie_title").ok().filter(|title| !title.is_empty());
            let year = row.cell("release_year").unwrap_or_default();
            let genres = row.cell("class").or(row.cell("genre")).unwrap_or_default();
            let genres: Vec<&str> = genres.split_whitespace().collect();
            films.add(id, [title.unwrap_or(id).into(), year.into(), genres.join("|")]);
        }
        Ok(films)
    }

    fn add(&mut self, id: &str, line: [String; 3]) -> u32 {
        let next = self.numbers.len() as u32 + 1;
        let number = id.parse().unwrap_or(next);
        self.numbers.insert(id.to_owned(), number);
        self.lines.insert((number, line));
        number
    }

    /// The number of a film; one that was rated and is in no table gets a line with nothing but its id.
    fn number(&mut self, id: &str) -> u32 {
        match self.numbers.get(id) {
            Some(number) => *number,
            None => self.add(id, [id.to_owned(), String::new(), String::new()]),
        }
    }

    /// `item,title,year,genres`, in the order of the numbers.
    pub(crate) fn lines(self) -> impl Iterator<Item = [String; 4]> {
        let lines = self.lines.into_iter();
        lines.map(|(number, [title, year, genres])| [number.to_string(), title, year, genres])
    }
}

/// `user,age,gender,occupation`, in the order of the numbers.
pub(crate) fn users(table: &Table) -> Result<Vec<[String; 4]>> {
    let mut users = BTreeSet::new();
    for row in table.rows() {
        let cell = |column| row.cell(column).map(str::to_owned);
        users.insert((row.user()?, cell("age")?, cell("gender")?, cell("occupation")?));
    }
    let line = |(user, age, gender, occupation): (u32, _, _, _)| [user.to_string(), age, gender, occupation];
    Ok(users.into_iter().map(line).collect())
}

/// The ratings in file order, with films by number.
pub(crate) fn ratings(table: &Table, films: &mut Films) -> Result<Vec<Rating>> {
    let rating = |row: Row<'_>| {
        Ok(Rating {
            user: row.user()?,
            item: films.number(row.cell("item_id")?),
            rating: row.whole("rating")?,
            timestamp: row.whole("timestamp")?,
        })
    };
    table.rows().map(rating).collect()
}
