//! Alternating least squares: people's rows at fixed items' rows, and the reverse. Each row takes a few steps of conjugate gradients from where
//! it was (Takács, Pilászy and Tikk 2011), so a pass costs k numbers a pair, and the objective falls with every step.

use super::linear::{add, dot, for_rows, gram};
use super::pairs::Pairs;
use crate::maths::Rng;

/// Steps a row takes in a pass.
const STEPS: usize = 3;
/// Deviation of <p, q> before the first pass, roughly.
const INIT: f32 = 0.1;

/// What the parts of the objective weigh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights {
    /// alpha0: of a pair of which nothing is known.
    pub(crate) unshown: f64,
    /// Of a row's square, for each of its pairs.
    pub(crate) reg: f64,
}

/// The items' rows, of k numbers each, after so many passes.
pub(crate) fn factors(
    people: &Pairs,
    k: usize,
    weights: Weights,
    passes: usize,
    threads: usize,
    seed: u64,
) -> Vec<f32> {
    let items = people.transposed();
    let mut q = vec![0.0; items.len() * k];
    for (item, row) in q.chunks_exact_mut(k).enumerate() {
        let mut rng = Rng::new(seed, item as u64);
        row.fill_with(|| INIT / (k as f32).sqrt() * rng.normal());
    }
    let mut p = vec![0.0; people.len() * k];
    for _ in 0..passes {
        step(people, &q, &mut p, k, weights, threads);
        step(&items, &p, &mut q, k, weights, threads);
    }
    q
}

/// Moves `rows` toward the least squares at the `others`.
fn step(pairs: &Pairs, others: &[f32], rows: &mut [f32], k: usize, weights: Weights, threads: usize) {
    let unshown: Vec<f32> = gram(others, k).iter().map(|x| (x * weights.unshown) as f32).collect();
    for_rows(rows, k, threads, |at, row| {
        let pairs = pairs.row(at).map(|(other, target, weight)| (&others[other as usize * k..][..k], target, weight));
        let seen: f64 = pairs.clone().map(|(.., weight)| f64::from(weight)).sum();
        let shrink = weights.reg * (seen + weights.unshown * (others.len() / k) as f64);
        conjugate(row, &unshown, shrink as f32, pairs);
    });
}

/// Steps toward x of (G + shrink I + sum c v v^T) x = sum c t v.
fn conjugate<'a>(x: &mut [f32], g: &[f32], shrink: f32, pairs: impl Iterator<Item = (&'a [f32], f32, f32)> + Clone) {
    let k = x.len();
    let mut r = vec![0.0; k];
    for ((r, g), x_at) in r.iter_mut().zip(g.chunks_exact(k)).zip(&*x) {
        *r = -dot(g, x) - shrink * x_at;
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

#[cfg(test)]
mod tests {
    use super::*;

    const K: usize = 3;
    const WEIGHTS: Weights = Weights { unshown: 0.2, reg: 0.05 };

    fn pairs() -> Pairs {
        let some = (0..7u32).flat_map(|u| {
            (0..5u32).filter(move |i| (u * 3 + i * 2) % 4 == 0).map(move |i| (u, i, 1.0, 1.0 + (u % 2) as f32))
        });
        Pairs::new(7, 5, some)
    }

    /// The objective with every pair written out.
    fn objective(pairs: &Pairs, p: &[f32], q: &[f32]) -> f64 {
        let row = |of: &[f32], at: usize| of[at * K..][..K].to_vec();
        let mut sum = 0.0;
        for u in 0..pairs.len() {
            for i in 0..pairs.across {
                let score = f64::from(dot(&row(p, u), &row(q, i)));
                sum += WEIGHTS.unshown * score * score;
                for (_, target, weight) in pairs.row(u).filter(|(item, ..)| *item as usize == i) {
                    sum += f64::from(weight) * (f64::from(target) - score).powi(2);
                }
            }
        }
        let shrink = |pairs: &Pairs, rows: &[f32]| -> f64 {
            let of = |at: usize| {
                let seen: f64 = pairs.row(at).map(|(.., weight)| f64::from(weight)).sum();
                let seen = seen + WEIGHTS.unshown * pairs.across as f64;
                WEIGHTS.reg * seen * f64::from(dot(&row(rows, at), &row(rows, at)))
            };
            (0..pairs.len()).map(of).sum()
        };
        sum + shrink(pairs, p) + shrink(&pairs.transposed(), q)
    }

    #[test]
    fn the_objective_over_all_pairs_falls_with_every_step() {
        let people = pairs();
        let items = people.transposed();
        let mut q: Vec<f32> = (0..5 * K).map(|at| 0.3 * ((at * 7 % 5) as f32 - 2.0)).collect();
        let mut p = vec![0.0; 7 * K];
        let mut last = objective(&people, &p, &q);
        for _ in 0..10 {
            step(&people, &q, &mut p, K, WEIGHTS, 1);
            let between = objective(&people, &p, &q);
            step(&items, &p, &mut q, K, WEIGHTS, 1);
            let after = objective(&people, &p, &q);
            assert!(between <= last + 1e-6 && after <= between + 1e-6, "{last} {between} {after}");
            last = after;
        }
    }

    #[test]
    fn a_row_is_the_least_squares_over_all_pairs() {
        let people = pairs();
        let q: Vec<f32> = (0..5 * K).map(|at| 0.3 * ((at * 7 % 5) as f32 - 2.0)).collect();
        let mut p = vec![0.0; 7 * K];
        (0..5).for_each(|_| step(&people, &q, &mut p, K, WEIGHTS, 1));
        let best = objective(&people, &p, &q);
        for at in 0..p.len() {
            for by in [-0.01, 0.01] {
                let mut moved = p.clone();
                moved[at] += by;
                assert!(objective(&people, &moved, &q) > best, "number {at} by {by}");
            }
        }
    }

    #[test]
    fn threads_give_the_same_bits() {
        let [one, three] = [1, 3].map(|threads| factors(&pairs(), K, WEIGHTS, 6, threads, 5));
        assert_eq!(one, three);
    }
}
