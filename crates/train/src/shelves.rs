//! A whole catalogue in the browser's learner, for shelves that are for no visitor in particular.

use crate::error::{Context, Result};
use crate::evaluate::item_features;
use crate::input::SideTable;
use brooklet_core::{Base, Config, Learner};

/// The items of a seed, by the names that it keeps.
pub(crate) fn items(base: &Base) -> impl Iterator<Item = &str> {
    let field = &base.metadata().schema.item;
    (0..base.len()).filter_map(move |at| base.name(at)?.strip_prefix(field.as_str())?.strip_prefix('='))
}

/// A learner that knows nobody, with a catalogue of all items of a seed that keeps names, and of those that `listed` has, which
/// tells their features.
pub fn stocked(base: &Base, listed: &SideTable) -> Result<Learner> {
    let mut learner = Learner::new(base.clone(), Config::default())?;
    let known: Vec<&str> = items(base).collect();
    for id in known.into_iter().chain(listed.ids()) {
        let features = item_features(base, id, listed).with_context(|| format!("item `{id}`"))?;
        learner.set_item(id, &features)?;
    }
    ensure!(
        learner.items() > 0,
        Seed,
        "the seed names no items of `{}`: name a file of them",
        base.metadata().schema.item
    );
    Ok(learner)
}
