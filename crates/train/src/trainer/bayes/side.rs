//! The users or the items: their rows are independent of each other given the other side.

use super::fields::Fields;
use super::group::{Group, Sums, conclude};
use super::likelihood::Likelihood;
use super::moments::{self, Evidence, Expected, Moments, View};
use crate::maths::{Rng, in_parallel, sigmoid};
use crate::trainer::Entities;
use std::borrow::Cow;
use std::sync::Mutex;

/// Entities that are learnt together, and the unit that sums are made of: the result does not depend on the threads.
const CHUNK: usize = 64;

/// One event of an entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) other: u32,
    pub(super) target: f32,
    pub(super) weight: f32,
}

pub(super) struct Side<'a> {
    /// Those of one own row stand side by side.
    entities: Cow<'a, Entities>,
    /// Where those of each own row end.
    owned: Vec<usize>,
    k: usize,
    ends: Vec<usize>,
    events: Vec<Seen>,
    /// Means of the own rows.
    pub(super) own: Vec<f64>,
    /// The same of own and field rows combined, see [`crate::trainer::Model::combined`].
    pub(super) combined: Vec<f64>,
    pub(super) moments: Moments,
    pub(super) group: Group,
    pub(super) fields: Fields,
}

/// What a pass over one side has summed up.
pub(super) struct Passed {
    /// Moments of own rows.
    pub(super) own: Sums,
    /// Expected squared errors of the targets, weighted; left at zero where nobody asked.
    pub(super) squares: f64,
    /// Of the logistic loss: what they would be, were targets clicks.
    pub(super) variances: f64,
    /// What the events say of each entity; kept where there are fields to learn from it.
    evidence: Vec<Evidence>,
}

/// What a pass works on: own rows from `first` on, and the entities that have them.
struct Chunk<'c> {
    first: usize,
    own: &'c mut [f64],
    combined: &'c mut [f64],
    moments: &'c mut [f32],
}

