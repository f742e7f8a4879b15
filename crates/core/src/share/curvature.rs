//! How a row's gradient changes where the row itself moves, in the two numbers that a delta has room for.
//!
//! An event adds h x^2 phi phi^T to the precision of each of its rows: h is the loss's curvature, x the feature's value and
//! phi = (1, u + q), with u the visitor's factors and q the sum of the factors of the event's other shared rows. Neither u nor
//! the whole matrix can leave the device, so over many visitors it is taken as
//!
//! ```text
//! Lambda = a S + b J        a = sum_e m_e h_e x_e^2        b = sum_e m_e h_e x_e^2 |q_e|^2
//!
//! S    the second moments E[(1, u) (1, u)^T] by the prior of a visitor
//! J    one on the diagonal of the factors, for q q^T is at most |q|^2 on it
//! ```
//!
//! Rows that are active together would each answer for the whole error of a score (Jacobi's method without damping). So each
//! gets a share of it: (sum_j d_j)^2 <= sum_j m_j d_j^2 wherever sum_j 1 / m_j = 1, and with m_j = (sum_i 1 / sqrt(n_i)) sqrt(n_j) a row
//! that the visitor meets often, and others too, as a rule, moves less than one that it met once.

use crate::format::metadata::Prior;
use crate::model::posterior::Gaussian;
use alloc::vec::Vec;

/// a and b.
pub(crate) type Amounts = [f64; 2];

#[derive(Debug, Clone)]
pub(crate) struct Curvature {
    width: usize,
    /// S, row by row.
    moments: Vec<f64>,
}

impl Curvature {
    pub(crate) fn of(prior: &Prior) -> Curvature {
        let visitor = Gaussian::prior(&prior.mean, &prior.covariance, prior.scale.into());
        let (mean, width) = (visitor.mean(), visitor.mean().len());
        let mut moments = visitor.covariance();
        for (at, moment) in moments.iter_mut().enumerate() {
            let (r, c) = (at / width, at % width);
            let mean = |at: usize| if at == 0 { 1.0 } else { mean[at] };
            // A row's weight is multiplied with one, which does not vary, and not with the visitor's weight.
            *moment = mean(r) * mean(c) + if r == 0 || c == 0 { 0.0 } else { *moment };
        }
        Curvature { width, moments }
    }

    /// An element of Lambda.
    pub(crate) fn element(&self, [a, b]: Amounts, r: usize, c: usize) -> f64 {
        a * self.moments[r * self.width + c] + if r == c && r > 0 { b } else { 0.0 }
    }

    /// Adds a S x to a vector.
    #[cfg(feature = "write")]
    pub(crate) fn add_times(&self, a: f64, x: &[f64], to: &mut [f64]) {
        // S is symmetric: its rows are read as they lie, four at a time, so that a sum is loaded once for four of them.
        let (fours, rest) = x.as_chunks::<4>();
        let (blocks, last) = self.moments.split_at(4 * fours.len() * self.width);
        for (x, block) in fours.iter().zip(blocks.chunks_exact(4 * self.width)) {
            let by = x.map(|x| a * x);
            let (ab, cd) = block.split_at(2 * self.width);
            let ((m0, m1), (m2, m3)) = (ab.split_at(self.width), cd.split_at(self.width));
            for ((((sum, m0), m1), m2), m3) in to.iter_mut().zip(m0).zip(m1).zip(m2).zip(m3) {
                *sum = (((*sum + by[0] * m0) + by[1] * m1) + by[2] * m2) + by[3] * m3;
            }
        }
        for (x, moments) in rest.iter().zip(last.chunks_exact(self.width)) {
            let by = a * x;
            to.iter_mut().zip(moments).for_each(|(sum, moment)| *sum += by * moment);
        }
    }

    /// An element of Lambda times a row.
    pub(crate) fn times(&self, amounts: Amounts, row: &[f32], r: usize) -> f64 {
        row.iter().enumerate().fold(0.0, |sum, (c, x)| sum + self.element(amounts, r, c) * f64::from(*x))
    }
}
