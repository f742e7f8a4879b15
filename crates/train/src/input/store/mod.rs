//! Events as they are kept: names by number, rows in blocks, in memory or in a file, and what is known of them all.

mod batch;
mod blocks;
mod builder;
mod cache;
mod codec;
mod events;
mod interner;
mod occasions;
mod side;
mod summary;

pub(crate) use batch::Batch;
pub(super) use batch::Shape;
#[cfg(test)]
pub(super) use blocks::Blocks;
pub(crate) use blocks::{BLOCK, Store};
pub(super) use builder::{Builder, Event, Sink, Spill};
pub(super) use cache::Cache;
pub use events::Events;
pub(crate) use interner::Interner;
pub use side::SideTable;
pub(super) use summary::Summary;
