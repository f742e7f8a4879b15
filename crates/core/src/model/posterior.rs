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

use crate::limits::MAX_WEIGHT;
use crate::loss::{Loss, proximal};
use crate::maths::lanes::{LANES, Lanes, Wide, narrowed, padded, total, wide, widened};
use crate::maths::linear::cholesky;
use crate::maths::random::Random;
use crate::maths::scalar::sqrt;
use alloc::vec;
use alloc::vec::Vec;
use wide::f64x4;

/// Added to a prior's variances: a direction that no training visitor varied in can still be learnt a little.
const FLOOR: f64 = 1e-6;

/// What a posterior began as, and returns to where it forgets.
#[derive(Debug, Clone)]
pub(crate) struct Gaussian {
    n: usize,
    mean: Vec<Wide>,
    /// Symmetric and positive definite, in panels of four columns, each row by row: a panel times phi is a vector
    /// multiplication for each row. Beyond column n are zeros.
    covariance: Vec<Wide>,
    /// Of the last event: P phi.
    direction: Vec<Wide>,
}

impl Gaussian {
    /// The row of a visitor of whom nothing is known: n numbers and, row by row, n x n that are multiplied with `scale`.
    pub(crate) fn prior(mean: &[f32], numbers: &[f32], scale: f64) -> Gaussian {
        let width = mean.len();
        let mut covariance: Vec<f64> = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..width {
                let (a, b) = (numbers[i * width + j], numbers[j * width + i]);
                covariance[i * width + j] = scale * 0.5 * (f64::from(a) + f64::from(b));
            }
            // Rounding to f32 may have cost the covariance what the check of a base allows for.
            covariance[i * width + i] = covariance[i * width + i] * (1.0 + 1e-6) + FLOOR;
        }
        let mean: Vec<f64> = mean.iter().map(|x| f64::from(*x)).collect();
        Gaussian::new(&mean, &covariance)
    }

    /// Of a mean of n numbers and a covariance of n x n, row by row.
    pub(crate) fn new(mean: &[f64], covariance: &[f64]) -> Gaussian {
        let n = mean.len();
        let mean = padded(mean);
        let mut panels = vec![[0.0; LANES]; mean.len() * n];
        for (at, p) in covariance.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            panels[j / LANES * n + i][j % LANES] = *p;
        }
        let direction = vec![[0.0; LANES]; mean.len()];
        Gaussian { n, mean, covariance: panels, direction }
    }

    /// Independent numbers.
    pub(crate) fn independent(mean: &[f64], variance: &[f64]) -> Gaussian {
        let n = mean.len();
        let covariance: Vec<f64> =
            (0..n * n).map(|at| if at % (n + 1) == 0 { variance[at / n] } else { 0.0 }).collect();
        Gaussian::new(mean, &covariance)
    }

    /// The mean, n numbers.
    pub(crate) fn mean(&self) -> &[f64] {
        &self.mean.as_flattened()[..self.n]
    }

    /// The mean in lanes.
    pub(crate) fn lanes(&self) -> &[Wide] {
        &self.mean
    }

    pub(crate) fn set_mean(&mut self, mean: &[f64]) {
        self.mean = padded(mean);
    }

    /// Keeps a number of the mean from falling below `least`.
    pub(crate) fn keep_above(&mut self, at: usize, least: f64) {
        let mean = &mut self.mean.as_flattened_mut()[at];
        *mean = mean.max(least);
    }

    /// n x n numbers, row by row.
    pub(crate) fn covariance(&self) -> Vec<f64> {
        (0..self.n * self.n).map(|at| *self.element(at / self.n, at % self.n)).collect()
    }

    /// <mean, phi>.
    pub(crate) fn dot(&self, phi: &[Lanes]) -> f64 {
        dot(&self.mean, phi)
    }

    /// phi^T P phi: how uncertain <mean, phi> is.
    pub(crate) fn variance(&self, phi: &[Lanes]) -> f64 {
        let mut sum = f64x4::ZERO;
        for (panel, x) in self.covariance.chunks_exact(self.n).zip(phi) {
            add_product(&mut sum, times(panel, phi), x);
        }
        total(sum)
    }

    /// One event: the score is `offset` + <mean, phi>. With `diagonal`, covariances between numbers are left at zero.
    pub(crate) fn learn(&mut self, loss: Loss, offset: f64, phi: &[Lanes], target: f64, weight: f64, diagonal: bool) {
        let variance = self.aim(phi);
        // Rounding can leave a variance that is not positive only where nothing is left to learn.
        if !(variance > 0.0 && variance.is_finite()) {
            return;
        }
        let step = proximal(loss, offset + self.dot(phi), target, weight * variance);
        let (bound, pull) = (f64::from(MAX_WEIGHT), weight * step.pull);
        for (mean, d) in self.mean.iter_mut().zip(&self.direction) {
            let [a, b, c, d] = (wide(mean) + wide(d) * pull).to_array();
            *mean = [a.clamp(-bound, bound), b.clamp(-bound, bound), c.clamp(-bound, bound), d.clamp(-bound, bound)];
        }
        let curvature = weight * step.curvature;
        if diagonal {
            // Precisions add up, each number by itself (Chapelle and Li 2011, algorithm 3).
            for (i, x) in phi.as_flattened().iter().take(self.n).enumerate() {
                let (x, p) = (f64::from(*x), self.element_mut(i, i));
                *p /= 1.0 + curvature * x * x * *p;
            }
            return;
        }
        // What is taken away is an outer product, so it is as symmetric as P.
        let root = sqrt(curvature / (1.0 + curvature * variance));
        self.direction.iter_mut().for_each(|d| *d = (wide(d) * root).to_array());
        for (panel, column) in self.covariance.chunks_exact_mut(self.n).zip(&self.direction) {
            add_outer(panel, -wide(column), &self.direction);
        }
        for i in 0..self.n {
            let d = self.direction[i / LANES][i % LANES];
            let p = self.element_mut(i, i);
            let least = (*p + d * d) * 1e-12;
            // In exact numbers a variance stays positive; a rounded one is kept from zero.
            *p = if *p > least { *p } else { least };
        }
    }

    /// Takes an event back: its loss, expanded to the second order at the mean, is divided out of the posterior (a Newton step, Guo et
    /// al. 2020). Straight after [`Gaussian::learn`] that is what was before, but for rounding, for the mean is the mode that the event
    /// was learnt at; later it is as good as the expansion. No variance grows beyond the prior's.
    #[cold]
    #[inline(never)]
    pub(crate) fn unlearn(
        &mut self,
        prior: &Gaussian,
        loss: Loss,
        offset: f64,
        phi: &[Lanes],
        target: f64,
        weight: f64,
    ) {
        let variance = self.aim(phi);
        if !(variance > 0.0 && variance.is_finite()) {
            return;
        }
        let step = proximal(loss, offset + self.dot(phi), target, 0.0);
        let curvature = weight * step.curvature;
        let rest = 1.0 - curvature * variance;
        let mut gain = if rest > 0.0 { curvature / rest } else { f64::MAX };
        for (i, d) in self.direction.as_flattened().iter().take(self.n).enumerate() {
            let room = (prior.element(i, i) - self.element(i, i)).clamp(0.0, f64::MAX);
            if gain * d * d > room {
                gain = room / (d * d);
            }
        }
        let (bound, pull) = (f64::from(MAX_WEIGHT), weight * step.pull * (1.0 + gain * variance));
        for (mean, d) in self.mean.iter_mut().zip(&self.direction) {
            *mean = (wide(mean) - wide(d) * pull).to_array().map(|x| x.clamp(-bound, bound));
        }
        for (panel, column) in self.covariance.chunks_exact_mut(self.n).zip(&self.direction) {
            add_outer(panel, wide(column) * gain, &self.direction);
        }
    }

    /// Moves the covariance by a share of the way back to the prior's, so that what is old counts less. It lies between two
    /// covariances, so it is one.
    pub(crate) fn forget(&mut self, prior: &Gaussian, share: f64) {
        for (p, p0) in self.covariance.iter_mut().zip(&prior.covariance) {
            *p = (wide(p) + (wide(p0) - wide(p)) * share).to_array();
        }
    }

    /// Moves the mean by a share of the way back to the prior's.
    pub(crate) fn pull(&mut self, prior: &Gaussian, share: f64) {
        for (m, m0) in self.mean.as_flattened_mut().iter_mut().zip(prior.mean.as_flattened()) {
            *m += share * (m0 - *m);
        }
    }

    /// The lower triangle L of the Cholesky decomposition P = L L^T, row by row.
    pub(crate) fn cholesky(&self) -> Vec<f64> {
        cholesky(self.n, &|i, j| *self.element(i, j)).0
    }

    /// P phi, in lanes; returns phi^T P phi.
    pub(crate) fn direction(&self, phi: &[Lanes], direction: &mut Vec<Lanes>) -> f64 {
        let mut sum = f64x4::ZERO;
        direction.clear();
        for (panel, x) in self.covariance.chunks_exact(self.n).zip(phi) {
            let product = times(panel, phi);
            direction.push(narrowed(product));
            add_product(&mut sum, product, x);
        }
        total(sum)
    }

    /// Keeps P phi as the direction; returns phi^T P phi.
    fn aim(&mut self, phi: &[Lanes]) -> f64 {
        let mut sum = f64x4::ZERO;
        let panels = self.covariance.chunks_exact(self.n).zip(&mut self.direction);
        for ((panel, direction), x) in panels.zip(phi) {
            let product = times(panel, phi);
            *direction = product.to_array();
            add_product(&mut sum, product, x);
        }
        total(sum)
    }

    fn element(&self, i: usize, j: usize) -> &f64 {
        &self.covariance[j / LANES * self.n + i][j % LANES]
    }

    fn element_mut(&mut self, i: usize, j: usize) -> &mut f64 {
        &mut self.covariance[j / LANES * self.n + i][j % LANES]
    }
}

