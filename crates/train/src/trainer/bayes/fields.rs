//! Rows of fields: few rows with many events each. What the events say of an entity's combined row is all that is needed
//! to learn the rows of its fields, so that this costs entities, not events (Rendle 2013, "Scaling factorization machines
//! to relational data").

use super::group::conclude;
use super::linear::{dot, multiply};
use super::moments::{self, Evidence, Moments};
use crate::trainer::Entities;

/// The rows of one side's fields.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// The number of the first of these rows.
    first: usize,
    d: usize,
    /// Their means.
    pub(super) rows: Vec<f64>,
    /// The group of each row.
    groups: Vec<u32>,
    /// For each group the precision of each number around zero.
    precisions: Vec<Vec<f64>>,
    /// For each row the entities that have it, and the value that they have it with.
    members: Vec<Vec<(u32, f64)>>,
}

/// The fields of one entity, summed up: (b, v) = (w + bias + <own v, v_sum>, own v + v_sum).
pub(super) struct FieldSum {
    bias: f64,
    v: Vec<f64>,
}

impl Fields {
    pub(super) fn new(entities: &Entities, first: usize, groups: &[u32], d: usize) -> Fields {
        let least = groups.iter().min().copied().unwrap_or(0);
        let groups: Vec<u32> = groups.iter().map(|group| group - least).collect();
        let mut members = vec![Vec::new(); groups.len()];
        for entity in 0..entities.len() as u32 {
            for (row, x) in entities.active(entity).skip(1) {
                members[row as usize - first].push((entity, x.into()));
            }
        }
        let count = groups.iter().max().map_or(0, |&group| group as usize + 1);
        let mut start = vec![50.0; d];
        start[0] = 10.0;
        Fields { first, d, rows: vec![0.0; groups.len() * d], groups, precisions: vec![start; count], members }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    fn row(&self, row: u32) -> &[f64] {
        &self.rows[(row as usize - self.first) * self.d..][..self.d]
    }

    /// The sum of the rows of an entity's fields; None of none.
    pub(super) fn sum(&self, entities: &Entities, entity: u32) -> Option<FieldSum> {
        if entities.rows(entity).len() == 1 {
            return None;
        }
        let mut sum = FieldSum { bias: 0.0, v: vec![0.0; self.d - 1] };
        for (row, x) in entities.active(entity).skip(1) {
            let (row, x) = (self.row(row), f64::from(x));
            // <v_i, v_j> with every row before.
            sum.bias += x * (row[0] + dot(&sum.v, &row[1..]));
            sum.v.iter_mut().zip(&row[1..]).for_each(|(sum, v)| *sum += x * v);
        }
        Some(sum)
    }

    /// Learns every row, given the entities' own rows. `combined` and `moments` follow. `evidence` is what the events say of
    /// each entity's combined row, to be multiplied by `factor`.
    pub(super) fn learn(
        &mut self,
        entities: &Entities,
        evidence: &[Evidence],
        factor: f64,
        combined: &mut [f64],
        moments: &mut Moments,
    ) {
        let d = self.d;
        // Covariances of the combined rows, as long as fields move them.
        let mut covariances = vec![0.0; entities.len() * d * d];
        for (entity, covariance) in covariances.chunks_exact_mut(d * d).enumerate() {
            moments.of(entity).covariance(covariance);
        }
        let mut squares: Vec<Vec<f64>> = vec![vec![0.0; d]; self.precisions.len()];
        let mut counts = vec![0.0; self.precisions.len()];
        let (mut a, mut h) = (vec![0.0; d * d], vec![0.0; d]);
        for row in 0..self.groups.len() {
            let group = self.groups[row] as usize;
            let current = self.rows[row * d..(row + 1) * d].to_vec();
            let (mut precision, mut pull) = (vec![0.0; d * d], vec![0.0; d]);
            for &(entity, x) in &self.members[row] {
                let entity = entity as usize;
                let p = &combined[entity * d..(entity + 1) * d];
                evidence[entity].quadratic(factor, &mut a, &mut h);
                // d(b, v)/d row = x [[1, v - x own v], [0, 1]]
                h.iter_mut().zip(multiply(&a, p)).for_each(|(h, x)| *h -= x);
                // The entity's own row, which the field's interacts with, is uncertain.
                let c = &covariances[entity * d * d..(entity + 1) * d * d];
                let weight = a[0];
                for l in 1..d {
                    pull[l] -= x * dot(&c[l * d..(l + 1) * d], &a[..d]);
                    for m in 1..=l {
                        precision[l * d + m] += x * x * weight * c[l * d + m];
                    }
                }
                let others: Vec<f64> = (1..d).map(|l| p[l] - x * current[l]).collect();
                project(&others, &mut a, &mut h);
                precision.iter_mut().zip(&a).for_each(|(sum, a)| *sum += x * x * a);
                pull.iter_mut().zip(&h).for_each(|(sum, h)| *sum += x * h);
            }
            for i in 0..d {
                precision[i * d + i] += self.precisions[group][i];
                pull[i] -= self.precisions[group][i] * current[i];
            }
            let covariance = conclude(&mut precision, &mut pull);
            let moved = pull;
            for &(entity, x) in &self.members[row] {
                let entity = entity as usize;
                let p = &mut combined[entity * d..(entity + 1) * d];
                p[0] += x * (moved[0] + (1..d).map(|l| moved[l] * (p[l] - x * current[l])).sum::<f64>());
                let by: Vec<f64> = moved[1..].iter().map(|moved| x * moved).collect();
                p[1..].iter_mut().zip(&by).for_each(|(p, by)| *p += by);
                shear(&by, &mut covariances[entity * d * d..(entity + 1) * d * d]);
            }
            let now = &mut self.rows[row * d..(row + 1) * d];
            now.iter_mut().zip(&moved).for_each(|(x, moved)| *x += moved);
            counts[group] += 1.0;
            for (i, sum) in squares[group].iter_mut().enumerate() {
                *sum += now[i] * now[i] + covariance[i * d + i];
            }
        }
        let rows = combined.chunks_exact(d).zip(covariances.chunks_exact(d * d));
        for (numbers, (mean, covariance)) in moments.chunks_mut(1).zip(rows) {
            moments::set(numbers, mean, covariance);
        }
        for ((precisions, squares), n) in self.precisions.iter_mut().zip(&squares).zip(&counts) {
            for (precision, squares) in precisions.iter_mut().zip(squares) {
                // A gamma hyper-prior that counts as one row of deviation .1.
                *precision = (1.0 + n) / (0.01 + squares);
            }
        }
    }
}

impl FieldSum {
    /// From what is known of the combined row to what that says of the own one: with (b, v) = J own + c, J = [[1, v_sum],
    /// [0, 1]] and c = (bias, v_sum), A <- J^T A J and h <- J^T (h - A c).
    pub(super) fn to_own(&self, a: &mut [f64], h: &mut [f64]) {
        let c: Vec<f64> = std::iter::once(self.bias).chain(self.v.iter().copied()).collect();
        let ac = multiply(a, &c);
        h.iter_mut().zip(ac).for_each(|(h, x)| *h -= x);
        project(&self.v, a, h);
    }

