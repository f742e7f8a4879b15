//! Reading people's files: which column is what, what a label means, and errors that name the file and the line.
//!
//! Files are known by what is in them, whatever they are called, and read row by row by a reader for each format (`format`).
//! Good rows go into blocks (`store`), in memory or in a file; a cache keeps that file for the next run.

mod bad;
mod clock;
#[cfg(test)]
mod columnar_tests;
mod columns;
#[cfg(test)]
mod damage_tests;
mod delays;
mod dialect;
mod files;
mod format;
mod guess;
mod labels;
mod read;
mod roles;
mod side_file;
mod store;
#[cfg(test)]
mod tests;

pub use bad::BadRows;
pub use columns::{BETWEEN, Columns};
pub use delays::read_delays;
pub use dialect::{Dialect, Quoting, parse_encoding};
pub use files::{InputFile, expand, title};
pub use format::Row;
pub(crate) use format::{Format, Numbered, Opened, Text, open, read_cells};
pub use labels::{LabelRule, parse_label_map};
pub(crate) use read::{Reading, read_rows};
pub use read::{events_of, read_events};
pub use roles::{Roles, roles_beside};
pub use side_file::{read_notes, read_side};
pub(crate) use store::{BLOCK, Batch, Interner, Store};
pub use store::{Events, SideTable};
