//! Writing compact bases and patches, which the endpoint does and a browser never.

use crate::error::Error;
use crate::format::base::Base;
use crate::format::base_writer::Rows;
use crate::format::compact::{FORMAT, Layout, MAGIC, id_planes, places};
use crate::format::metadata::{Metadata, Steps};
use crate::format::patch::{self, ROW_BITS, expected};
use crate::input::value::Value;
use crate::maths::linear::{cholesky, solve};
use crate::maths::scalar::sqrt;
use alloc::vec;
use alloc::vec::Vec;
use xxhash_rust::xxh3::xxh3_64;

/// The share of the spread of scores that the rounding of one column is a step of.
const SHARE: f64 = 0.15;
/// Bits of an id beyond those that count the rows.
const SPARE_BITS: u32 = 20;
/// The most steps of a number.
const MOST: f32 = 127.0;

impl Steps {
    /// The steps of rows: each column's rounding moves the scores of a new visitor alike, by a share of how much a column spreads them on
    /// average; larger where numbers would be more than 127 of them.
    pub fn of(metadata: &Metadata, rows: &Rows) -> Steps {
        let width = 1 + metadata.factors;
        let prior = &metadata.prior;
        let moment = |c: usize| {
            let variance = f64::from(prior.scale) * f64::from(prior.covariance[c * width + c]);
            variance + f64::from(prior.mean[c]) * f64::from(prior.mean[c])
        };
        let moments = (0..width).map(|c| if c == 0 { 1.0 } else { moment(c) }).collect();
        let catalogue = metadata.catalogue.as_ref().map_or(Vec::new(), |prior| {
            let c = prior.mean.len();
            let moment = |i: usize| f64::from(prior.covariance[i * c + i]) + f64::from(prior.mean[i] * prior.mean[i]);
            // Last is what popularity adds.
            (0..c).map(moment).chain([1.0]).collect()
        });
        let ranked = rows.catalogue.as_deref().unwrap_or_default();
        Steps { rows: spread(&rows.rows, moments), catalogue: spread(ranked, catalogue) }.fitting(rows)
    }

    /// The same, each twice as large until no number of its column is more than 127 of them.
    pub fn fitting(mut self, rows: &Rows) -> Steps {
        let tables =
            [(&mut self.rows, &*rows.rows), (&mut self.catalogue, rows.catalogue.as_deref().unwrap_or_default())];
        for (steps, numbers) in tables {
            for (c, step) in steps.iter_mut().enumerate() {
                let largest =
                    numbers.iter().skip(c).step_by(columns_of(numbers, rows)).fold(0f32, |max, x| max.max(x.abs()));
                if *step == 0.0 {
                    // Nothing tells what it is worth; there is room to grow.
                    *step = 4.0 * largest / MOST;
                }
                while largest > MOST * *step {
                    *step *= 2.0;
                }
            }
        }
        self
    }

    /// Moves each number to the nearest whole multiple of its column's step.
    pub(crate) fn round(&self, rows: &mut Rows) {
        snap(&mut rows.rows, &self.rows);
        snap(rows.catalogue.as_deref_mut().unwrap_or_default(), &self.catalogue);
    }
}

fn columns_of(numbers: &[f32], rows: &Rows) -> usize {
    numbers.len().checked_div(rows.ids.len()).unwrap_or(0).max(1)
}

/// Steps that move scores alike, of columns with these second moments of what they are multiplied with.
fn spread(numbers: &[f32], moments: Vec<f64>) -> Vec<f32> {
    let columns = moments.len();
    let lines = numbers.chunks_exact(columns.max(1));
    let n = lines.len().max(1) as f64;
    let variance = |c: usize| {
        let (sum, squares) = lines.clone().fold((0.0, 0.0), |(sum, squares), row| {
            let x = f64::from(row[c]);
            (sum + x, squares + x * x)
        });
        squares / n - sum / n * (sum / n)
    };
    let mean = moments.iter().enumerate().map(|(c, moment)| moment * variance(c)).sum::<f64>() / columns.max(1) as f64;
    let step = |moment: &f64| if *moment > 0.0 { (SHARE * sqrt(mean.max(0.0) / moment)) as f32 } else { 0.0 };
    moments.iter().map(step).collect()
}

