//! What a tab has learnt and how it agrees with other tabs. Nothing here knows of a browser.

pub(crate) mod log;
pub(crate) mod session;
