//! A step of least squares: rows of the one side at fixed rows of the other, a few steps of conjugate gradients each.

use super::linear::{add, dot, for_rows};
use super::pairs::Pairs;

/// Steps a row takes in a pass.
const STEPS: usize = 3;
/// What the parts of the objective weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights {
    /// alpha0: of a pair of which nothing is known.
    pub(crate) unshown: f64,
    /// Of a row's square, for each of its pairs.
    pub(crate) reg: f64,
}

impl Weights {
    /// lambda of a row that took part so often beside so many others.
    pub(super) fn shrink(self, seen: f64, others: usize) -> f64 {
        self.reg * (seen + self.unshown * others as f64)
    }
}

/// Moves `rows` toward the least squares at the `others`, of which `products` are the sum, drawn toward their `means`.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub(super) fn step(
    pairs: &Pairs,
    others: &[f32],
    products: &[f64],
    means: &[f32],
    rows: &mut [f32],
    k: usize,
    weights: Weights,
    threads: usize,
) {
    let all = pairs.across;
    let unshown: Vec<f32> = products.iter().map(|x| (x * weights.unshown) as f32).collect();
    for_rows(rows, k, threads, |at, row| {
        let pairs = pairs.row(at).map(|(other, target, weight)| (&others[other as usize * k..][..k], target, weight));
        let seen: f64 = pairs.clone().map(|(.., weight)| f64::from(weight)).sum();
        let shrink = weights.shrink(seen, all);
        conjugate(row, &unshown, shrink as f32, &means[at * k..][..k], pairs);
    });
}

/// Steps toward x of (G + shrink I + sum c v v^T) x = shrink mean + sum c t v.
fn conjugate<'a>(
    x: &mut [f32],
    g: &[f32],
    shrink: f32,
    mean: &[f32],
    pairs: impl Iterator<Item = (&'a [f32], f32, f32)> + Clone,
) {
    let k = x.len();
    let mut r = vec![0.0; k];
    for (((r, g), x_at), mean) in r.iter_mut().zip(g.chunks_exact(k)).zip(&*x).zip(mean) {
        *r = shrink * (mean - x_at) - dot(g, x);
    }
    for (v, target, weight) in pairs.clone() {
        add(&mut r, weight * (target - dot(v, x)), v);
    }
    let (mut direction, mut square) = (r.clone(), dot(&r, &r));
    let mut a = vec![0.0; k];
    for _ in 0..STEPS {
        if square < 1e-20 {
            return;
        }
        for ((a, g), d) in a.iter_mut().zip(g.chunks_exact(k)).zip(&direction) {
            *a = dot(g, &direction) + shrink * d;
        }
        for (v, _, weight) in pairs.clone() {
            add(&mut a, weight * dot(v, &direction), v);
        }
        let curvature = dot(&direction, &a);
        if curvature <= 0.0 {
            return;
        }
        let length = square / curvature;
        add(x, length, &direction);
        add(&mut r, -length, &a);
        let next = dot(&r, &r);
        direction.iter_mut().zip(&r).for_each(|(d, r)| *d = r + next / square * *d);
        square = next;
    }
}
