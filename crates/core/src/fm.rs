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

/// The sums over active rows that a score is made of.
#[derive(Debug, Clone)]
pub(crate) struct Sums {
    /// w0 + sum w_i x_i.
    linear: f32,
    /// q_f for each f, then sum_i (v_if x_i)^2 for each f: side by side, so that adding a row is SIMD.
    lanes: Vec<f32>,
}

impl Sums {
    pub(crate) fn new(width: usize, w0: f32) -> Sums {
        Sums { linear: w0, lanes: vec![0.0; 2 * (width - 1)] }
    }

    pub(crate) fn add(&mut self, row: &[f32], x: f32) {
        self.linear += row[0] * x;
        let (q, squares) = self.lanes.split_at_mut(row.len() - 1);
        for ((q, square), v) in q.iter_mut().zip(squares).zip(&row[1..]) {
            let vx = v * x;
            *q += vx;
            *square += vx * vx;
        }
    }

    /// q: the sum of the rows' factors.
    pub(crate) fn q(&self) -> &[f32] {
        &self.lanes[..self.lanes.len() / 2]
    }

    /// The score without the visitor row.
    pub(crate) fn score(&self) -> f64 {
        let (q, squares) = self.lanes.split_at(self.lanes.len() / 2);
        let pairs = q.iter().zip(squares).fold(0.0, |sum, (q, square)| {
            let q = f64::from(*q);
            sum + (q * q - f64::from(*square))
        });
        f64::from(self.linear) + 0.5 * pairs
    }

    /// phi of the visitor row: (1, q).
    pub(crate) fn phi(&self) -> Vec<f64> {
        let mut phi = Vec::with_capacity(1 + self.lanes.len() / 2);
        phi.push(1.0);
        phi.extend(self.q().iter().map(|q| f64::from(*q)));
        phi
    }

    /// The score with the visitor row `u`, 1 + k long.
    pub(crate) fn score_with(&self, u: &[f64]) -> f64 {
        u[1..].iter().zip(self.q()).fold(self.score() + u[0], |sum, (u, q)| sum + u * f64::from(*q))
    }
}

/// Active rows, gathered, with their sums.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    /// What takes part: which row, at what value, and how fast it learns.
    parts: Vec<Part>,
    rows: Vec<f32>,
    width: usize,
    pub(crate) sums: Sums,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    id: FeatureId,
    value: f32,
    rate: f32,
}

impl Active {
    /// Room for so many rows.
    pub(crate) fn new(width: usize, w0: f32, rows: usize) -> Active {
        let (parts, values) = (Vec::with_capacity(rows), Vec::with_capacity(rows * width));
        Active { parts, rows: values, width, sums: Sums::new(width, w0) }
    }

    /// Adds a row that learns at `rate`; `read` fills it in.
    pub(crate) fn add(&mut self, feature: &Feature, rate: f32, read: &mut dyn FnMut(FeatureId, &mut [f32])) {
        let start = self.rows.len();
        self.rows.resize(start + self.width, 0.0);
        let row = &mut self.rows[start..];
        read(feature.id, row);
        self.sums.add(row, feature.value);
        self.parts.push(Part { id: feature.id, value: feature.value, rate });
    }

    /// sum_i rate_i |ds/drow_i|^2 given the visitor row: what the score moves by when all rows move by one pull.
    pub(crate) fn leverage(&self, visitor: &[f64]) -> f64 {
        let q = self.total(visitor);
        self.parts.iter().zip(self.rows.chunks_exact(self.width)).fold(0.0, |sum, (part, row)| {
            let x = f64::from(part.value);
            // Four sums at a time, in a fixed order, are what a vector unit adds.
            let mut lanes = [0.0; 4];
            for (v, q) in row[1..].chunks(4).zip(q.chunks(4)) {
                for ((lane, v), q) in lanes.iter_mut().zip(v).zip(q) {
                    let d = derivative(part.value, *v, *q);
                    *lane += d * d;
                }
            }
            sum + f64::from(part.rate) * (x * x + ((lanes[0] + lanes[2]) + (lanes[1] + lanes[3])))
        })
    }

    /// Moves all rows by `pull`, each at its rate, given the visitor row; the sums are left as they were. `emit` takes every
    /// row that has moved.
    pub(crate) fn step(&mut self, visitor: &[f64], pull: f64, emit: &mut dyn FnMut(FeatureId, &[f32])) {
        let q = self.total(visitor);
        for (part, row) in self.parts.iter().zip(self.rows.chunks_exact_mut(self.width)) {
            if part.rate == 0.0 {
                continue;
            }
            let pull = f64::from(part.rate) * pull;
            row[0] = (f64::from(row[0]) + pull * f64::from(part.value)) as f32;
            for (v, q) in row[1..].iter_mut().zip(&q) {
                *v = (f64::from(*v) + pull * derivative(part.value, *v, *q)) as f32;
            }
            emit(part.id, row);
        }
    }

    /// Moves the factors of the rows that learn by -rate curvature P phi, what the visitor row's covariance P adds to the
    /// gradient of the loss averaged over it: half the curvature times the variance of the score, phi^T P phi. The step is
    /// shortened so that it overshoots at no rate.
    pub(crate) fn shrink(&mut self, visitor: &Gaussian, curvature: f64) {
        let (width, direction) = (self.width, visitor.direction(&self.sums.phi()));
        let trace: f64 = (1..width).map(|f| visitor.covariance[f * width + f]).sum();
        let rate = |part: &Part| f64::from(part.rate) * f64::from(part.value);
        let steepness: f64 = self.parts.iter().map(|part| rate(part) * f64::from(part.value)).sum();
        let step = curvature / (1.0 + curvature * trace * steepness);
        for (part, row) in self.parts.iter().zip(self.rows.chunks_exact_mut(width)) {
            let rate = rate(part);
            for (v, d) in row[1..].iter_mut().zip(&direction[1..]) {
                *v = (f64::from(*v) - step * rate * d) as f32;
            }
        }
    }

    /// The rows as they were gathered: id, value, row.
    pub(crate) fn terms(&self) -> impl Iterator<Item = (FeatureId, f32, &[f32])> {
        self.parts.iter().zip(self.rows.chunks_exact(self.width)).map(|(part, row)| (part.id, part.value, row))
    }

    /// q with the visitor row.
    fn total(&self, visitor: &[f64]) -> Vec<f64> {
        self.sums.q().iter().zip(&visitor[1..]).map(|(q, u)| f64::from(*q) + u).collect()
    }
}

/// ds/dv_if. In f64: its square could overflow an f32 at the largest accepted value.
fn derivative(x: f32, v: f32, q: f64) -> f64 {
    f64::from(x) * (q - f64::from(v) * f64::from(x))
}
