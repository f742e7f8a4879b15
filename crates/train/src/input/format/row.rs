//! What a reader of any format gives.

use super::cells::Times;
use crate::error::Result;
use crate::input::{BETWEEN, Columns, SideTable};

/// One event as its file has it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Row<'a> {
    /// Who, by any name but the empty one.
    pub user: &'a str,
    /// What, by any name but the empty one.
    pub item: &'a str,
    /// A rating, or 1 for a click and 0 for a skip.
    pub label: f64,
    /// There if the columns name one.
    pub time: Option<f64>,
    /// There if the columns name one, or the format has its own.
    pub weight: Option<f64>,
    /// What the slate is called on which the item was shown; there if the columns name one.
    pub slate: Option<&'a str>,
    /// The item's place there, counted from 1; there if the columns name one.
    pub place: Option<f64>,
    /// The probability with which the item was chosen for its place; there if the columns name one.
    pub propensity: Option<f64>,
    /// What the columns of the context hold, in their order, with [`BETWEEN`] between them; there if the columns name some.
    pub context: Option<&'a str>,
}

/// Where a person says which columns are the context.
pub(super) const CONTEXT_FLAG: &str = "--context-fields";

/// The values of a context, joined in `into`.
pub(super) fn joined<T: AsRef<str>>(
    into: &mut String,
    values: impl Iterator<Item = Result<T, String>>,
) -> Result<&str, String> {
    into.clear();
    for (n, value) in values.enumerate() {
        if n > 0 {
            into.push(BETWEEN);
        }
        into.push_str(value?.as_ref());
    }
    Ok(into)
}

/// A file that is being read, row by row.
pub(crate) trait Reader {
    /// The next row, or what is wrong with it; None at the end. An error of the outer kind ends the reading: what follows
    /// cannot be told from what was lost.
    fn next(&mut self) -> Result<Option<Result<Row<'_>, String>>>;

    /// File and line of the row that came last.
    fn place(&self) -> String;

    /// Whether its rows have weights.
    fn weighs(&self, columns: &Columns) -> bool {
        columns.weight.is_some()
    }

    /// What the file told of the fields of items, and what it wants to say in the end.
    fn finish(&mut self) -> Told {
        Told::default()
    }
}

/// What a file told besides rows.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) item_fields: SideTable,
    pub(crate) warning: Option<String>,
    /// How its times are written.
    pub(crate) times: Times,
}
