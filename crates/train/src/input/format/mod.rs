//! A reader for each format of events and of lists, and how a file is told to be of one.

mod cells;
mod columnar;
mod compressed;
mod decoded;
mod header;
mod json;
mod lines;
mod listing;
mod log;
mod objects;
mod open;
mod quotes;
mod row;
mod table;
mod text;

pub(super) use cells::Times;
pub(super) use columnar::ColumnarRows;
pub(super) use json::JsonRows;
pub(crate) use lines::Numbered;
pub(crate) use listing::read_cells;
pub(super) use log::LogRows;
pub(super) use objects::JsonText;
pub(crate) use open::{Opened, open};
pub use row::Row;
pub(super) use row::{Reader, Told};
pub(super) use table::{Table, TableRows};
pub(crate) use text::{Format, Text};
