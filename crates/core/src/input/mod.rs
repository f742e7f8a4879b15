pub(crate) mod feature;
pub(crate) mod index;
pub(crate) mod place;
pub(crate) mod scale;
pub(crate) mod schema;
pub(crate) mod value;
