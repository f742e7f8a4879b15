//! The factorization machine over the active rows (Rendle 2010, equations 1 and 5):
//!
//! ```text
//! s(x) = w0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j
//!      = w0 + sum_i w_i x_i + 1/2 sum_f ((sum_i v_if x_i)^2 - sum_i (v_if x_i)^2)
//! ds/dw_i = x_i        ds/dv_if = x_i (q_f - v_if x_i)        q_f = sum_j v_jf x_j
//! ```

use crate::feature::Feature;
use crate::math::proximal;
use crate::{FeatureId, Loss};
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
    pub(crate) fn add(&mut self, feature: &Feature, rate: f32, read: impl FnOnce(FeatureId, &mut [f32])) {
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

    /// One implicit step of all rows at their rates, given the visitor row `u` (1 + k): the rows are moved, the sums are
    /// not. `emit` takes every row that may have moved.
    pub(crate) fn step(
        &mut self,
        loss: Loss,
        visitor: &[f64],
        target: f64,
        weight: f64,
        mut emit: impl FnMut(FeatureId, &[f32]),
    ) {
        let q: Vec<f64> = self.q.iter().zip(&visitor[1..]).map(|(q, u)| f64::from(*q) + u).collect();
        let score = visitor[1..].iter().zip(&self.q).fold(self.score() + visitor[0], |s, (u, q)| s + u * f64::from(*q));
        // Derivatives are squared in f64: in f32 they could overflow at the largest accepted value.
        let derivative = |x: f32, v: f32, q: f64| f64::from(x) * (q - f64::from(v) * f64::from(x));
        let mut h = 0.0;
        for ((row, x), rate) in self.rows.chunks_exact(self.width).zip(&self.values).zip(&self.rates) {
            let squares = row[1..].iter().zip(&q).fold(f64::from(*x) * f64::from(*x), |sum, (v, q)| {
                let d = derivative(*x, *v, *q);
                sum + d * d
            });
            h += f64::from(*rate) * squares;
        }
        let pull = weight * proximal(loss, score, target, weight * h).pull;
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
}
