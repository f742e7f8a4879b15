pub(crate) mod state;

pub(crate) mod insight;
pub(crate) mod learn;
pub(crate) mod log;
pub(crate) mod profile;
pub(crate) mod rank;
pub(crate) mod send;
pub(crate) mod swap;