impl<'a> Side<'a> {
    pub(super) fn new(entities: Cow<'a, Entities>, events: Vec<(u32, Seen)>, fields: Fields, group: Group) -> Side<'a> {
        let d = group.mean.len();
        let own = |entity: usize| entities.rows(entity as u32)[0];
        let last = |entity: &usize| *entity == entities.len() || own(entity - 1) != own(*entity);
        let owned: Vec<usize> = (1..=entities.len()).filter(last).collect();
        let mut ends = vec![0; entities.len()];
        events.iter().for_each(|(entity, _)| ends[*entity as usize] += 1);
        let mut end = 0;
        for count in &mut ends {
            end += *count;
            *count = end;
        }
        let mut next: Vec<usize> = std::iter::once(0).chain(ends.iter().copied()).collect();
        let mut sorted = vec![Seen { other: 0, target: 0.0, weight: 0.0 }; events.len()];
        for (entity, seen) in events {
            let at = &mut next[entity as usize];
            sorted[*at] = seen;
            *at += 1;
        }
        Side {
            k: d - 1,
            own: vec![0.0; owned.len() * d],
            combined: vec![0.0; entities.len() * d],
            moments: Moments::new(entities.len(), d - 1),
            events: sorted,
            owned,
            entities,
            ends,
            group,
            fields,
        }
    }

    /// Starts from random rows.
    pub(super) fn scatter(&mut self, deviation: f64, seed: u64) {
        let d = 1 + self.k;
        let certain = vec![0.0; d * d];
        for (e, numbers) in self.moments.chunks_mut(1).enumerate() {
            // A stream a row: adding an item does not change how the others start.
            let mut rng = Rng::new(seed, e as u64);
            let row = &mut self.combined[e * d..(e + 1) * d];
            row[1..].fill_with(|| deviation * f64::from(rng.normal()));
            moments::set(numbers, row, &certain);
        }
    }

    fn entities_before(&self, own: usize) -> usize {
        if own == 0 { 0 } else { self.owned[own - 1] }
    }

    fn events_of(&self, entity: usize) -> &[Seen] {
        let start = if entity == 0 { 0 } else { self.ends[entity - 1] };
        &self.events[start..self.ends[entity]]
    }

    /// Learns every row of this side, given the other's.
    pub(super) fn learn(&mut self, other: &Moments, likelihood: Likelihood, threads: usize) -> Passed {
        let (k, d) = (self.k, 1 + self.k);
        let pull = self.group.pull();
        let (mut own, mut combined) = (std::mem::take(&mut self.own), std::mem::take(&mut self.combined));
        let mut moments = std::mem::replace(&mut self.moments, Moments::new(0, k));
        let (mut combined_left, mut moments_left) = (&mut combined[..], moments.numbers_mut());
        let mut chunks = Vec::new();
        for (i, own) in own.chunks_mut(CHUNK * d).enumerate() {
            let first = i * CHUNK;
            let entities = self.owned[first + own.len() / d - 1] - self.entities_before(first);
            let (combined, moments);
            (combined, combined_left) = combined_left.split_at_mut(entities * d);
            (moments, moments_left) = moments_left.split_at_mut(entities * moments::stride(k));
            chunks.push(Mutex::new(Some(Chunk { first, own, combined, moments })));
        }
        let passed = in_parallel(chunks.len(), threads, |i| {
            // Every chunk is taken once.
            let chunk = chunks[i].lock().ok().and_then(|mut chunk| chunk.take());
            chunk.map(|chunk| self.learn_chunk(chunk, other, likelihood, &pull))
        });
        let mut total = Passed { own: Sums::new(d), squares: 0.0, variances: 0.0, evidence: Vec::new() };
        for passed in passed.into_iter().flatten() {
            total.own.merge(&passed.own);
            total.squares += passed.squares;
            total.variances += passed.variances;
            total.evidence.extend(passed.evidence);
        }
        drop(chunks);
        (self.own, self.combined, self.moments) = (own, combined, moments);
        if !self.fields.is_empty() {
            let evidence = std::mem::take(&mut total.evidence);
            self.fields.learn(&self.entities, &evidence, likelihood.precision, &mut self.combined, &mut self.moments);
        }
        total
    }

    fn learn_chunk(&self, chunk: Chunk<'_>, other: &Moments, likelihood: Likelihood, pull: &[f64]) -> Passed {
        let (k, d) = (self.k, 1 + self.k);
        let mut passed = Passed { own: Sums::new(d), squares: 0.0, variances: 0.0, evidence: Vec::new() };
        let mut evidence = Evidence::new(k);
        let mut expected = Expected::new(k);
        let (mut a, mut h) = (vec![0.0; d * d], vec![0.0; d]);
        let (mut precision, mut linear) = (a.clone(), h.clone());
        let mut entity = self.entities_before(chunk.first);
        let mut rows = chunk.combined.chunks_exact_mut(d).zip(chunk.moments.chunks_exact_mut(moments::stride(k)));
        for (i, own) in chunk.own.chunks_exact_mut(d).enumerate() {
            let end = self.owned[chunk.first + i];
            precision.copy_from_slice(&self.group.precision);
            linear.copy_from_slice(pull);
            let mut told = Vec::with_capacity(end - entity);
            for ((combined, numbers), entity) in rows.by_ref().take(end - entity).zip(entity..) {
                let events = self.events_of(entity);
                evidence.clear();
                let mut constant = 0.0;
                if likelihood.squared {
                    constant = squared(events, other, &mut evidence);
                } else {
                    expected.set(View::new(numbers, k));
                    logistic(events, other, &expected, &mut evidence, &mut passed);
                }
                evidence.quadratic(likelihood.precision, &mut a, &mut h);
                let fields = self.fields.sum(&self.entities, entity as u32);
                if let Some(fields) = &fields {
                    fields.to_own(&mut a, &mut h);
                }
                precision.iter_mut().zip(&a).for_each(|(sum, a)| *sum += a);
                linear.iter_mut().zip(&h).for_each(|(sum, h)| *sum += h);
                told.push((combined, numbers, fields, constant, evidence.clone()));
            }
            entity = end;
            let covariance = conclude(&mut precision, &mut linear);
            own.copy_from_slice(&linear);
            passed.own.add(own, &covariance);
            for (combined, numbers, fields, constant, evidence) in told {
                combined.copy_from_slice(own);
                let mut covariance = covariance.clone();
                if let Some(fields) = &fields {
                    fields.combine(combined, &mut covariance);
                }
                moments::set(numbers, combined, &covariance);
                if likelihood.squared {
                    passed.squares += constant + evidence.squares(View::new(numbers, k));
                }
                if !self.fields.is_empty() {
                    passed.evidence.push(evidence);
                }
            }
        }
        passed
    }
}

/// Events under the squared loss, of noise 1. Returns the part of the squared errors that is in no row of this side.
fn squared(events: &[Seen], other: &Moments, evidence: &mut Evidence) -> f64 {
    let mut constant = 0.0;
    for seen in events {
        let other = other.of(seen.other as usize);
        evidence.add(other, seen.weight, seen.weight * seen.target);
        constant += f64::from(seen.weight * (seen.target * (seen.target - 2.0 * other.b) + other.bb));
    }
    constant
}

/// Events under the logistic loss: the sigmoid is bounded from below by a Gaussian that touches it at xi, xi^2 = E[s^2]
/// (Jaakkola and Jordan 2000).
fn logistic(events: &[Seen], other: &Moments, mine: &Expected, evidence: &mut Evidence, passed: &mut Passed) {
    for seen in events {
        let other = other.of(seen.other as usize);
        let square = mine.squared_score(other).max(1e-6);
        let score = mine.score(other);
        let xi = square.sqrt();
        // tanh(xi / 2) / (2 xi)
        let bound = (sigmoid(xi) - 0.5) / xi;
        evidence.add(other, seen.weight * bound, seen.weight * (seen.target - 0.5));
        let p = sigmoid(score);
        let slope = p * (1.0 - p);
        let uncertain = slope * slope * (square - score * score).max(0.0);
        passed.squares += f64::from(seen.weight * ((seen.target - p) * (seen.target - p) + uncertain));
        passed.variances += f64::from(seen.weight * slope);
    }
}
