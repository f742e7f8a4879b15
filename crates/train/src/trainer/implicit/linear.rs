//! The little linear algebra that rows of k numbers need.

use std::iter::Sum;
use std::ops::{AddAssign, Mul};
use std::thread;

/// A number of either precision.
pub(super) trait Real: Copy + Default + Sum + AddAssign + Mul<Output = Self> {}
impl Real for f32 {}
impl Real for f64 {}

/// <a, b>, in eight sums that are added in one order.
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [T::default(); 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    let mut total: T = sums.into_iter().sum();
    total += a_rest.iter().zip(b_rest).map(|(a, b)| *a * *b).sum();
    total
}

/// y += c x.
pub(super) fn add<T: Real>(y: &mut [T], c: T, x: &[T]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += c * *x);
}

/// Rows whose products are summed in single precision before they are added in double.
pub(super) const CHUNK: usize = 256;

/// X^T X of rows of k numbers.
pub(super) fn gram(rows: &[f32], k: usize) -> Vec<f64> {
    let mut total = vec![0.0; k * k];
    for chunk in rows.chunks(CHUNK * k) {
        let mut sum = vec![0.0f32; k * k];
        for row in chunk.chunks_exact(k) {
            sum.chunks_exact_mut(k).zip(row).for_each(|(sum, x)| add(sum, *x, row));
        }
        total.iter_mut().zip(&sum).for_each(|(total, sum)| *total += f64::from(*sum));
    }
    total
}

/// L of A = L L^T, row by row; a pivot that rounding made too small is kept above zero.
pub(super) fn cholesky(a: &[f64], k: usize) -> Vec<f64> {
    let mut lower = vec![0.0; k * k];
    for i in 0..k {
        for j in 0..=i {
            let (row, other) = (&lower[i * k..i * k + j], &lower[j * k..j * k + j]);
            let rest = a[i * k + j] - dot(row, other);
            lower[i * k + j] = if i == j { rest.max(1e-12).sqrt() } else { rest / lower[j * k + j] };
        }
    }
    lower
}

/// x of L L^T x = b.
pub(super) fn solve(lower: &[f64], b: &[f64]) -> Vec<f64> {
    let k = b.len();
    let mut x = b.to_vec();
    for i in 0..k {
        let known = dot(&lower[i * k..i * k + i], &x[..i]);
        x[i] = (x[i] - known) / lower[i * k + i];
    }
    for i in (0..k).rev() {
        x[i] /= lower[i * k + i];
        let value = x[i];
        x[..i].iter_mut().zip(&lower[i * k..i * k + i]).for_each(|(x, l)| *x -= l * value);
    }
    x
}

/// The inverse of L L^T: R^T R, where R is the inverse of L, row by row.
pub(super) fn inverse(lower: &[f64], k: usize) -> Vec<f64> {
    let mut root = vec![0.0; k * k];
    for i in 0..k {
        let (known, row) = root.split_at_mut(i * k);
        for (j, known) in known.chunks_exact(k).enumerate() {
            add(&mut row[..=j], -lower[i * k + j], &known[..=j]);
        }
        row[i] = 1.0;
        row[..=i].iter_mut().for_each(|x| *x /= lower[i * k + i]);
    }
    let mut total = vec![0.0; k * k];
    for (i, row) in root.chunks_exact(k).enumerate() {
        (0..=i).for_each(|j| add(&mut total[j * k..=j * k + j], row[j], &row[..=j]));
    }
    for i in 0..k {
        (0..i).for_each(|j| total[j * k + i] = total[i * k + j]);
    }
    total
}

/// A x of a k x k matrix.
pub(super) fn times(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

/// Hands every row, with its number, to `work`, each thread a range of them. Rows are independent, so the same bits come out.
pub(super) fn for_rows(rows: &mut [f32], k: usize, threads: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let share = (rows.len() / k).div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        for (part, rows) in rows.chunks_mut(share * k).enumerate() {
            let work = &work;
            scope.spawn(move || {
                rows.chunks_exact_mut(k).enumerate().for_each(|(at, row)| work(part * share + at, row));
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::Rng;

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        for (seed, k) in [1, 2, 7, 8, 19, 64].into_iter().enumerate() {
            let mut rng = Rng::new(seed as u64, 0);
            let rows: Vec<f32> = (0..3 * k * k).map(|_| rng.normal()).collect();
            let a = gram(&rows, k);
            let inverse = inverse(&cholesky(&a, k), k);
            for i in 0..k {
                let column: Vec<f64> = inverse.iter().skip(i).step_by(k).copied().collect();
                for (j, x) in times(&a, &column).into_iter().enumerate() {
                    assert!((x - f64::from(u8::from(i == j))).abs() < 1e-9, "seed {seed}, k {k}, {i} {j}: {x}");
                }
            }
        }
    }
}
