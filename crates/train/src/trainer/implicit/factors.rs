//! Alternating least squares: people's rows at fixed items' rows, and the reverse. Each row takes a few steps of conjugate gradients from where
//! it was (Takács, Pilászy and Tikk 2011), so a pass costs k numbers a pair, and the objective falls with every step.

use super::contexts::{Contexts, Moments};
use super::linear::gram;
use super::pairs::Pairs;
use super::squares::{Weights, step};
use crate::maths::Rng;

/// Deviation of <p, q> before the first pass, roughly.
const INIT: f32 = 0.1;

/// The fields' rows of each item: an item's row is N(the sum of its fields' rows, 1 / lambda_i), which is as if it were their sum and a row of
/// its own (Bayer, He, Kanagal and Rendle 2017).
pub(crate) struct Fields<'a> {
    /// Of all items together.
    pub(crate) count: usize,
    /// Those of an item.
    pub(crate) of: &'a (dyn Fn(usize) -> Vec<usize> + Sync),
}

impl Fields<'_> {
    /// Moves each field's row to the least squares at the items' rows and at the other fields', one after the other; `means` are the sums.
    fn step(&self, items: &Pairs, q: &[f32], rows: &mut [f32], means: &mut [f32], k: usize, weights: Weights) {
        let mut members = vec![Vec::new(); self.count];
        (0..items.len()).for_each(|item| (self.of)(item).into_iter().for_each(|field| members[field].push(item)));
        for (members, row) in members.iter().zip(rows.chunks_exact_mut(k)) {
            // A field begins as an item that nobody met.
            let mut total = weights.shrink(0.0, items.across);
            let mut sum = vec![0.0f64; k];
            for &item in members {
                let lambda = weights.shrink(items.row(item).map(|(.., weight)| f64::from(weight)).sum(), items.across);
                total += lambda;
                let rest = q[item * k..][..k].iter().zip(&means[item * k..][..k]).zip(&*row);
                sum.iter_mut().zip(rest).for_each(|(sum, ((q, mean), row))| *sum += lambda * f64::from(q - mean + row));
            }
            let new: Vec<f32> = sum.iter().map(|x| (x / total) as f32).collect();
            for &item in members {
                let means = means[item * k..][..k].iter_mut();
                means.zip(new.iter().zip(&*row)).for_each(|(mean, (new, old))| *mean += new - old);
            }
            row.copy_from_slice(&new);
        }
    }
}

/// What is learnt of items, fields and contexts.
pub(crate) struct Factors {
    /// The items' rows, of k numbers each, what their fields' rows add included.
    pub(crate) q: Vec<f32>,
    pub(crate) fields: Vec<f32>,
    pub(crate) contexts: Vec<f32>,
    /// What is left for people's own rows to tell, if they came in contexts.
    pub(crate) people: Option<Pairs>,
}

/// Learns by so many passes. `told` is what happened by person, or where there are `moments` by occasion.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own")]
pub(crate) fn factors(
    told: &Pairs,
    fields: &Fields<'_>,
    moments: Option<&Moments>,
    k: usize,
    weights: Weights,
    passes: usize,
    threads: usize,
    seed: u64,
) -> Factors {
    let people = moments.map_or(told.len(), |moments| moments.people);
    let mut items = told.transposed();
    items.across = people;
    let mut q = vec![0.0; items.len() * k];
    for (item, row) in q.chunks_exact_mut(k).enumerate() {
        let mut rng = Rng::new(seed, item as u64);
        row.fill_with(|| INIT / (k as f32).sqrt() * rng.normal());
    }
    let mut p = vec![0.0; people * k];
    let (nobody, mut means, mut rows) = (vec![0.0; p.len()], vec![0.0; q.len()], vec![0.0; fields.count * k]);
    let mut contexts = moments.map(|moments| Contexts::new(moments, told, k));
    for _ in 0..passes {
        match &mut contexts {
            None => {
                step(told, &q, &gram(&q, k), &nobody, &mut p, k, weights, threads);
                step(&items, &p, &gram(&p, k), &means, &mut q, k, weights, threads);
            }
            Some(contexts) => {
                step(&contexts.of_people(&q), &q, &gram(&q, k), &nobody, &mut p, k, weights, threads);
                contexts.step(&q, &p, weights, threads);
                let (in_moments, products) = contexts.in_moments(&p);
                step(&items, &in_moments, &products, &means, &mut q, k, weights, threads);
            }
        }
        fields.step(&items, &q, &mut rows, &mut means, k, weights);
    }
    // Of an item that nobody met nothing but its fields is known.
    let unmet = (0..items.len()).filter(|&item| fields.count > 0 && items.row(item).next().is_none());
    unmet.for_each(|item| q[item * k..][..k].copy_from_slice(&means[item * k..][..k]));
    let people = contexts.as_ref().map(|contexts| contexts.of_people(&q));
    Factors { people, contexts: contexts.map_or_else(Vec::new, |contexts| contexts.rows), fields: rows, q }
}

