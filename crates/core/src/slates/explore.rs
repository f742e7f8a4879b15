//! Exploration: what is not shown is not learnt about. Each place of a slate is drawn from a pool of the best items, and the
//! probability with which its item was drawn, given the places above it, rides on it: its propensity, by which a log can
//! later be evaluated for another policy.

use crate::config::Exploration;
use crate::maths::random::Random;
use crate::model::posterior::{Gaussian, draw};
use alloc::vec::Vec;

/// Draws that a Thompson propensity is estimated from.
const DRAWS: usize = 100;

/// How many of the best items the places are drawn from.
pub(crate) fn pool(k: usize) -> usize {
    k.saturating_mul(4).max(32)
}

/// Chooses `k` of the pool, which is in order of score: places in the pool, with their propensities. `factors` are each
/// item's 1 + k numbers that a visitor row is multiplied with, up to what all items have in common.
pub(crate) fn choose(
    exploration: Exploration,
    factors: &[Vec<f32>],
    k: usize,
    visitor: &Gaussian,
    scores: &[f32],
    random: &mut Random,
) -> Vec<(usize, f32)> {
    let k = k.min(scores.len());
    let mut rest: Vec<usize> = (0..scores.len()).collect();
    match exploration {
        Exploration::None => (0..k).map(|at| (at, 1.0)).collect(),
        Exploration::EpsilonGreedy { epsilon } => (0..k)
            .map(|_| {
                let by_chance = epsilon / rest.len() as f32;
                let at = if random.uniform() < f64::from(epsilon) { random.below(rest.len()) } else { 0 };
                (rest.remove(at), by_chance + if at == 0 { 1.0 - epsilon } else { 0.0 })
            })
            .collect(),
        Exploration::Thompson => {
            let lower = visitor.cholesky();
            // Of the places only the draws are kept: their scores would be k times the pool.
            let draws: Vec<Vec<f64>> = (0..k + DRAWS).map(|_| draw(&lower, visitor.mean().len(), random)).collect();
            let (shown, further) = draws.split_at(k);
            let further: Vec<Vec<f64>> = further.iter().map(|off| scores_under(off, factors, scores)).collect();
            let best = |rest: &[usize], scores: &[f64]| {
                (1..rest.len()).fold(0, |best, at| if scores[rest[at]] > scores[rest[best]] { at } else { best })
            };
            shown
                .iter()
                .map(|off| {
                    let at = best(&rest, &scores_under(off, factors, scores));
                    let alike = further.iter().filter(|scores| best(&rest, scores) == at).count();
                    (rest.remove(at), (alike + 1) as f32 / (DRAWS + 1) as f32)
                })
                .collect()
        }
    }
}

/// The scores under a draw that lies so far off the mean.
#[inline(never)]
fn scores_under(off: &[f64], factors: &[Vec<f32>], scores: &[f32]) -> Vec<f64> {
    let score = |(q, score): (&Vec<f32>, &f32)| {
        q.iter().zip(off).fold(f64::from(*score), |sum, (q, u)| sum + f64::from(*q) * u)
    };
    factors.iter().zip(scores).map(score).collect()
}
