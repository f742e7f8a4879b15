//! Reading people's files: which column is what, what a label means, and errors that name the file and the line.
//!
//! Files are known by what is in them (`open`), whatever they are called, and read row by row (`row`) by a reader for each
//! format. Good rows go into blocks (`store`), in memory or in a file; a cache keeps that file for the next run.

mod args;
mod bad;
mod batch;
mod cache;
mod codec;
mod delays;
mod events;
mod files;
mod interner;
mod json;
mod labels;
mod lines;
mod log;
mod open;
mod parquet;
mod read;
mod roles;
mod row;
mod side;
mod store;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use args::EventArgs;
pub(crate) use bad::BadRows;
pub(crate) use batch::Batch;
pub(crate) use delays::read_delays;
pub(crate) use events::Events;
pub(crate) use files::{expand, title};
pub(crate) use interner::Interner;
pub(crate) use labels::{LabelRule, parse_label_map};
pub(crate) use read::Reading;
pub(crate) use roles::Roles;
pub(crate) use side::{SideTable, read_notes};
pub(crate) use store::{BLOCK, Store};

/// Which column of the events plays which role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) user: String,
    pub(crate) item: String,
    pub(crate) label: String,
    /// Without one, the order of the file is the order of time.
    pub(crate) time: Option<String>,
    /// Without one, every event weighs 1.
    pub(crate) weight: Option<String>,
}
