//! The hierarchical prior of a group of rows: their mean and precision, learnt from the rows (Salakhutdinov and Mnih 2008).

use super::linear::{backward, cholesky, forward, inverse, multiply};

/// The normal-Wishart hyper-prior counts as so many rows at the hyper-mean.
const BETA: f64 = 2.0;
/// Variance that the hyper-prior expects of a factor; it counts as one row more than there are numbers.
const EXPECTED: f64 = 0.01;

/// N(mean, precision^-1) over the rows (b, v) of one group.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) mean: Vec<f64>,
    pub(super) precision: Vec<f64>,
}

/// Moments of a group's rows.
#[derive(Debug, Clone)]
pub(super) struct Sums {
    pub(super) n: f64,
    pub(super) first: Vec<f64>,
    /// Of `E[r r^T]`: lower triangle.
    pub(super) second: Vec<f64>,
}

impl Sums {
    pub(super) fn new(d: usize) -> Sums {
        Sums { n: 0.0, first: vec![0.0; d], second: vec![0.0; d * d] }
    }

    /// Adds a row of this mean and covariance.
    pub(super) fn add(&mut self, row: &[f64], covariance: &[f64]) {
        let d = row.len();
        self.n += 1.0;
        for i in 0..d {
            self.first[i] += row[i];
            let sums = &mut self.second[i * d..=i * d + i];
            for ((sum, x), c) in sums.iter_mut().zip(row).zip(&covariance[i * d..]) {
                *sum += row[i] * x + c;
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Sums) {
        self.n += other.n;
        self.first.iter_mut().zip(&other.first).for_each(|(a, b)| *a += b);
        self.second.iter_mut().zip(&other.second).for_each(|(a, b)| *a += b);
    }

    pub(super) fn mean(&self) -> Vec<f64> {
        self.first.iter().map(|x| x / self.n.max(1.0)).collect()
    }

    /// Both triangles.
    pub(super) fn covariance(&self) -> Vec<f64> {
        let (d, n, mean) = (self.first.len(), self.n.max(1.0), self.mean());
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..=i {
                let x = self.second[i * d + j] / n - mean[i] * mean[j];
                covariance[i * d + j] = x;
                covariance[j * d + i] = x;
            }
        }
        covariance
    }
}

impl Group {
    /// Before anything is known: `bias` is the mean of the weight.
    pub(super) fn new(d: usize, bias: f64) -> Group {
        let mut group = Group { mean: vec![0.0; d], precision: vec![0.0; d * d] };
        group.mean[0] = bias;
        for i in 0..d {
            group.precision[i * d + i] = if i == 0 { 1.0 } else { 10.0 };
        }
        group
    }

    /// Learns from the rows: the means of the normal-Wishart posterior. `bias` is the hyper-mean of the weight.
    pub(super) fn learn(&mut self, sums: &Sums, bias: f64) {
        let d = self.mean.len();
        let beta = BETA + sums.n;
        let degrees = (d + 1) as f64;
        let rows_mean = sums.mean();
        let hyper = |i: usize| if i == 0 { bias } else { 0.0 };
        let mut scatter = sums.covariance();
        scatter.iter_mut().for_each(|x| *x *= sums.n);
        for i in 0..d {
            for j in 0..d {
                let off = (rows_mean[i] - hyper(i)) * (rows_mean[j] - hyper(j));
                scatter[i * d + j] += BETA * sums.n / beta * off;
            }
            scatter[i * d + i] += degrees * EXPECTED;
        }
        self.mean = (0..d).map(|i| (BETA * hyper(i) + sums.n * rows_mean[i]) / beta).collect();
        cholesky(&mut scatter, d);
        self.precision = inverse(&scatter, d);
        self.precision.iter_mut().for_each(|x| *x *= degrees + sums.n);
    }

    /// precision * mean.
    pub(super) fn pull(&self) -> Vec<f64> {
        multiply(&self.precision, &self.mean)
    }
}

/// N(A^-1 h, A^-1): returns the covariance, `h` becomes the mean. `a` is A's lower triangle and is overwritten.
pub(super) fn conclude(a: &mut [f64], h: &mut [f64]) -> Vec<f64> {
    cholesky(a, h.len());
    forward(a, h);
    backward(a, h);
    inverse(a, h.len())
}