fn snap(numbers: &mut [f32], steps: &[f32]) {
    for row in numbers.chunks_exact_mut(steps.len().max(1)) {
        row.iter_mut().zip(steps).for_each(|(x, step)| *x = f32::from(eighth(*x, *step)) * step);
    }
}

/// How many steps a number is.
fn eighth(x: f32, step: f32) -> i8 {
    if step > 0.0 { libm::rintf(x / step).clamp(-MOST, MOST) as i8 } else { 0 }
}

/// A base as browsers download it. Of one whose numbers are no multiples of steps they are rounded to some.
pub fn compact(base: &Base) -> Result<Vec<u8>, Error> {
    let rows = Rows::of(base);
    let steps = base.metadata().steps.clone().unwrap_or_else(|| Steps::of(base.metadata(), &rows));
    let n = rows.ids.len();
    let places = |bits: u32| rows.ids.iter().map(|id| id.0.checked_shr(64 - bits).unwrap_or(0)).collect::<Vec<u64>>();
    let mut bits = (usize::BITS - n.leading_zeros() + SPARE_BITS).min(64);
    while bits < 64 && places(bits).windows(2).any(|pair| pair[0] == pair[1]) {
        bits += 1;
    }
    let columns = |numbers: &[f32], steps: &[f32]| -> Vec<u8> {
        let width = steps.len();
        let column = |(c, step): (usize, &f32)| {
            let step = *step;
            (0..n).map(|i| eighth(numbers[i * width + c], step) as u8).collect::<Vec<u8>>()
        };
        steps.iter().enumerate().flat_map(column).collect()
    };
    let numbers = columns(&rows.rows, &steps.rows);
    let catalogue = columns(rows.catalogue.as_deref().unwrap_or_default(), &steps.catalogue);
    let metadata = Metadata { steps: Some(steps), training: Value::Null, ..base.metadata().clone() };
    metadata.check()?;
    let text = metadata.to_json();
    let mut blob = MAGIC.to_vec();
    for number in [FORMAT, text.len() as u32, n as u32, bits] {
        blob.extend(number.to_le_bytes());
    }
    blob.extend(text.as_bytes());
    blob.extend(id_planes(&places(bits), bits));
    blob.extend(numbers);
    blob.extend(catalogue);
    Ok(blob)
}

