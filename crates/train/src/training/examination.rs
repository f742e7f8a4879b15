//! How likely each place of a slate is looked at, from impressions. By the position-based model (Craswell et al. 2008) an item is
//! clicked if its place is looked at and it appeals: P(click of i in place k) = theta_k gamma_i. The expected numbers of
//! clicks of a place, and of an item, given the other side,
//!
//! ```text
//! theta_k = clicks in k / sum over impressions in k of gamma_i
//! gamma_i = (clicks of i + a mean) / (sum over impressions of i of theta_k + a)
//! ```
//!
//! are taken in turn until they agree (for maximum likelihood and its EM: Wang et al. 2018, *Position bias estimation for unbiased
//! learning to rank*). So what stands at the top because it appeals does not make the top look better. Appeal is the same to
//! everybody: where a page ranks for each visitor, what it knows of the visitor is taken for the place.

use crate::error::Result;
use crate::input::{Batch, LabelRule, Store};

/// Impressions that an item is thought to have had at the mean click rate.
const PRIOR: f64 = 20.0;
/// A place is told apart from those below it if it is expected to have at least so many clicks.
const CLICKS: f64 = 100.0;
/// At most so many places are told apart.
const PLACES: usize = 256;
/// Rounds at most; a theta that moves by less is found.
const ROUNDS: usize = 100;
const FOUND: f64 = 1e-5;

/// So many impressions are enough to tell how likely a place is looked at.
const IMPRESSIONS: usize = 1 << 22;

/// How likely each place of a slate is looked at, by all impressions or those of every so many blocks.
pub(super) fn seen(store: &Store, rule: &LabelRule) -> Result<Vec<f32>> {
    let (mut batch, mut impressions) = (Batch::default(), Vec::new());
    for block in (0..store.blocks()).step_by(store.len().div_ceil(IMPRESSIONS).max(1)) {
        batch.clear();
        store.read(block, &mut batch)?;
        for (row, &place) in batch.place.iter().enumerate() {
            let click = rule.click(batch.label[row], batch.target[row]);
            impressions.extend(click.map(|click| Impression { item: batch.item[row], place, click }));
        }
    }
    Ok(examination(&impressions, store.summary().items.len()))
}

/// An item in a place, counted from 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Impression {
    pub(crate) item: u32,
    pub(crate) place: u32,
    pub(crate) click: bool,
}

/// The chance that each place is looked at, relative to the best one; the last is that of all below. Empty if too little was clicked,
/// or nothing was passed over. All items are below `items`.
pub(crate) fn examination(impressions: &[Impression], items: usize) -> Vec<f32> {
    let clicks = impressions.iter().filter(|seen| seen.click).count() as f64;
    let mean = clicks / impressions.len().max(1) as f64;
    let mut shown = [0.0; PLACES];
    for seen in impressions.iter().filter(|seen| seen.place as usize <= PLACES) {
        shown[seen.place as usize - 1] += mean;
    }
    let places = shown.iter().take_while(|expected| **expected >= CLICKS).count();
    if places < 2 || mean == 1.0 {
        return Vec::new();
    }
    // What is below the last one that is told apart is like it.
    let at = |seen: &Impression| (seen.place as usize).min(places) - 1;
    let (mut place_clicks, mut item_clicks) = (vec![0.0; places], vec![PRIOR * mean; items]);
    for seen in impressions.iter().filter(|seen| seen.click) {
        place_clicks[at(seen)] += 1.0;
        item_clicks[seen.item as usize] += 1.0;
    }
    let mut theta = vec![1.0; places];
    for _ in 0..ROUNDS {
        let mut looked = vec![PRIOR; items];
        impressions.iter().for_each(|seen| looked[seen.item as usize] += theta[at(seen)]);
        let mut appeal = vec![0.0; places];
        for seen in impressions {
            appeal[at(seen)] += item_clicks[seen.item as usize] / looked[seen.item as usize];
        }
        let mut next: Vec<f64> = place_clicks.iter().zip(&appeal).map(|(clicks, appeal)| clicks / appeal).collect();
        let best = next.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        next.iter_mut().for_each(|theta| *theta /= best);
        let moved = theta.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        theta = next;
        if moved < FOUND {
            break;
        }
    }
    theta.into_iter().map(|theta| theta as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::Rng;

    #[test]
    fn the_top_is_not_taken_for_better_because_the_best_stands_there() {
        let (truth, seed) = ([1.0, 0.7, 0.5, 0.4, 0.3, 0.3], 11);
        let mut rng = Rng::new(seed, 0);
        let appeal: Vec<f64> = (0..60).map(|item| 0.05 + 0.5 * item as f64 / 60.0).collect();
        let mut impressions = Vec::new();
        for _ in 0..12_000 {
            let mut drawn = || {
                let item = rng.below(60);
                (appeal[item] + 0.15 * f64::from(rng.normal()), item)
            };
            let mut slate: Vec<(f64, usize)> = (0..6).map(|_| drawn()).collect();
            slate.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (place, (_, item)) in slate.into_iter().enumerate() {
                let click = rng.unit() < truth[place] * appeal[item];
                impressions.push(Impression { item: item as u32, place: place as u32 + 1, click });
            }
        }
        let found = examination(&impressions, 60);
        assert_eq!(found.len(), 6);
        for (place, (found, truth)) in found.iter().zip(truth).enumerate() {
            assert!((f64::from(*found) - truth).abs() < 0.04, "seed {seed}, place {place}: {found}, in truth {truth}");
        }
        // The click rates of the places fall faster, for the best stand at the top.
        let rate = |place: u32| {
            let there = impressions.iter().filter(|seen| seen.place == place);
            there.clone().filter(|seen| seen.click).count() as f64 / there.count() as f64
        };
        assert!(rate(6) / rate(1) < 0.2, "{}", rate(6) / rate(1));
        // Too few clicks tell nothing, and places that few saw are like the last that many did.
        assert!(examination(&impressions[..300], 60).is_empty());
        assert_eq!(examination(&impressions[..6006], 60).len(), 6);
        let seldom = Impression { item: 3, place: 40, click: true };
        impressions.push(seldom);
        assert_eq!(examination(&impressions, 60).len(), 6);
    }
}
