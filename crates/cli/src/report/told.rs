//! What a page tells of each model.

use crate::largest::Largest;
use brooklet_train::evaluate::Judged;

/// A model: what to call it, what a replay said of it, and its largest rows.
pub(crate) struct Told<'a> {
    pub(crate) name: String,
    pub(crate) judged: Option<&'a Judged>,
    pub(crate) largest: Largest,
}

/// How many of the largest rows are shown.
pub(crate) const TOP: usize = 15;