#[cfg(test)]
mod tests {
    use super::super::linear::dot;
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

    /// Nothing that rows are drawn toward.
    fn none(rows: &[f32]) -> Vec<f32> {
        vec![0.0; rows.len()]
    }

    #[test]
    fn an_item_that_nobody_met_is_as_its_fields_are() {
        // Two kinds of people and of items; item 9 is of the first kind and was met by nobody.
        let kind = |item: usize| vec![usize::from(item % 2 == 1 && item != 9)];
        let fields = Fields { count: 2, of: &kind };
        let of = |u: u32| (0..9u32).filter(move |i| (u + i).is_multiple_of(2) && !(u / 2 + i).is_multiple_of(3));
        let people = Pairs::new(40, 10, (0..40u32).flat_map(move |u| of(u).map(move |i| (u, i, 1.0, 1.0))));
        let Factors { q, fields: rows, .. } = factors(&people, &fields, None, K, WEIGHTS, 12, 1, 5);
        assert_eq!(q[9 * K..], rows[..K]);
        let score = |a: usize, b: usize| f64::from(dot(&q[a * K..][..K], &q[b * K..][..K]));
        assert!(score(9, 2) > 4.0 * score(9, 3).abs(), "{} {}", score(9, 2), score(9, 3));
    }

    #[test]
    fn the_objective_over_all_pairs_falls_with_every_step() {
        let people = pairs();
        let items = people.transposed();
        let mut q: Vec<f32> = (0..5 * K).map(|at| 0.3 * ((at * 7 % 5) as f32 - 2.0)).collect();
        let mut p = vec![0.0; 7 * K];
        let mut last = objective(&people, &p, &q);
        for _ in 0..10 {
            step(&people, &q, &gram(&q, K), &none(&p), &mut p, K, WEIGHTS, 1);
            let between = objective(&people, &p, &q);
            step(&items, &p, &gram(&p, K), &none(&q), &mut q, K, WEIGHTS, 1);
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
        (0..5).for_each(|_| step(&people, &q, &gram(&q, K), &none(&p), &mut p, K, WEIGHTS, 1));
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
        let [one, three] = [1, 3].map(|threads| {
            let fields = Fields { count: 2, of: &|item| vec![item % 2] };
            factors(&pairs(), &fields, None, K, WEIGHTS, 6, threads, 5).q
        });
        assert_eq!(one, three);
    }

    #[test]
    fn a_moment_adds_to_a_person() {
        // Everybody chooses of the first three items in the one moment and of the last three in the other.
        let occasions: Vec<(u32, Vec<(u32, f32)>)> = (0..80).map(|o| (o / 2, vec![(o % 2, 1.0)])).collect();
        let of = |o: u32| {
            (0..3u32).filter(move |i| !(o / 2 + i).is_multiple_of(3)).map(move |i| (o, 3 * (o % 2) + i, 1.0, 1.0))
        };
        let told = Pairs::new(80, 6, (0..80u32).flat_map(of));
        let moments = Moments { fields: vec![0, 0], occasions, people: 40 };
        let no_fields = Fields { count: 0, of: &|_| Vec::new() };
        let [one, two] = [1, 2].map(|threads| factors(&told, &no_fields, Some(&moments), K, WEIGHTS, 12, threads, 5));
        assert_eq!((&one.q, &one.contexts), (&two.q, &two.contexts));
        let Factors { q, contexts, people, .. } = one;
        for (moment, own) in [(0, 0), (1, 3)] {
            let score = |item: usize| dot(&contexts[moment * K..][..K], &q[item * K..][..K]);
            assert!((0..3).all(|i| score(own + i) > 0.1 && score(3 - own + i) < -0.1), "{contexts:?} {q:?}");
        }
        assert_eq!(people.map(|people| people.len()), Some(40));
    }
}
