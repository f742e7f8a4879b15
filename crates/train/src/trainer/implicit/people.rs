//! What people are like: N(mu, Sigma), by expectation and maximisation over the posteriors of the people of the training (empirical Bayes),
//! and what a newcomer is before the first click.

use super::linear::{cholesky, gram, inverse, solve, times};
use super::pairs::Pairs;
use super::squares::Weights;
use crate::maths::Rng;

/// The variance of what people of the training chose around its score, by which they are told apart.
pub(crate) const NOISE: f64 = 0.05;
/// Rounds of expectation and maximisation: more change nothing that can be seen.
const ROUNDS: usize = 5;

/// A visitor of whom nothing is known but that everything went unclicked: N(mean, precision^-1), in units of [`NOISE`].
#[derive(Debug, Clone)]
pub(crate) struct Newcomer {
    pub(crate) mean: Vec<f64>,
    pub(crate) precision: Vec<f64>,
}

/// Adds what a click's row says: v v^T of a weight to `precision`, t v to `pull`.
fn observe(precision: &mut [f64], pull: &mut [f64], v: &[f32], target: f64, weight: f64) {
    let k = v.len();
    for (f, x) in v.iter().enumerate() {
        let x = f64::from(*x) * weight;
        pull[f] += x * target;
        let cells = &mut precision[f * k..f * k + f + 1];
        cells.iter_mut().zip(v).for_each(|(cell, y)| *cell += x * f64::from(*y));
    }
}

impl Newcomer {
    /// How newcomers differ from their mean.
    pub(crate) fn covariance(&self) -> Vec<f64> {
        let k = self.mean.len();
        inverse(&cholesky(&self.precision, k), k).iter().map(|x| x * NOISE).collect()
    }

    /// The mean after these clicks, pairs of an item's row and a target, of such a variance.
    pub(crate) fn after<'a>(&self, clicks: impl Iterator<Item = (&'a [f32], f64)>, noise: f64) -> Vec<f64> {
        let k = self.mean.len();
        let (mut precision, mut pull) = (self.precision.clone(), times(&self.precision, &self.mean));
        clicks.for_each(|(v, target)| observe(&mut precision, &mut pull, v, target, NOISE / noise));
        solve(&cholesky(&precision, k), &pull)
    }
}

/// The newcomer who draws from what people are like; `most` people are looked at.
pub(crate) fn newcomer(people: &Pairs, q: &[f32], k: usize, weights: Weights, most: usize, seed: u64) -> Newcomer {
    let mut chosen: Vec<usize> = (0..people.len()).filter(|&at| people.row(at).next().is_some()).collect();
    Rng::new(seed, 0).shuffle(&mut chosen);
    chosen.truncate(most);
    let unshown: Vec<f64> = gram(q, k).iter().map(|x| x * weights.unshown).collect();
    let count = chosen.len().max(1) as f64;
    // People begin as alike as least squares with this much shrinkage would have them.
    let (mut mu, mut sigma) = (vec![0.0; k], vec![0.0; k * k]);
    let start = NOISE / (weights.reg * weights.unshown * people.across as f64).max(1e-9);
    (0..k).for_each(|f| sigma[f * k + f] = start);
    let prior = |mu: &[f64], sigma: &[f64]| {
        let own: Vec<f64> = inverse(&cholesky(sigma, k), k).iter().map(|x| x * NOISE).collect();
        let pull = times(&own, mu);
        let precision: Vec<f64> = own.iter().zip(&unshown).map(|(a, b)| a + b).collect();
        (precision, pull)
    };
    for _ in 0..ROUNDS {
        let (precision, pull) = prior(&mu, &sigma);
        let mut means = Vec::with_capacity(chosen.len());
        let mut uncertain = vec![0.0; k * k];
        for &person in &chosen {
            let (mut precision, mut pull) = (precision.clone(), pull.clone());
            for (item, target, weight) in people.row(person) {
                observe(&mut precision, &mut pull, &q[item as usize * k..][..k], target.into(), weight.into());
            }
            let lower = cholesky(&precision, k);
            let covariance = inverse(&lower, k);
            uncertain.iter_mut().zip(&covariance).for_each(|(sum, x)| *sum += NOISE * x / count);
            means.push(solve(&lower, &pull));
        }
        mu.fill(0.0);
        means.iter().for_each(|mean| mu.iter_mut().zip(mean).for_each(|(mu, x)| *mu += x / count));
        sigma = uncertain;
        for mean in &means {
            for (f, cells) in sigma.chunks_exact_mut(k).enumerate() {
                let off = (mean[f] - mu[f]) / count;
                cells.iter_mut().zip(mean.iter().zip(&mu)).for_each(|(cell, (x, mu))| *cell += off * (x - mu));
            }
        }
        (0..k).for_each(|f| sigma[f * k + f] += 1e-9);
    }
    let (precision, pull) = prior(&mu, &sigma);
    Newcomer { mean: solve(&cholesky(&precision, k), &pull), precision }
}
