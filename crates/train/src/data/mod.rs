//! From events and fields to what the trainer needs, and which of them are kept from it.

mod dataset;
mod duplicates;
mod holdout;
mod kinds;
mod negatives;
mod stream;

pub(crate) use dataset::Dataset;
pub(crate) use duplicates::Duplicates;
pub use holdout::{HoldOut, TUNE_EVENTS};
pub(crate) use holdout::{Labelled, Split};
pub(crate) use kinds::{LEAST_PEOPLE, kinds};
pub(crate) use negatives::add_negatives;
pub(crate) use stream::source;
