pub(crate) mod base;
#[cfg(feature = "write")]
pub(crate) mod base_writer;
pub(crate) mod delta;
pub(crate) mod evidence;
pub(crate) mod metadata;
pub(crate) mod record;
