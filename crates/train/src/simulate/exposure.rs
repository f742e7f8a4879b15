//! How much of what people are shown goes to some items.

use crate::error::{Context, Result};
use crate::evaluate::{Visitors, item_features};
use crate::input::SideTable;
use crate::maths::{cores, in_parallel};
use brooklet_core::{Base, Config, Learner, Query};

/// How many events of each person are learnt before the catalogue is ranked.
const LEARNT: usize = 10;
/// Places of a ranking.
const PLACES: usize = 20;

/// The share of the first 20 places, of the rankings of a whole catalogue for each of these people after ten events, that
/// `targets` have.
pub(super) fn share_of_top(
    base: &Base,
    people: &Visitors,
    items: &[&str],
    fields: &SideTable,
    targets: &[&str],
) -> Result<f64> {
    let mut learner = Learner::new(base.clone(), Config::default())?;
    for id in items {
        let features = item_features(base, id, fields).with_context(|| format!("item `{id}`"))?;
        learner.set_item(id, &features)?;
    }
    let found = in_parallel(people.len(), cores(), |person| {
        let mut learner = learner.clone();
        for (features, target) in people.history(person).take(LEARNT) {
            learner.learn_one(&features, target, 1.0)?;
        }
        let slate = learner.recommend(&Query { k: PLACES, ..Query::default() });
        Ok(slate.items.iter().filter(|item| targets.contains(&item.item.as_str())).count())
    });
    let found: Vec<usize> = found.into_iter().collect::<Result<_>>()?;
    Ok(found.iter().sum::<usize>() as f64 / (PLACES * people.len()) as f64)
}