/// What makes `new` of `old`, both compact; None where more has changed than rows that moved or came.
pub fn patch(old: &Base, new: &Base) -> Option<Vec<u8>> {
    let ([a, b], [from, to]) = ([old.bytes(), new.bytes()], [old, new].map(|base| Layout::of(base.bytes())));
    let ((from, _), (to, _)) = (from.ok()?, to.ok()?);
    if from.bits != to.bits || old.metadata().steps != new.metadata().steps || old.is_empty() {
        return None;
    }
    let (ids, after) = (places(&a[from.ids.clone()], from.rows), places(&b[to.ids.clone()], to.rows));
    let columns = from.numbers.len() / from.rows;
    let number = |blob: &[u8], layout: &Layout, i: usize, c: usize| blob[layout.numbers.start + c * layout.rows + i];
    let (mut changed, mut new_rows, mut stays) = (Vec::new(), Vec::new(), 0);
    for (j, id) in after.iter().enumerate() {
        if ids.get(stays) != Some(id) {
            new_rows.push(j);
            continue;
        }
        if (0..columns).any(|c| number(a, &from, stays, c) != number(b, &to, j, c)) {
            changed.push((stays, j));
        }
        stays += 1;
    }
    // A row that is gone cannot be told.
    if stays != ids.len() {
        return None;
    }
    let (old_text, new_text) = (&a[from.metadata.clone()], &b[to.metadata.clone()]);
    let head = old_text.iter().zip(new_text).take_while(|(x, y)| x == y).count();
    let (old_rest, new_rest) = (&old_text[head..], &new_text[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(x, y)| x == y).count();
    let between = &new_rest[..new_rest.len() - tail];
    let mut out = patch::MAGIC.to_vec();
    [a, b].iter().for_each(|blob| out.extend(xxh3_64(blob).to_le_bytes()));
    let change = |(i, j): &(usize, usize), c: usize| number(b, &to, *j, c).wrapping_sub(number(a, &from, *i, c));
    let column = |c: usize| changed.iter().map(|places| change(places, c)).collect::<Vec<u8>>();
    let changes: Vec<Vec<u8>> = (0..columns).map(column).collect();
    let (weights, beyond) = beyond_expected(&changes);
    for number in [head, tail, between.len(), changed.len(), new_rows.len(), weights.len()] {
        out.extend((number as u32).to_le_bytes());
    }
    out.extend(between);
    out.extend(id_planes(&changed.iter().map(|(i, _)| *i as u64).collect::<Vec<_>>(), ROW_BITS));
    out.extend(weights);
    out.extend(beyond);
    out.extend(id_planes(&new_rows.iter().map(|&j| after[j]).collect::<Vec<_>>(), to.bits));
    for c in 0..columns {
        out.extend(new_rows.iter().map(|&j| number(b, &to, j, c)));
    }
    Some(out)
}

/// Bits that a weight costs.
const WEIGHT_BITS: f64 = 8.0;

/// The weights by which columns of changes are expected from those before them, by least squares, and what they do beyond. A column of which they
/// would tell less than they cost has zeros, and where all have, there are none.
fn beyond_expected(changes: &[Vec<u8>]) -> (Vec<u8>, Vec<u8>) {
    let signed = |column: &Vec<u8>| column.iter().map(|x| f64::from(*x as i8)).collect::<Vec<f64>>();
    let (n, numbers): (usize, Vec<Vec<f64>>) = (changes.len(), changes.iter().map(signed).collect());
    let mut products = vec![0.0; n * n];
    for (i, a) in numbers.iter().enumerate() {
        for (j, b) in numbers[..=i].iter().enumerate() {
            let product = a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b);
            [products[i * n + j], products[j * n + i]] = [product; 2];
        }
    }
    // One more on the diagonal, for columns that do not change or follow from others.
    let (lower, _) = cholesky(n, &|i, j| products[i * n + j] + if i == j { 1.0 } else { 0.0 });
    let (mut all, mut beyond) = (Vec::new(), changes.first().cloned().unwrap_or_default());
    for (c, column) in changes.iter().enumerate().skip(1) {
        let mut solved: Vec<f64> = products[c * n..c * n + c].to_vec();
        let corner: Vec<f64> = (0..c).flat_map(|i| &lower[i * n..i * n + c]).copied().collect();
        solve(&corner, &mut solved);
        let mut weights: Vec<u8> =
            solved.iter().map(|x| libm::rint(x * 64.0).clamp(-127.0, 127.0) as i8 as u8).collect();
        let rest = |weights: &[u8]| -> Vec<u8> {
            let before = |i: usize| changes[..c].iter().map(move |column| column[i]);
            column.iter().enumerate().map(|(i, x)| x.wrapping_sub(expected(weights, before(i)))).collect()
        };
        let mut left = rest(&weights);
        let bits =
            |numbers: &[u8]| numbers.iter().fold(0.0, |sum, x| sum + libm::log2(1.0 + f64::from(*x as i8).abs()));
        if bits(column) - bits(&left) < WEIGHT_BITS * c as f64 {
            (weights, left) = (vec![0; c], column.clone());
        }
        all.extend(weights);
        beyond.extend(left);
    }
    if all.iter().all(|weight| *weight == 0) {
        all.clear();
    }
    (all, beyond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maths::random::Random;

    #[test]
    fn columns_that_follow_from_others_leave_little_to_tell() {
        let mut random = Random::new(1);
        let number = |x: i32| x as i8 as u8;
        let first: Vec<i32> = (0..300).map(|_| random.below(29) as i32 - 14).collect();
        let second: Vec<i32> = first.iter().map(|x| x * 3 / 2).collect();
        let third: Vec<i32> = first.iter().zip(&second).map(|(a, b)| b - 2 * a).collect();
        let stranger: Vec<i32> = (0..300).map(|_| random.below(9) as i32 - 4).collect();
        let changes =
            [first, second, third, stranger].map(|column| column.into_iter().map(number).collect::<Vec<u8>>());
        let (weights, beyond) = beyond_expected(&changes);
        assert_eq!((weights.len(), &weights[3..]), (6, &[0; 3][..]), "{weights:?}");
        assert!(beyond[300..900].iter().all(|x| (*x as i8).abs() <= 1), "{weights:?} {beyond:?}");
        assert_eq!(beyond[..300], changes[0]);
        assert_eq!(beyond[900..], changes[3]);
        assert_eq!(patch::told(&weights, &beyond, 4), Some(changes.concat()));
    }
}