    /// N(mean, C) becomes N(J mean + c, J C J^T).
    pub(super) fn combine(&self, mean: &mut [f64], covariance: &mut [f64]) {
        mean[0] += self.bias + dot(&mean[1..], &self.v);
        mean[1..].iter_mut().zip(&self.v).for_each(|(x, f)| *x += f);
        shear(&self.v, covariance);
    }
}

/// C <- J C J^T, where J = [[1, v], [0, 1]].
fn shear(v: &[f64], c: &mut [f64]) {
    let d = v.len() + 1;
    // The first row becomes itself plus the others times v, then the same of the first column.
    let cf: Vec<f64> = (0..d).map(|i| dot(&c[i * d + 1..(i + 1) * d], v)).collect();
    c[0] += 2.0 * cf[0] + dot(&cf[1..], v);
    for l in 1..d {
        c[l] += cf[l];
        c[l * d] = c[l];
    }
}

/// A <- J^T A J and h <- J^T h, where J = [[1, v], [0, 1]].
fn project(v: &[f64], a: &mut [f64], h: &mut [f64]) {
    let d = h.len();
    let (n, first) = (a[0], h[0]);
    let column: Vec<f64> = (0..d).map(|l| a[l * d]).collect();
    for l in 1..d {
        let f = v[l - 1];
        h[l] += f * first;
        for m in 1..d {
            let g = v[m - 1];
            a[l * d + m] += f * column[m] + g * column[l] + n * f * g;
        }
        a[l * d] = column[l] + n * f;
        a[l] = a[l * d];
    }
}
