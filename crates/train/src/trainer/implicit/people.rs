//! What people are like: N(mu, Sigma), by expectation and maximisation over the posteriors of the people of the training (empirical Bayes),
//! and what a newcomer is before the first click.

use super::linear::{CHUNK, cholesky, gram, inverse, solve, times};
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

/// Clicks whose products go to a cell at once: it is read and written that much less often.
const AT_ONCE: usize = 4;

/// Adds what clicks' rows say, of a target and a weight each: the weighted v v^T to the lower half of `precision`, t v to `pull`.
fn observe<'a>(precision: &mut [f64], pull: &mut [f64], clicks: impl Iterator<Item = (&'a [f32], f64, f64)>) {
    let k = pull.len();
    let clicks: Vec<_> = clicks.collect();
    for (v, target, weight) in &clicks {
        pull.iter_mut().zip(*v).for_each(|(pull, x)| *pull += f64::from(*x) * weight * target);
    }
    let mut sum = vec![0.0f32; k * k];
    for chunk in clicks.chunks(CHUNK) {
        sum.fill(0.0);
        for some in chunk.chunks(AT_ONCE) {
            // Where there are fewer, the first stands in with no weight.
            let of = |at: usize| some.get(at).map_or((some[0].0, 0.0), |(v, _, weight)| (*v, *weight as f32));
            let [(a, aw), (b, bw), (c, cw), (d, dw)] = [of(0), of(1), of(2), of(3)];
            for (f, sum) in sum.chunks_exact_mut(k).enumerate() {
                // Whole vectors of numbers; what is beyond the diagonal is not looked at.
                let end = k.min((f | 7) + 1);
                let (ax, bx, cx, dx) = (aw * a[f], bw * b[f], cw * c[f], dw * d[f]);
                let others = a[..end].iter().zip(&b[..end]).zip(c[..end].iter().zip(&d[..end]));
                for (sum, ((a, b), (c, d))) in sum[..end].iter_mut().zip(others) {
                    *sum += (ax * a + bx * b) + (cx * c + dx * d);
                }
            }
        }
        precision.iter_mut().zip(&sum).for_each(|(cell, x)| *cell += f64::from(*x));
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
        observe(&mut precision, &mut pull, clicks.map(|(v, target)| (v, target, NOISE / noise)));
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
            let row = |item: u32| &q[item as usize * k..][..k];
            let said = people.row(person).map(|(item, target, weight)| (row(item), target.into(), weight.into()));
            observe(&mut precision, &mut pull, said);
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
