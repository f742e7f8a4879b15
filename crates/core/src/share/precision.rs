//! The precision P of a row, by which its gradient becomes a step: what the seed is sure of and what clients told.
//!
//! P depends on a row by two numbers alone, the amounts of its curvature. So where factors are many, and a decomposition of P costs k^3 / 6, rows
//! share one: that of the middle of a cell of amounts, an octave wide. With it as the preconditioner of conjugate gradients (Hestenes and
//! Stiefel 1952) the condition is 2 at most, and three rounds leave a hundredth of an error.

use crate::maths::linear::{cholesky, solve};
use crate::share::curvature::{Amounts, Curvature};
use alloc::vec;
use alloc::vec::Vec;

/// nu: the precision of a weight that no event has told of, where an event has one row. The rows of an event move its score together, so with
/// m of them each may move by 1 / m as much.
const PRECISION: f64 = 1.0 / 15.0;
/// m, of a seed that does not say.
const UNKNOWN_ROWS: f32 = 4.0;
/// The least precision of a factor: a visitor's prior may have no variance at all.
const LEAST_OF_FACTOR: f64 = 0.05;
/// Up to this width each row has a decomposition of its own.
const NARROW: usize = 65;
/// Rounds of conjugate gradients.
const ROUNDS: usize = 3;
/// Amounts below this are nothing beside what is known without them.
const LEAST_AMOUNT: f64 = 1.0 / 256.0;

/// Precisions of the rows of a model.
pub(crate) struct RowPrecision<'a> {
    curvature: &'a Curvature,
    width: usize,
    /// A of a weight that no event has told of.
    unknown: f64,
    /// The cell that was decomposed last, and its lower triangle.
    last: Option<(Cell, Vec<f64>)>,
}

/// Where amounts lie, in octaves.
pub(crate) type Cell = [i32; 2];

