//! What a visitor is shown and what waits for a label: the items that can be ranked, the choice among the best, and the slates.

pub(crate) mod catalogue;
pub(crate) mod explore;
pub(crate) mod slate;