/// <u, phi>.
pub(crate) fn dot(u: &[Wide], phi: &[Lanes]) -> f64 {
    let mut sum = f64x4::ZERO;
    u.iter().zip(phi).for_each(|(u, x)| add_product(&mut sum, wide(u), x));
    total(sum)
}

/// Four columns of the covariance times phi.
#[inline]
fn times(panel: &[Wide], phi: &[Lanes]) -> f64x4 {
    let mut sum = f64x4::ZERO;
    for (row, x) in panel.iter().zip(phi.as_flattened()) {
        sum += wide(row) * f64::from(*x);
    }
    sum
}

/// Adds to four columns of the covariance what a direction is times theirs.
#[inline]
fn add_outer(panel: &mut [Wide], column: f64x4, direction: &[Wide]) {
    let add = |row: &mut Wide, d: &f64| *row = (wide(row) + column * *d).to_array();
    let (fours, rest) = panel.as_chunks_mut::<LANES>();
    for ([a, b, c, d], [x, y, z, w]) in fours.iter_mut().zip(direction) {
        add(a, x);
        add(b, y);
        add(c, z);
        add(d, w);
    }
    let last = direction.as_flattened().iter().skip(LANES * fours.len());
    rest.iter_mut().zip(last).for_each(|(row, d)| add(row, d));
}

#[inline]
fn add_product(sum: &mut f64x4, a: f64x4, b: &Lanes) {
    *sum += a * widened(b);
}

/// A draw from N(0, L L^T).
pub(crate) fn draw(lower: &[f64], n: usize, random: &mut Random) -> Vec<f64> {
    let normal: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    lower.chunks_exact(n).map(|row| row.iter().zip(&normal).fold(0.0, |sum, (l, z)| sum + l * z)).collect()
}
