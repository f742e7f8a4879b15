//! One learner in one tab, from opening to closing: here the parts below are put together, and time passes.

pub(crate) mod client;
mod consent;
mod leaving;
pub(crate) mod lifecycle;
pub(crate) mod open;
pub(crate) mod sync;

pub(crate) mod link;
pub(crate) mod pace;
pub(crate) mod turn;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod hostile;
