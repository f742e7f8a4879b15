use super::{Columns, SideTable};
use anyhow::Result;

/// One event as its file has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) user: &'a str,
    pub(super) item: &'a str,
    pub(super) label: f64,
    /// There if the columns name one.
    pub(super) time: Option<f64>,
    /// There if the columns name one, or the format has its own.
    pub(super) weight: Option<f64>,
}

/// A file that is being read, row by row.
pub(super) trait Reader {
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
pub(super) struct Told {
    pub(super) item_fields: SideTable,
    pub(super) warning: Option<String>,
}
