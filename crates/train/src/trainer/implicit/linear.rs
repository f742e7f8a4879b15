//! The little linear algebra that rows of k numbers need.

use std::thread;

/// <a, b>, in eight sums that are added in one order.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|lane| sums[lane] += a[lane] * b[lane]);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// y += c x.
pub(super) fn add(y: &mut [f32], c: f32, x: &[f32]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += c * x);
}

/// Rows whose products are summed in single precision before they are added in double.
const CHUNK: usize = 256;

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
            let rest = a[i * k + j] - row.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
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
        let known: f64 = lower[i * k..i * k + i].iter().zip(&x).map(|(l, x)| l * x).sum();
        x[i] = (x[i] - known) / lower[i * k + i];
    }
    for i in (0..k).rev() {
        x[i] /= lower[i * k + i];
        let value = x[i];
        x[..i].iter_mut().zip(&lower[i * k..i * k + i]).for_each(|(x, l)| *x -= l * value);
    }
    x
}

/// The inverse of L L^T.
pub(super) fn inverse(lower: &[f64], k: usize) -> Vec<f64> {
    let mut unit = vec![0.0; k];
    let column = |i: usize| {
        unit.fill(0.0);
        unit[i] = 1.0;
        solve(lower, &unit)
    };
    (0..k).flat_map(column).collect()
}

/// A x of a k x k matrix.
pub(super) fn times(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(a, x)| a * x).sum()).collect()
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
