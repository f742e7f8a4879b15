//! The factorization machine over the active rows (Rendle 2010, equations 1 and 5):
//!
//! ```text
//! s(x) = w0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j
//!      = w0 + sum_i w_i x_i + 1/2 sum_f ((sum_i v_if x_i)^2 - sum_i (v_if x_i)^2)
//! ds/dw_i = x_i        ds/dv_if = x_i (q_f - v_if x_i)        q_f = sum_j v_jf x_j
//! ```

use crate::FeatureId;
use crate::feature::Feature;
use crate::posterior::Gaussian;
use alloc::vec;
use alloc::vec::Vec;

/// Active rows, gathered, with their sums.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) ids: Vec<FeatureId>,
    values: Vec<f32>,
    /// How fast each row learns.
    rates: Vec<f32>,
    rows: Vec<f32>,
    width: usize,
    /// w0 + sum w_i x_i - 1/2 sum (v_if x_i)^2.
    linear: f32,
    /// q, over the rows added so far.
    pub(crate) q: Vec<f32>,
}

impl Active {
    pub(crate) fn new(width: usize, w0: f32) -> Active {
        let q = vec![0.0; width - 1];
        Active { ids: Vec::new(), values: Vec::new(), rates: Vec::new(), rows: Vec::new(), width, linear: w0, q }
    }

    /// Adds a row that learns at `rate`; `read` fills it in.
    pub(crate) fn add(&mut self, feature: &Feature, rate: f32, read: &mut dyn FnMut(FeatureId, &mut [f32])) {
        let start = self.rows.len();
        self.rows.resize(start + self.width, 0.0);
        let row = &mut self.rows[start..];
        read(feature.id, row);
        let x = feature.value;
        let mut squares = 0.0;
        for (q, v) in self.q.iter_mut().zip(&row[1..]) {
            let vx = v * x;
            *q += vx;
            squares += vx * vx;
        }
        self.linear += row[0] * x - 0.5 * squares;
        self.ids.push(feature.id);
        self.values.push(x);
        self.rates.push(rate);
    }

    /// The score without the visitor row.
    pub(crate) fn score(&self) -> f64 {
        f64::from(self.linear) + 0.5 * self.q.iter().fold(0.0, |sum, q| sum + f64::from(*q) * f64::from(*q))
    }

    /// phi of the visitor row: (1, q).
    pub(crate) fn phi(&self) -> Vec<f64> {
        core::iter::once(1.0).chain(self.q.iter().map(|q| f64::from(*q))).collect()
    }

    /// The score with the visitor row `u`, 1 + k long.
    pub(crate) fn score_with(&self, u: &[f64]) -> f64 {
        u[1..].iter().zip(&self.q).fold(self.score() + u[0], |sum, (u, q)| sum + u * f64::from(*q))
    }

    /// sum_i rate_i |ds/drow_i|^2 given the visitor row: what the score moves by when all rows move by one pull.
    pub(crate) fn leverage(&self, visitor: &[f64]) -> f64 {
        let q = self.total(visitor);
        let rows = self.rows.chunks_exact(self.width).zip(&self.values).zip(&self.rates);
        rows.fold(0.0, |sum, ((row, x), rate)| {
            let squares = row[1..].iter().zip(&q).fold(f64::from(*x) * f64::from(*x), |sum, (v, q)| {
                let d = derivative(*x, *v, *q);
                sum + d * d
            });
            sum + f64::from(*rate) * squares
        })
    }

    /// Moves all rows by `pull`, each at its rate, given the visitor row; the sums are left as they were. `emit` takes every
    /// row that has moved.
    pub(crate) fn step(&mut self, visitor: &[f64], pull: f64, emit: &mut dyn FnMut(FeatureId, &[f32])) {
        let q = self.total(visitor);
        let rows = self.rows.chunks_exact_mut(self.width);
        for (((row, x), rate), id) in rows.zip(&self.values).zip(&self.rates).zip(&self.ids) {
            if *rate == 0.0 {
                continue;
            }
            let pull = f64::from(*rate) * pull;
            row[0] = (f64::from(row[0]) + pull * f64::from(*x)) as f32;
            for (v, q) in row[1..].iter_mut().zip(&q) {
                *v = (f64::from(*v) + pull * derivative(*x, *v, *q)) as f32;
            }
            emit(*id, row);
        }
    }

    /// Moves the factors of the rows that learn by -rate curvature P phi, what the visitor row's covariance P adds to the
    /// gradient of the loss averaged over it: half the curvature times the variance of the score, phi^T P phi. The step is
    /// shortened so that it overshoots at no rate.
    pub(crate) fn shrink(&mut self, visitor: &Gaussian, curvature: f64) {
        let (width, direction) = (self.width, visitor.direction(&self.phi()));
        let trace: f64 = (1..width).map(|f| visitor.covariance[f * width + f]).sum();
        let rates = self.values.iter().zip(&self.rates).map(|(x, rate)| f64::from(*rate) * f64::from(*x));
        let steepness: f64 = rates.clone().zip(&self.values).map(|(rate, x)| rate * f64::from(*x)).sum();
        let step = curvature / (1.0 + curvature * trace * steepness);
        for (row, rate) in self.rows.chunks_exact_mut(width).zip(rates) {
            for (v, d) in row[1..].iter_mut().zip(&direction[1..]) {
                *v = (f64::from(*v) - step * rate * d) as f32;
            }
        }
    }

    /// The rows as they were gathered: id, value, row.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (FeatureId, f32, &[f32])> {
        let rows = self.ids.iter().zip(&self.values).zip(self.rows.chunks_exact(self.width));
        rows.map(|((id, x), row)| (*id, *x, row))
    }

    /// q with the visitor row.
    fn total(&self, visitor: &[f64]) -> Vec<f64> {
        self.q.iter().zip(&visitor[1..]).map(|(q, u)| f64::from(*q) + u).collect()
    }
}

/// ds/dv_if. In f64: its square could overflow an f32 at the largest accepted value.
fn derivative(x: f32, v: f32, q: f64) -> f64 {
    f64::from(x) * (q - f64::from(v) * f64::from(x))
}
