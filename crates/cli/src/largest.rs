//! The rows of a seed that stand out, with what the file of items says of them.

use crate::term::Bars;
use anyhow::Result;
use brooklet_core::{Base, Metadata};
use brooklet_train::input::{Dialect, read_notes};
use brooklet_train::seed::Sources;
use serde::{Serialize, Serializer};
use std::collections::HashMap;
use std::path::Path;

/// The largest rows, by |w| and by the length of v. Private ones are left out: they are of people, and reports are passed on.
#[derive(Debug, Serialize)]
pub(crate) struct Largest {
    pub(crate) weight: Vec<Row>,
    pub(crate) norm: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    #[serde(serialize_with = "as_short")]
    pub(crate) w: f32,
    #[serde(serialize_with = "as_short")]
    pub(crate) norm: f32,
    pub(crate) note: Option<String>,
}

impl Largest {
    pub(crate) fn new(base: &Base, top: usize, notes: &HashMap<String, String>) -> Largest {
        let mut row = vec![0.0; base.width()];
        let mut rows: Vec<(usize, f32, f32)> = (0..base.len())
            .filter(|&i| !is_private(base, i))
            .map(|i| {
                base.row_into(i, &mut row);
                (i, row[0], length(&row[1..]))
            })
            .collect();
        let show = |&(i, w, norm): &(usize, f32, f32)| {
            let name = name(base, i);
            let note = notes.get(&name).cloned();
            Row { name, w, norm, note }
        };
        rows.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        let weight = rows.iter().take(top).map(show).collect();
        rows.sort_by(|a, b| b.2.total_cmp(&a.2));
        Largest { weight, norm: rows.iter().take(top).map(show).collect() }
    }
}

/// What the file of items says of each, by the name of its feature. Nothing, if the file has moved and nobody said where, or was a pipe.
pub(crate) fn notes(base: &Base, items: Option<&Path>, dialect: Dialect) -> Result<HashMap<String, String>> {
    let Ok(sources) = Sources::of(base.metadata()) else { return Ok(HashMap::new()) };
    let recorded = sources.items.filter(|path| path.is_file());
    let Some(path) = items.map(Path::to_path_buf).or(recorded) else { return Ok(HashMap::new()) };
    let item = &sources.columns.item;
    let notes = read_notes(&path, dialect, item, &sources.item_fields, &Bars)?;
    Ok(notes.into_iter().map(|(id, note)| (format!("{item}={id}"), note)).collect())
}

/// A row's name, or its id where the file has no names.
pub(crate) fn name(base: &Base, i: usize) -> String {
    base.name(i).map_or_else(|| format!("{:016x}", base.id(i).0), str::to_owned)
}

/// Whether a row is of the visitor or of a private field, which only a seed that is not to be shipped can have.
fn is_private(base: &Base, i: usize) -> bool {
    let Metadata { schema, private_rows, .. } = base.metadata();
    let field = base.name(i).and_then(|name| name.split_once('=')).map(|(field, _)| field);
    *private_rows && field.is_some_and(|field| field == schema.visitor || schema.private.iter().any(|p| p == field))
}

pub(crate) fn length(v: &[f32]) -> f32 {
    v.iter().map(|x| x * x).sum::<f32>().sqrt()
}

/// The f64 of an f32's digits: .3 instead of .30000001192092896.
pub(crate) fn short(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(x.into())
}

fn as_short<S: Serializer>(x: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(short(*x))
}
