//! The way to the endpoint: what is said there, and the lock under which one tab at a time says it.

pub(crate) mod endpoint;
pub(crate) mod lock;
pub(crate) mod token;
