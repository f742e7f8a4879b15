//! A slate whose items are not all alike: maximal marginal relevance (Carbonell and Goldstein 1998), and at most so many items of a value.
//!
//! Each place goes to the item with the largest (1 - d) r - d s: r is how far its score is from the lowest to the highest of those that are in question, s
//! the cosine to the item above that is most like it, and d the diversity that is asked for.

use crate::input::feature::Features;
use crate::learner::rank::{AtMost, Query};
use crate::learner::state::Learner;
use crate::slates::explore::pool;
use alloc::vec;
use alloc::vec::Vec;

impl Learner {
    /// Places and scores of at most `k` items, best first. Where values are limited, as much of the ranking is looked at as it takes to find so many.
    #[cold]
    #[inline(never)]
    pub(super) fn rank_diverse(&mut self, context: &Features, query: &Query<'_>) -> Vec<(usize, f32)> {
        let mut most = pool(query.k);
        loop {
            let best = self.rank(context, most, query);
            let chosen = self.diverse(&best, query);
            if chosen.len() == query.k || best.len() < most {
                return chosen;
            }
            most = most.saturating_mul(4);
        }
    }

    #[cold]
    #[inline(never)]
    fn diverse(&self, best: &[(usize, f32)], query: &Query<'_>) -> Vec<(usize, f32)> {
        let [Some((_, highest)), Some((_, lowest))] = [best.first(), best.last()] else { return Vec::new() };
        let features = |at: usize| &self.catalogue.item(best[at].0).features;
        let directions: Vec<Option<Vec<f64>>> = if query.diversity > 0.0 {
            (0..best.len()).map(|at| self.direction(features(at))).collect()
        } else {
            vec![None; best.len()]
        };
        let d = f64::from(query.diversity);
        let span = f64::from(highest - lowest);
        let worth = |at: usize, alike: f64| {
            let relevance = if span > 0.0 { f64::from(best[at].1 - lowest) / span } else { 1.0 };
            (1.0 - d) * relevance - d * alike
        };
        // The largest cosine to what was chosen; what is like nothing has none.
        let mut alike = vec![f64::NEG_INFINITY; best.len()];
        let mut counts: Vec<Vec<usize>> = query.at_most.iter().map(|limit| vec![0; limit.values.len()]).collect();
        let mut rest: Vec<usize> = (0..best.len()).collect();
        let mut chosen = Vec::new();
        while chosen.len() < query.k {
            rest.retain(|at| {
                let full = |limit: &AtMost, counts: &[usize]| {
                    let mut values = limit.values.iter().zip(counts).filter(|(_, count)| **count >= limit.items);
                    values.any(|(value, _)| features(*at).iter().any(|feature| feature.id == *value))
                };
                !query.at_most.iter().zip(&counts).any(|(limit, counts)| full(limit, counts))
            });
            let of = |at: usize| worth(at, if alike[at].is_finite() { alike[at] } else { 0.0 });
            let first = rest.first().map(|at| (0, of(*at)));
            let better = |best: (usize, f64), (place, at): (usize, &usize)| {
                if of(*at) > best.1 { (place, of(*at)) } else { best }
            };
            let Some((place, _)) = first.map(|first| rest.iter().enumerate().fold(first, better)) else { break };
            let at = rest.remove(place);
            chosen.push(best[at]);
            for (limit, counts) in query.at_most.iter().zip(&mut counts) {
                for (value, count) in limit.values.iter().zip(counts) {
                    *count += usize::from(features(at).iter().any(|feature| feature.id == *value));
                }
            }
            let Some(direction) = &directions[at] else { continue };
            for other in &rest {
                let Some(theirs) = &directions[*other] else { continue };
                let cosine = direction.iter().zip(theirs).fold(0.0, |sum, (x, y)| sum + x * y);
                alike[*other] = if cosine > alike[*other] { cosine } else { alike[*other] };
            }
        }
        chosen
    }
}
