//! The fold: thousands of deltas into one change of the base.
//!
//! Each row of each delta is clipped to a length and weighted by the delta's age, then added up in fixed point, so that
//! the sum is the same in any order, can be merged from parts and be replayed. The master rows then make a step of stochastic
//! variational inference (Hoffman et al. 2013): the seed's row x0 is a prior of the precision A, the events that clients
//! learnt the row from add to it, and the row x goes a share of the way to the mode of its posterior.
//!
//! ```text
//! x <- x + (A + h c S)^-1 (min(1, c / e) g - min(1, e / c) A (x - x0))        A = L + h0 c (N / n) S
//!
//! g     the sum of the deltas' gradients                           S    second moments of (1, u) by the prior of a visitor
//! e, c  how often deltas taught the row, in this fold; how many    N    the seed's events, n the clients' so far: of the
//!       of its events, so far. A device teaches events again            seed's events the row had its share, c / n
//! ```
//!
//! No weight ever goes farther than `reach` from the seed's: that is what hostile clients can do, whatever they send and for
//! however long.

use crate::{Delta, Error, FeatureId};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// How deltas are weighed.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldConfig {
    /// The longest (L2) that a row of one delta may be; a longer one is shortened to it.
    pub clip: f32,
    /// The farthest that deltas move a weight from the seed's; a factor half as far again.
    pub reach: f32,
    /// How many versions behind the current one a delta's base may lie.
    pub horizon: u64,
    /// The most rows that the base may grow to; rows of new features beyond it are left out.
    pub max_rows: usize,
}

impl Default for FoldConfig {
    fn default() -> FoldConfig {
        FoldConfig { clip: 0.4, reach: 0.7, horizon: 16, max_rows: 1 << 20 }
    }
}

/// Fixed point: 2^-32 a unit. With rows of at most 2^10 in length, 2^20 deltas stay far from the ends of an i64.
pub(crate) const UNIT: f32 = 4_294_967_296.0;

/// A sum of deltas.
#[derive(Debug, Clone)]
pub struct Fold {
    pub(crate) config: FoldConfig,
    pub(crate) version: u64,
    pub(crate) width: usize,
    /// For each row the sums of its 1 + k numbers, then how often it was taught, and of how many events. A tree, not a hash
    /// map: ids come from outside, and chosen ones could collide.
    pub(crate) rows: BTreeMap<FeatureId, Vec<i64>>,
    deltas: u64,
    pub(crate) events: u64,
}

impl Fold {
    /// An empty sum upon version `version` of a model with `factors`.
    pub fn new(config: &FoldConfig, version: u64, factors: usize) -> Fold {
        Fold { config: config.clone(), version, width: 1 + factors, rows: BTreeMap::new(), deltas: 0, events: 0 }
    }

    /// Adds one delta, or nothing of it.
    pub fn add(&mut self, delta: &Delta) -> Result<(), Error> {
        if delta.scales.len() != self.width {
            return Err(Error::WrongFactors { expected: self.width - 1, found: delta.factors() });
        }
        let staleness = self.staleness(delta.base_version)?;
        let weight = 1.0 / libm::sqrtf(1.0 + staleness as f32);
        let fixed = |x: f32| libm::rintf(x * UNIT) as i64;
        // A delta has a row for each item that it teaches, and some for what items share.
        let fresh = (delta.events as f32 / delta.ids.len() as f32).min(1.0);
        let mut row = vec![0.0; self.width];
        for (i, id) in delta.ids.iter().enumerate() {
            delta.row_into(i, &mut row);
            let length = libm::sqrtf(row.iter().map(|x| x * x).sum());
            let factor = weight * if length > self.config.clip { self.config.clip / length } else { 1.0 };
            let sums = self.rows.entry(*id).or_insert_with(|| vec![0; self.width + 2]);
            let numbers = row.iter().map(|x| x * factor).chain([weight, weight * fresh]);
            for (sum, x) in sums.iter_mut().zip(numbers) {
                *sum = sum.saturating_add(fixed(x));
            }
        }
        self.deltas += 1;
        self.events += u64::from(delta.events);
        Ok(())
    }

    /// Checks that a delta upon version `base` may be added: `stale_base` or `unknown_base` if not.
    pub fn staleness(&self, base: u64) -> Result<u64, Error> {
        let current = self.version;
        match current.checked_sub(base) {
            None => Err(Error::UnknownBase { base, current }),
            Some(age) if age > self.config.horizon => Err(Error::StaleBase { base, current }),
            Some(age) => Ok(age),
        }
    }

    /// Adds another sum upon the same version.
    pub fn merge(&mut self, other: &Fold) -> Result<(), Error> {
        if other.width != self.width {
            return Err(Error::WrongFactors { expected: self.width - 1, found: other.width - 1 });
        }
        if other.version != self.version {
            return Err(Error::UnknownBase { base: other.version, current: self.version });
        }
        for (id, row) in &other.rows {
            let sums = self.rows.entry(*id).or_insert_with(|| vec![0; row.len()]);
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum = sum.saturating_add(*x));
        }
        self.deltas += other.deltas;
        self.events += other.events;
        Ok(())
    }

    /// How many deltas were added.
    pub fn deltas(&self) -> u64 {
        self.deltas
    }

    /// How many events went into them.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many rows they touch.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// A digest of the sums: equal for equal sets of deltas, in whatever order they were added.
    pub fn digest(&self) -> u64 {
        let mut bytes = Vec::new();
        for (id, row) in &self.rows {
            bytes.extend_from_slice(&id.0.to_le_bytes());
            row.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
        }
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }
}
