//! A whole catalogue in the browser's learner, for shelves that are for no visitor in particular.

use crate::error::{Context, Result};
use crate::evaluate::item_features;
use crate::input::SideTable;
use crate::seed::items;
use brooklet_core::{Base, Config, Learner};

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
