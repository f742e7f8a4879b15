//! From what a page says to numbers: nested values are named, hashed to ids and scaled. The readers of seeds and settings stand here
//! too, since both are written by people as nested values.

pub(crate) mod feature;
pub(crate) mod index;
pub(crate) mod kind;
pub(crate) mod place;
pub(crate) mod scale;
pub(crate) mod schema;
pub(crate) mod value;
