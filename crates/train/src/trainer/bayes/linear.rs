//! The linear algebra of one row: symmetric positive definite matrices of a few numbers, row by row.

/// Turns the lower triangle of `a` into its Cholesky factor L, a = L L^T. What is above the diagonal is not looked at.
pub(super) fn cholesky(a: &mut [f64], n: usize) {
    for i in 0..n {
        let (before, rest) = a.split_at_mut(i * n);
        let row = &mut rest[..=i];
        for j in 0..i {
            let other = &before[j * n..j * n + j + 1];
            row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
        }
        // A precision is positive definite; what rounding may have left of a pivot is kept from zero.
        row[i] = (row[i] - dot(&row[..i], &row[..i])).max(1e-12).sqrt();
    }
}

/// x <- L^-1 x.
pub(super) fn forward(l: &[f64], x: &mut [f64]) {
    let n = x.len();
    for i in 0..n {
        x[i] = (x[i] - dot(&l[i * n..i * n + i], &x[..i])) / l[i * n + i];
    }
}

/// x <- L^-T x.
pub(super) fn backward(l: &[f64], x: &mut [f64]) {
    let n = x.len();
    for i in (0..n).rev() {
        x[i] /= l[i * n + i];
        let (head, tail) = x.split_at_mut(i);
        head.iter_mut().zip(&l[i * n..]).for_each(|(x, l)| *x -= l * tail[0]);
    }
}

/// The inverse of L L^T, both triangles of it.
pub(super) fn inverse(l: &[f64], n: usize) -> Vec<f64> {
    // The rows of `columns` are those of L^-T: each column of L^-1, found by forward substitution from its diagonal on.
    let mut columns = vec![0.0; n * n];
    for j in 0..n {
        let x = &mut columns[j * n..(j + 1) * n];
        x[j] = 1.0 / l[j * n + j];
        for i in j + 1..n {
            x[i] = -dot(&l[i * n + j..i * n + i], &x[j..i]) / l[i * n + i];
        }
    }
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        for j in 0..=i {
            let product = dot(&columns[i * n + i..(i + 1) * n], &columns[j * n + i..(j + 1) * n]);
            inverse[i * n + j] = product;
            inverse[j * n + i] = product;
        }
    }
    inverse
}

/// a x for a matrix of x.len() columns.
pub(super) fn multiply(a: &[f64], x: &[f64]) -> Vec<f64> {
    a.chunks_exact(x.len()).map(|row| dot(row, x)).collect()
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::Rng;

    #[test]
    fn a_factor_solves_and_inverts() {
        let n = 7;
        let mut rng = Rng::new(1, 0);
        let b: Vec<f64> = (0..n * n).map(|_| f64::from(rng.normal())).collect();
        let mut a = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                a[i * n + j] = dot(&b[i * n..][..n], &b[j * n..][..n]) + if i == j { 0.5 } else { 0.0 };
            }
        }
        let x: Vec<f64> = (0..n).map(|i| i as f64 - 2.5).collect();
        let mut solved = multiply(&a, &x);
        let mut l = a.clone();
        cholesky(&mut l, n);
        forward(&l, &mut solved);
        backward(&l, &mut solved);
        assert!(solved.iter().zip(&x).all(|(a, b)| (a - b).abs() < 1e-9), "{solved:?}");
        let identity = inverse(&l, n);
        for i in 0..n {
            let row = multiply(&a, &identity[i * n..(i + 1) * n]);
            assert!(row.iter().enumerate().all(|(j, x)| (x - f64::from(u8::from(i == j))).abs() < 1e-9), "{row:?}");
        }
    }
}
