//! What the demo's page knows of films: in columns, and in two files, so that those which most people know are on show before the rest is there.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::workspace::Workspace;

pub(crate) const RATINGS: &str = "data/ml-latest-small/ratings.csv";
pub(crate) const FILMS: &str = "data/ml-latest-small/movies.csv";

/// So many are in the first file: those with the most ratings.
const FIRST: usize = 500;

struct Film {
    id: u32,
    title: String,
    /// 0 if nobody knows.
    year: u32,
    genres: String,
    ratings: usize,
}

/// Writes `www/films.json` and `www/more-films.json`.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let mut films = read(&workspace.root.join(FILMS), &workspace.root.join(RATINGS))?;
    films.sort_by_key(|film| (std::cmp::Reverse(film.ratings), film.id));
    let (first, more) = films.split_at_mut(FIRST);
    for (name, films) in [("films.json", first), ("more-films.json", more)] {
        films.sort_by_key(|film| film.id);
        fs::write(workspace.root.join("www").join(name), columns(films).to_string())?;
    }
    Ok(())
}

fn read(films: &Path, ratings: &Path) -> Result<Vec<Film>> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for row in csv::Reader::from_path(ratings)?.records() {
        *counts.entry(row?.get(1).context("a rating has an item")?.parse()?).or_default() += 1;
    }
    let mut found = Vec::new();
    for row in csv::Reader::from_path(films)?.records() {
        let row = row?;
        let cell = |at| row.get(at).context("a film has an item, a title, a year and genres");
        let id = cell(0)?.parse()?;
        let title = match readable(cell(1)?) {
            title if title.is_empty() => format!("Film {id}"),
            title => title,
        };
        let (year, genres) = (cell(2)?.parse().unwrap_or(0), cell(3)?.into());
        found.push(Film { id, title, year, genres, ratings: counts.get(&id).copied().unwrap_or(0) });
    }
    Ok(found)
}

/// Ids are told as how much each is more than the one before, and of genres the place among the sets that there are, the most frequent
/// first: both are small numbers, of which a compressor makes little.
fn columns(films: &[Film]) -> serde_json::Value {
    let mut sets: HashMap<&str, usize> = HashMap::new();
    films.iter().for_each(|film| *sets.entry(&film.genres).or_default() += 1);
    let mut sets: Vec<(&str, usize)> = sets.into_iter().collect();
    sets.sort_by_key(|(set, films)| (std::cmp::Reverse(*films), *set));
    let place: HashMap<&str, usize> = sets.iter().enumerate().map(|(at, (set, _))| (*set, at)).collect();
    let mut before = 0;
    let gaps = films.iter().map(|film| film.id - std::mem::replace(&mut before, film.id));
    json!({
        "ids": gaps.collect::<Vec<_>>(),
        "titles": films.iter().map(|film| &film.title).collect::<Vec<_>>(),
        "years": films.iter().map(|film| film.year).collect::<Vec<_>>(),
        "genres": films.iter().map(|film| place[&*film.genres]).collect::<Vec<_>>(),
        "sets": sets.iter().map(|(set, _)| set.split('|').filter(|genre| !genre.is_empty()).collect()).collect::<Vec<Vec<_>>>(),
    })
}

/// Articles by which a library does not sort.
const ARTICLES: [&str; 16] =
    ["The", "A", "An", "Le", "Les", "La", "L'", "Il", "Das", "Der", "Die", "El", "Los", "Las", "Un", "Une"];

/// "Matrix, The (Matrix, la)" is how a library sorts; people read "The Matrix".
fn readable(title: &str) -> String {
    let mut main = title.to_owned();
    // What stands in brackets behind a blank is the same title in another language.
    while let Some((start, end)) = brackets(&main) {
        main.replace_range(start..end, "");
    }
    let main = if main.trim().is_empty() { title.trim() } else { main.trim() };
    match main.rsplit_once(", ") {
        Some((rest, article)) if ARTICLES.contains(&article) => {
            let between = if article.ends_with('\'') { "" } else { " " };
            [article, between, rest].concat()
        }
        _ => main.into(),
    }
}

/// Where brackets are that hold none, with the blanks before them.
fn brackets(text: &str) -> Option<(usize, usize)> {
    let closed = text.match_indices(')').map(|(at, _)| at);
    closed.filter_map(|end| Some((text[..end].rfind('(')?, end + 1))).find_map(|(open, end)| {
        let start = text[..open].trim_end().len();
        (start < open).then_some((start, end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_put_as_people_say_them() {
        for (title, said) in [
            ("City of Lost Children, The (Cité des enfants perdus, La)", "The City of Lost Children"),
            ("Misérables, Les", "Les Misérables"),
            ("Avventura, L' (Adventure, The)", "L'Avventura"),
            ("Corrina, Corrina", "Corrina, Corrina"),
            ("(500) Days of Summer", "(500) Days of Summer"),
            ("Seven (a.k.a. Se7en) (1995) ", "Seven"),
            ("", ""),
        ] {
            assert_eq!(readable(title), said);
        }
    }

    #[test]
    fn columns_hold_the_films() {
        let film = |id, title: &str, genres: &str| Film {
            id,
            title: title.into(),
            year: 1999,
            genres: genres.into(),
            ratings: 0,
        };
        let films = [film(3, "A", "Drama"), film(7, "B", ""), film(8, "C", "Drama|War"), film(20, "D", "Drama")];
        let expected = json!({
            "ids": [3, 4, 1, 12],
            "titles": ["A", "B", "C", "D"],
            "years": [1999, 1999, 1999, 1999],
            "genres": [0, 1, 2, 0],
            "sets": [["Drama"], [], ["Drama", "War"]],
        });
        assert_eq!(columns(&films), expected);
    }
}