impl<'a> RowPrecision<'a> {
    /// `rows_per_event` is m, if the seed says it.
    pub(crate) fn of(curvature: &'a Curvature, factors: usize, rows_per_event: Option<f32>) -> RowPrecision<'a> {
        let m = f64::from(rows_per_event.unwrap_or(UNKNOWN_ROWS));
        RowPrecision { curvature, width: 1 + factors, unknown: PRECISION * m * m, last: None }
    }

    /// An element of P for amounts of curvature, the seed's and the clients' together.
    pub(crate) fn element(&self, amounts: Amounts, r: usize, c: usize) -> f64 {
        let least = if r == c { self.least(r) } else { 0.0 };
        least + self.curvature.element(amounts, r, c)
    }

    /// An element of the diagonal that P has without any event.
    fn least(&self, r: usize) -> f64 {
        if r == 0 {
            return self.unknown;
        }
        // Of a factor in second moments of a visitor's, so that what it is worth in a score counts and not how large
        // numbers it is kept in.
        let k = (self.width - 1) as f64;
        LEAST_OF_FACTOR + self.curvature.element([self.unknown * k, 0.0], r, r)
    }

    /// The cell of amounts: rows of one cell after the other are solved fastest.
    pub(crate) fn cell(&self, amounts: Amounts) -> Cell {
        if self.width <= NARROW {
            return [0; 2];
        }
        amounts.map(|amount| libm::rint(libm::log2(amount.max(LEAST_AMOUNT))) as i32)
    }

    /// P^-1 g in the place of g.
    pub(crate) fn solve(&mut self, amounts: Amounts, g: &mut [f64]) {
        if self.width <= NARROW {
            let (lower, _) = cholesky(self.width, &|r, c| self.element(amounts, r, c));
            return solve(&lower, g);
        }
        let cell = self.cell(amounts);
        let lower = match self.last.take() {
            Some((known, lower)) if known == cell => lower,
            _ => {
                let middle = middle(cell);
                cholesky(self.width, &|r, c| self.element(middle, r, c)).0
            }
        };
        self.conjugate(amounts, cell, &lower, g);
        self.last = Some((cell, lower));
    }

    /// Three rounds of conjugate gradients with the precision M = L L^T of a cell's middle (a_c, b_c) as the preconditioner. M and P differ by
    /// amounts alone, P = a / a_c M + a diagonal, and M d of a direction d is known from how d was made: no matrix is read for P d.
    fn conjugate(&self, amounts: Amounts, cell: Cell, lower: &[f64], g: &mut [f64]) {
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
        let middle = middle(cell);
        let share = amounts[0] / middle[0];
        let rest = [0.0, amounts[1] - share * middle[1]];
        let diagonal = |r| (1.0 - share) * self.least(r) + self.curvature.element(rest, r, r);
        let diagonal: Vec<f64> = (0..self.width).map(diagonal).collect();
        let (mut x, mut image) = (vec![0.0; self.width], vec![0.0; self.width]);
        let (mut direction, mut by_middle) = (g.to_vec(), g.to_vec());
        solve(lower, &mut direction);
        let mut lengths = product(g, &direction);
        for round in 1..=ROUNDS {
            for (((image, m), d), by) in image.iter_mut().zip(&by_middle).zip(&direction).zip(&diagonal) {
                *image = share * m + by * d;
            }
            let curved = product(&direction, &image);
            // Of a gradient of zeros.
            if curved <= 0.0 {
                break;
            }
            let step = lengths / curved;
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            if round == ROUNDS {
                break;
            }
            g.iter_mut().zip(&image).for_each(|(rest, image)| *rest -= step * image);
            let mut next = g.to_vec();
            solve(lower, &mut next);
            let left = product(g, &next);
            let before = left / lengths;
            direction.iter_mut().zip(&next).for_each(|(d, next)| *d = next + before * *d);
            by_middle.iter_mut().zip(&*g).for_each(|(m, g)| *m = g + before * *m);
            lengths = left;
        }
        g.copy_from_slice(&x);
    }
}

/// The amounts in the middle of a cell.
fn middle(cell: Cell) -> Amounts {
    cell.map(|octave| libm::exp2(f64::from(octave)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::metadata::Prior;
    use crate::maths::random::Random;

    #[test]
    fn rows_that_share_a_decomposition_step_as_far_as_with_their_own() {
        let width = 1 + 80;
        let mut random = Random::new(3);
        let spread: Vec<f64> = (0..width * width).map(|_| random.normal()).collect();
        // Some matrix times its transpose is a covariance.
        let covariance = |r: usize, c: usize| {
            (0..width).fold(0.0, |sum, f| sum + spread[r * width + f] * spread[c * width + f]) / width as f64
        };
        let covariance = (0..width * width).map(|at| covariance(at / width, at % width) as f32).collect();
        let prior = Prior { mean: (0..width).map(|_| random.normal() as f32 / 4.0).collect(), covariance, scale: 1.0 };
        let curvature = Curvature::of(&prior);
        let mut precision = RowPrecision::of(&curvature, width - 1, Some(3.0));
        for amounts in [[0.0, 0.0], [0.3, 0.0], [12.0, 4.0], [12.9, 4.4], [5000.0, 0.01], [0.0, 700.0]] {
            let g: Vec<f64> = (0..width).map(|_| random.normal()).collect();
            let (lower, definite) = cholesky(width, &|r, c| precision.element(amounts, r, c));
            assert!(definite);
            let [mut exact, mut shared] = [g.clone(), g];
            solve(&lower, &mut exact);
            precision.solve(amounts, &mut shared);
            let length = |xs: &mut dyn Iterator<Item = f64>| libm::sqrt(xs.fold(0.0, |sum, x| sum + x * x));
            let off = length(&mut exact.iter().zip(&shared).map(|(a, b)| a - b)) / length(&mut exact.iter().copied());
            assert!(off < 0.02, "{amounts:?}: off by {off}");
        }
    }
}
