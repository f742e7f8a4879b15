//! What a tab has learnt and how it agrees with other tabs. Nothing here knows of a browser.

pub(crate) mod consent;
mod forgetting;
pub(crate) mod journal;
pub(crate) mod log;
mod outgoing;
pub(crate) mod saved;
pub(crate) mod session;
pub(crate) mod verdict;

#[cfg(all(test, not(target_arch = "wasm32")))]
mod same_everywhere;
#[cfg(all(test, not(target_arch = "wasm32")))]
pub(crate) mod two_tabs;
