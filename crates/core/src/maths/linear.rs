//! The one decomposition of the core: covariances are checked by it, systems are solved by it and normal numbers are drawn by it.

#[cfg(feature = "write")]
use crate::maths::lanes::{LANES, wide};
use crate::maths::scalar::sqrt;
use alloc::vec;
use alloc::vec::Vec;
#[cfg(feature = "write")]
use wide::f64x4;

/// The Cholesky decomposition A = L L^T of a symmetric n x n matrix, of whose elements the lower triangle is asked: L row by row, zeros
/// above its diagonal, and whether A is positive definite. Where it is not, a pivot that is not positive counts as 0, and so does
/// what would be divided by it: of a covariance that rounding has pushed over the edge, L is what is left.
///
/// ```text
/// L_ii = sqrt(A_ii - sum_{f<i} L_if^2)        L_ij = (A_ij - sum_{f<j} L_if L_jf) / L_jj
/// ```
pub(crate) fn cholesky(n: usize, element: &dyn Fn(usize, usize) -> f64) -> (Vec<f64>, bool) {
    let (mut lower, mut column, mut definite) = (vec![0.0; n * n], vec![0.0; n], true);
    for f in 0..n {
        let rest = element(f, f) - lower[f * n + f];
        definite &= rest > 0.0;
        let pivot = sqrt(rest.max(0.0));
        lower[f * n + f] = pivot;
        for i in f + 1..n {
            let row = &mut lower[i * n..i * n + i + 1];
            let l = if pivot > 0.0 { (element(i, f) - row[f]) / pivot } else { 0.0 };
            (row[f], column[i]) = (l, l);
            // Until a column's turn comes its elements hold the sums over the columns before it.
            row[f + 1..].iter_mut().zip(&column[f + 1..]).for_each(|(sum, other)| *sum += l * other);
        }
    }
    (lower, definite)
}

/// Solves L L^T x = y for a lower triangle L, row by row, as of a positive definite matrix; the solution takes y's place.
#[cfg(feature = "write")]
pub(crate) fn solve(lower: &[f64], y: &mut [f64]) {
    let n = y.len();
    for r in 0..n {
        let (known, row) = (&y[..r], &lower[r * n..r * n + r]);
        y[r] = (y[r] - dot(row, known)) / lower[r * n + r];
    }
    let mut end = n;
    // Four rows at a time, so that what is left of y is loaded once for four of them.
    while end >= 4 {
        let start = end - 4;
        back(lower, n, y, start, end);
        let (left, solved) = y.split_at_mut(start);
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| (&lower[(start + row) * n..][..start], solved[row]));
        for ((((left, l0), l1), l2), l3) in left.iter_mut().zip(a.0).zip(b.0).zip(c.0).zip(d.0) {
            *left = (((*left - l3 * d.1) - l2 * c.1) - l1 * b.1) - l0 * a.1;
        }
        end = start;
    }
    back(lower, n, y, 0, end);
}

/// Solves L^T x = y for the rows from `start` to `end`, from the last to the first, those behind them being done.
#[cfg(feature = "write")]
fn back(lower: &[f64], n: usize, y: &mut [f64], start: usize, end: usize) {
    for r in (start..end).rev() {
        let (left, solved) = y.split_at_mut(r);
        solved[0] /= lower[r * n + r];
        left[start..].iter_mut().zip(&lower[r * n + start..]).for_each(|(left, l)| *left -= l * solved[0]);
    }
}

/// A product in four sums, which do not wait for each other.
#[cfg(feature = "write")]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = f64x4::ZERO;
    let ((a4, a), (b4, b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a4.iter().zip(b4) {
        sums += wide(a) * wide(b);
    }
    let sums = sums.to_array();
    let rest = a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
    sums[0] + sums[1] + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved_and_what_is_not_definite_is_told() {
        let matrix = [4.0, 2.0, -2.0, 2.0, 10.0, 2.0, -2.0, 2.0, 5.0];
        let (lower, definite) = cholesky(3, &|i, j| matrix[3 * i + j]);
        assert!(definite);
        assert_eq!(lower, [2.0, 0.0, 0.0, 1.0, 3.0, 0.0, -1.0, 1.0, 3f64.sqrt()]);
        let (twos, product) = ([2.0; 3], [8.0, 28.0, 10.0]);
        let mut x = product;
        solve(&lower, &mut x);
        assert!(x.iter().zip(twos).all(|(x, two)| (x - two).abs() < 1e-12), "{x:?}");
        // Its second pivot would be 1 - 4.
        let (lower, definite) = cholesky(2, &|i, j| if i == j { 1.0 } else { 2.0 });
        assert_eq!((lower, definite), ([1.0, 0.0, 2.0, 0.0].to_vec(), false));
    }
}
