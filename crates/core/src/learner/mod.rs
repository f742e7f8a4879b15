pub(crate) mod log;
pub(crate) mod profile;
pub(crate) mod rank;
pub(crate) mod state;
