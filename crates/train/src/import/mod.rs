//! Seeds of models that other programs trained.

mod libfm;
mod seed;

pub use seed::{Imported, LibFm, import};
