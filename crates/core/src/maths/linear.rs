//! The one decomposition of the core: covariances are checked by it, systems are solved by it and normal numbers are drawn by it.

use crate::maths::scalar::sqrt;
use alloc::vec;
use alloc::vec::Vec;

/// The Cholesky decomposition A = L L^T of a symmetric n x n matrix, of whose elements the lower triangle is asked: L row by row, zeros
/// above its diagonal, and whether A is positive definite. Where it is not, a pivot that is not positive counts as 0, and so does
/// what would be divided by it: of a covariance that rounding has pushed over the edge, L is what is left.
///
/// ```text
/// L_ii = sqrt(A_ii - sum_{f<i} L_if^2)        L_ij = (A_ij - sum_{f<j} L_if L_jf) / L_jj
/// ```
pub(crate) fn cholesky(n: usize, element: &dyn Fn(usize, usize) -> f64) -> (Vec<f64>, bool) {
    let (mut lower, mut definite) = (vec![0.0; n * n], true);
    for i in 0..n {
        for j in 0..=i {
            let known = (0..j).fold(0.0, |sum, f| sum + lower[i * n + f] * lower[j * n + f]);
            let rest = element(i, j) - known;
            lower[i * n + j] = if i == j {
                definite &= rest > 0.0;
                sqrt(rest.max(0.0))
            } else if lower[j * n + j] > 0.0 {
                rest / lower[j * n + j]
            } else {
                0.0
            };
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
    for r in (0..n).rev() {
        let (rest, y) = y.split_at_mut(r);
        y[0] /= lower[r * n + r];
        rest.iter_mut().zip(&lower[r * n..]).for_each(|(rest, l)| *rest -= l * y[0]);
    }
}

/// A product in four sums, which do not wait for each other.
#[cfg(feature = "write")]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let ((a4, a), (b4, b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for (a, b) in a4.iter().zip(b4) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
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
