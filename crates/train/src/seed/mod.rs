//! A seed as it is made and found again: its rows, the prior of a new visitor, and where it came from.

mod beginning;
mod encode;
mod listed;
mod open;
mod prior;
mod sources;

pub(crate) use beginning::Beginning;
pub(crate) use encode::{encode, object};
pub(crate) use open::items;
pub use open::{open, rule};
pub(crate) use prior::{moments, prior, visitor};
pub use sources::Sources;
