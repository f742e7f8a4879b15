//! One file for each thing that can be asked for.

pub(crate) mod base;
pub(crate) mod deltas;
pub(crate) mod operations;
pub(crate) mod stats;
