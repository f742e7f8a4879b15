//! The factorization machine over the active rows (Rendle 2010, equations 1 and 5):
//!
//! ```text
//! s(x) = w0 + sum_i w_i x_i + sum_{i<j} <v_i, v_j> x_i x_j
//!      = w0 + sum_i w_i x_i + 1/2 sum_f ((sum_i v_if x_i)^2 - sum_i (v_if x_i)^2)
//! ds/dw_i = x_i        ds/dv_if = x_i (q_f - v_if x_i)        q_f = sum_j v_jf x_j
//! ```

use crate::maths::lanes::{LANES, Lanes, narrow, total, widened};
use alloc::vec;
use alloc::vec::Vec;
use wide::f64x4;

/// What a score is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sum<'a> {
    /// The score without the visitor row.
    pub(crate) score: f64,
    /// phi of the visitor row: (1, q).
    pub(crate) phi: &'a [Lanes],
}

/// The sums over active rows, of the base's and of the personal ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    lanes: usize,
    /// For each lane four sums, side by side: of v_i x_i and of its square, of the base, then of the personal rows. Behind
    /// them phi of the base and the personal phi. A row begins with its weight.
    cells: Vec<Lanes>,
    scores: [f64; 2],
}

impl Sums {
    /// Of no rows.
    pub(crate) fn new(lanes: usize) -> Sums {
        Sums { lanes, cells: vec![[0.0; LANES]; 6 * lanes], scores: [0.0; 2] }
    }

    /// Of no rows, in the same memory.
    pub(crate) fn clear(&mut self, lanes: usize) {
        self.lanes = lanes;
        self.cells.clear();
        self.cells.resize(6 * lanes, [0.0; LANES]);
    }

    /// Adds a row: what the base has, and the residual over it. What they are together goes to `row`.
    pub(crate) fn add(&mut self, under: &[Lanes], residual: &[Lanes], x: f32, row: &mut [Lanes]) {
        add(&mut self.cells, under, residual, x, row);
    }

    /// The same, where nobody asks for the personal row: it is put where the sums end, which is written last.
    pub(crate) fn add_alone(&mut self, under: &[Lanes], residual: &[Lanes], x: f32) {
        let (sums, row) = self.cells.split_at_mut(5 * self.lanes);
        add(sums, under, residual, x, row);
    }

    /// All rows were added.
    pub(crate) fn finish(&mut self, w0: f32) {
        let (sums, phi) = self.cells.split_at_mut(4 * self.lanes);
        let (sums, _) = sums.as_chunks_mut::<4>();
        for ((at, phi), score) in phi.chunks_exact_mut(self.lanes).enumerate().zip(&mut self.scores) {
            let linear = w0 + sums[0][2 * at][0];
            // phi begins with one; in the score it cancels.
            (sums[0][2 * at][0], sums[0][2 * at + 1][0]) = (1.0, 1.0);
            let mut pairs = f64x4::ZERO;
            for (phi, sums) in phi.iter_mut().zip(&*sums) {
                *phi = sums[2 * at];
                let q = widened(phi);
                pairs += q * q - widened(&sums[2 * at + 1]);
            }
            *score = f64::from(linear) + 0.5 * total(pairs);
        }
    }

    /// The sums of the base's rows.
    pub(crate) fn base(&self) -> Sum<'_> {
        Sum { score: self.scores[0], phi: &self.cells[4 * self.lanes..5 * self.lanes] }
    }

    /// The sums of the personal rows.
    pub(crate) fn personal(&self) -> Sum<'_> {
        Sum { score: self.scores[1], phi: &self.cells[5 * self.lanes..] }
    }
}

#[inline]
fn add(cells: &mut [Lanes], under: &[Lanes], residual: &[Lanes], x: f32, row: &mut [Lanes]) {
    let (sums, _) = cells.as_chunks_mut::<4>();
    for (((sums, under), residual), row) in sums.iter_mut().zip(under).zip(residual).zip(row) {
        let under = narrow(under);
        let personal = under + narrow(residual);
        *row = personal.to_array();
        let (under, personal) = (under * x, personal * x);
        *sums = [
            (narrow(&sums[0]) + under).to_array(),
            (narrow(&sums[1]) + under * under).to_array(),
            (narrow(&sums[2]) + personal).to_array(),
            (narrow(&sums[3]) + personal * personal).to_array(),
        ];
    }
}
