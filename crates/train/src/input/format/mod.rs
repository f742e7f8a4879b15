//! A reader for each format of events, and how a file is told to be of one.

mod json;
mod lines;
mod log;
mod open;
mod parquet;
mod row;
mod table;

pub(super) use json::JsonRows;
pub(super) use log::LogRows;
pub(super) use open::{Format, Opened, open};
pub(super) use parquet::ParquetRows;
pub use row::Row;
pub(super) use row::{Reader, Told};
pub(super) use table::{Table, TableRows};
