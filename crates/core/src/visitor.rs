//! The visitor row in closed form.
//!
//! With everything else fixed, a factorization machine is linear in one row: s = offset + <phi, u> with phi = (1, q),
//! where q is the sum of the other active rows' factors. So the visitor row u is learnt by online Bayesian regression:
//! u ~ N(mean, covariance), one Laplace step an event at the mode (MacKay 1992; for the squared loss it is the Kalman
//! filter), which costs one rank-one change of the covariance:
//!
//! ```text
//! mean       <- mean + (P phi) * pull
//! P          <- P - (P phi)(P phi)^T * c / (1 + c * phi^T P phi)      c: the loss's curvature at the mode
//! ```
//!
//! The learning rate is the covariance: high at first, optimal per direction, shrinking as evidence comes in.

use crate::learner::MAX_WEIGHT;
use crate::math::proximal;
use crate::{Loss, Prior};
use alloc::vec;
use alloc::vec::Vec;

/// Added to the prior's variances: a direction that no training visitor varied in can still be learnt a little.
const FLOOR: f64 = 1e-6;

/// The visitor row's posterior.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Visitor {
    /// 1 + k: w, then v.
    pub(crate) mean: Vec<f64>,
    /// (1 + k) x (1 + k), row by row; symmetric and positive definite.
    pub(crate) covariance: Vec<f64>,
}

impl Visitor {
    /// A visitor of whom nothing is known.
    pub(crate) fn new(prior: &Prior) -> Visitor {
        let width = prior.mean.len();
        let mut covariance: Vec<f64> = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..width {
                let (a, b) = (prior.covariance[i * width + j], prior.covariance[j * width + i]);
                covariance[i * width + j] = f64::from(prior.scale) * 0.5 * (f64::from(a) + f64::from(b));
            }
            covariance[i * width + i] += FLOOR;
        }
        Visitor { mean: prior.mean.iter().map(|x| f64::from(*x)).collect(), covariance }
    }

    /// What the row adds to a score whose other active rows' factors sum to `q`: w + <v, q>.
    pub(crate) fn score(&self, q: &[f32]) -> f64 {
        self.mean[1..].iter().zip(q).fold(self.mean[0], |sum, (v, q)| sum + v * f64::from(*q))
    }

    /// One event in closed form. `offset` is the score without the visitor row.
    pub(crate) fn learn(&mut self, loss: Loss, offset: f64, q: &[f32], target: f64, weight: f64) {
        let width = self.mean.len();
        let phi = |i: usize| if i == 0 { 1.0 } else { f64::from(q[i - 1]) };
        let direction: Vec<f64> = self
            .covariance
            .chunks_exact(width)
            .map(|row| row.iter().enumerate().fold(0.0, |sum, (j, p)| sum + p * phi(j)))
            .collect();
        let variance = direction.iter().enumerate().fold(0.0, |sum, (i, d)| sum + d * phi(i));
        // Rounding can leave a variance that is not positive only where nothing is left to learn.
        if !(variance > 0.0 && variance.is_finite()) {
            return;
        }
        let step = proximal(loss, offset + self.score(q), target, weight * variance);
        let bound = f64::from(MAX_WEIGHT);
        for (mean, d) in self.mean.iter_mut().zip(&direction) {
            *mean = (*mean + weight * step.pull * d).clamp(-bound, bound);
        }
        let curvature = weight * step.curvature;
        let shrink = curvature / (1.0 + curvature * variance);
        for (row, di) in self.covariance.chunks_exact_mut(width).zip(&direction) {
            for (p, dj) in row.iter_mut().zip(&direction) {
                *p -= shrink * (di * dj);
            }
        }
        for i in 0..width {
            let diagonal = &mut self.covariance[i * width + i];
            *diagonal = diagonal.max(f64::MIN_POSITIVE);
        }
    }

    /// One event by the plain implicit step, the same rate in every direction.
    pub(crate) fn learn_at_rate(&mut self, loss: Loss, offset: f64, q: &[f32], target: f64, weight: f64, rate: f64) {
        let length = q.iter().fold(1.0, |sum, q| sum + f64::from(*q) * f64::from(*q));
        let step = proximal(loss, offset + self.score(q), target, weight * rate * length);
        let bound = f64::from(MAX_WEIGHT);
        let pull = weight * rate * step.pull;
        self.mean[0] = (self.mean[0] + pull).clamp(-bound, bound);
        for (v, q) in self.mean[1..].iter_mut().zip(q) {
            *v = (*v + pull * f64::from(*q)).clamp(-bound, bound);
        }
    }
}
