//! Online Bayesian regression on a few numbers: a Gaussian posterior, one Laplace step an event at the mode (MacKay 1992;
//! for the squared loss it is the Kalman filter), which costs one rank-one change of the covariance:
//!
//! ```text
//! mean <- mean + (P phi) * pull
//! P    <- P - (P phi)(P phi)^T * c / (1 + c * phi^T P phi)        c: the loss's curvature at the mode
//! ```
//!
//! Two parts of a model are linear given the rest, and are learnt this way. The visitor row u: with everything else fixed,
//! s = offset + <phi, u> with phi = (1, q), q the sum of the other active rows' factors. And the calibration (a, b): with
//! phi = (s, 1). The learning rate is the covariance: high at first, optimal per direction, falling as evidence comes in.

use crate::learner::MAX_WEIGHT;
use crate::math::proximal;
use crate::random::Random;
use crate::{Loss, Prior};
use alloc::vec;
use alloc::vec::Vec;

/// Added to a prior's variances: a direction that no training visitor varied in can still be learnt a little.
const FLOOR: f64 = 1e-6;

/// What a posterior began as, and returns to where it forgets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gaussian {
    pub(crate) mean: Vec<f64>,
    /// n x n, row by row; symmetric and positive definite.
    pub(crate) covariance: Vec<f64>,
}

impl Gaussian {
    /// The visitor row of whom nothing is known, its covariance times `factor`.
    pub(crate) fn prior(prior: &Prior, factor: f32) -> Gaussian {
        let width = prior.mean.len();
        let scale = f64::from(prior.scale) * f64::from(factor);
        let mut covariance: Vec<f64> = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..width {
                let (a, b) = (prior.covariance[i * width + j], prior.covariance[j * width + i]);
                covariance[i * width + j] = scale * 0.5 * (f64::from(a) + f64::from(b));
            }
            // Rounding to f32 may have cost the covariance what the check of a base allows for.
            covariance[i * width + i] = covariance[i * width + i] * (1.0 + 1e-6) + FLOOR;
        }
        Gaussian { mean: prior.mean.iter().map(|x| f64::from(*x)).collect(), covariance }
    }

    /// Independent numbers.
    pub(crate) fn independent(mean: &[f64], variance: &[f64]) -> Gaussian {
        let n = mean.len();
        let covariance = (0..n * n).map(|at| if at % (n + 1) == 0 { variance[at / n] } else { 0.0 }).collect();
        Gaussian { mean: mean.to_vec(), covariance }
    }

    /// <mean, phi>.
    pub(crate) fn dot(&self, phi: &[f64]) -> f64 {
        self.mean.iter().zip(phi).fold(0.0, |sum, (m, x)| sum + m * x)
    }

    /// phi^T P phi: how uncertain <mean, phi> is.
    pub(crate) fn variance(&self, phi: &[f64]) -> f64 {
        self.direction(phi).iter().zip(phi).fold(0.0, |sum, (d, x)| sum + d * x)
    }

    /// One event: the score is `offset` + <mean, phi>. With `diagonal`, covariances between numbers are left at zero.
    pub(crate) fn learn(&mut self, loss: Loss, offset: f64, phi: &[f64], target: f64, weight: f64, diagonal: bool) {
        let n = self.mean.len();
        let direction = self.direction(phi);
        let variance = direction.iter().zip(phi).fold(0.0, |sum, (d, x)| sum + d * x);
        // Rounding can leave a variance that is not positive only where nothing is left to learn.
        if !(variance > 0.0 && variance.is_finite()) {
            return;
        }
        let step = proximal(loss, offset + self.dot(phi), target, weight * variance);
        let bound = f64::from(MAX_WEIGHT);
        for (mean, d) in self.mean.iter_mut().zip(&direction) {
            *mean = (*mean + weight * step.pull * d).clamp(-bound, bound);
        }
        let curvature = weight * step.curvature;
        if diagonal {
            // Precisions add up, each number by itself (Chapelle and Li 2011, algorithm 3).
            for (i, x) in phi.iter().enumerate() {
                let p = &mut self.covariance[i * n + i];
                *p /= 1.0 + curvature * x * x * *p;
            }
            return;
        }
        let shrink = curvature / (1.0 + curvature * variance);
        for (i, row) in self.covariance.chunks_exact_mut(n).enumerate() {
            for (j, p) in row.iter_mut().enumerate() {
                let left = *p - shrink * (direction[i] * direction[j]);
                // In exact numbers a variance stays positive; a rounded one is kept from zero.
                *p = if i == j { left.max(*p * 1e-12) } else { left };
            }
        }
    }

    /// Moves the covariance by a share of the way back to the prior's, so that what is old counts less. It lies between two
    /// covariances, so it is one.
    pub(crate) fn forget(&mut self, prior: &Gaussian, share: f64) {
        for (p, p0) in self.covariance.iter_mut().zip(&prior.covariance) {
            *p += share * (p0 - *p);
        }
    }

    /// Moves the mean by a share of the way back to the prior's.
    pub(crate) fn pull(&mut self, prior: &Gaussian, share: f64) {
        for (m, m0) in self.mean.iter_mut().zip(&prior.mean) {
            *m += share * (m0 - *m);
        }
    }

    /// The lower triangle L of the Cholesky decomposition P = L L^T, row by row. A pivot that rounding made negative is 0.
    pub(crate) fn cholesky(&self) -> Vec<f64> {
        let n = self.mean.len();
        let mut lower = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let known = (0..j).fold(0.0, |sum, f| sum + lower[i * n + f] * lower[j * n + f]);
                let rest = self.covariance[i * n + j] - known;
                lower[i * n + j] = if i == j {
                    libm::sqrt(rest.max(0.0))
                } else if lower[j * n + j] > 0.0 {
                    rest / lower[j * n + j]
                } else {
                    0.0
                };
            }
        }
        lower
    }

    /// P phi. P is symmetric, so its rows are its columns, and adding them up one after the other is SIMD.
    pub(crate) fn direction(&self, phi: &[f64]) -> Vec<f64> {
        let mut direction = vec![0.0; phi.len()];
        for (row, x) in self.covariance.chunks_exact(phi.len()).zip(phi) {
            direction.iter_mut().zip(row).for_each(|(sum, p)| *sum += p * x);
        }
        direction
    }
}

/// A draw from N(0, L L^T).
pub(crate) fn draw(lower: &[f64], n: usize, random: &mut Random) -> Vec<f64> {
    let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    lower.chunks_exact(n).map(|row| row.iter().zip(&normal).fold(0.0, |sum, (l, z)| sum + l * z)).collect()
}
