//! What a browser offers, typed as thinly as it is used.

pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod record;
pub(crate) mod store;
pub(crate) mod vocabulary;

pub(crate) mod error;
pub(crate) mod event;

pub(crate) mod channel;
pub(crate) mod host;
pub(crate) mod object;
pub(crate) mod promise;
pub(crate) mod timer;
