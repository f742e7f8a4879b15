pub(crate) mod catalogue;
pub(crate) mod explore;
pub(crate) mod slate;
