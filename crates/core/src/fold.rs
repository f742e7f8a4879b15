//! The fold: thousands of deltas into one change of the base.
//!
//! Each row of each delta is clipped to a length and weighted by the delta's age, then added up in fixed point, so that
//! the sum is the same in any order, can be merged from parts and be replayed. FedAdagrad (Reddi et al. 2021, Algorithm 2)
//! then moves the master rows. Its rounds are longer than a version: within a round each version makes the step of the
//! round's sum so far in place of the last version's.
//!
//! ```text
//! x <- x + f(d) - f(d')     f(d) = eta * d / (sqrt(a + d^2) + tau)
//! a <- a + d^2              at the end of a round; a starts at 0.1
//!                           d, d': the round's sum with this version's deltas and without
//! ```
//!
//! Whoever pushes a number for n rounds moves it by 2 eta sqrt(n) at most, however many deltas of whatever size do it. What
//! honest deltas teach hardly depends on how they are shared out between rounds: their noise and the step shrink alike. So
//! long rounds bound hostile clients, and short versions still bring news soon.

use crate::{Delta, Error, FeatureId};
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

/// How deltas are weighed.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldConfig {
    /// The longest (L2) that a row of one delta may be; a longer one is shortened to it.
    pub clip: f32,
    /// Step size of FedAdagrad: the most that the first round moves a number.
    pub eta: f32,
    /// FedAdagrad's floor: sums well below it hardly move anything.
    pub tau: f32,
    /// How many deltas make a round of FedAdagrad.
    pub round: u64,
    /// How many versions behind the current one a delta's base may lie.
    pub horizon: u64,
    /// The most rows that the base may grow to; rows of new features beyond it are left out.
    pub max_rows: usize,
}

impl Default for FoldConfig {
    fn default() -> FoldConfig {
        FoldConfig { clip: 1.0, eta: 0.2, tau: 0.01, round: 20_000, horizon: 16, max_rows: 1 << 20 }
    }
}

/// Fixed point: 2^-32 a unit. With rows of at most 2^10 in length, 2^20 deltas stay far from the ends of an i64.
const UNIT: f32 = 4_294_967_296.0;

/// A sum of deltas.
#[derive(Debug, Clone)]
pub struct Fold {
    config: FoldConfig,
    version: u64,
    width: usize,
    /// A tree, not a hash map: ids come from outside, and chosen ones could collide.
    rows: BTreeMap<FeatureId, Vec<i64>>,
    deltas: u64,
    events: u64,
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
        let mut row = vec![0.0; self.width];
        for (i, id) in delta.ids.iter().enumerate() {
            delta.row_into(i, &mut row);
            let length = libm::sqrtf(row.iter().map(|x| x * x).sum());
            let factor = weight * if length > self.config.clip { self.config.clip / length } else { 1.0 };
            let sums = self.rows.entry(*id).or_insert_with(|| vec![0; self.width]);
            for (sum, x) in sums.iter_mut().zip(&row) {
                *sum = sum.saturating_add(libm::rintf(x * factor * UNIT) as i64);
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
            let sums = self.rows.entry(*id).or_insert_with(|| vec![0; self.width]);
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

#[cfg(feature = "write")]
mod aggregate {
    use super::{Fold, FoldConfig, UNIT};
    use crate::learner::MAX_WEIGHT;
    use crate::write::{Tensor, serialize};
    use crate::{Base, Error, FeatureId, Metadata, Precision, Rows, write_base};
    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use safetensors::{Dtype, SafeTensors};

    /// Where FedAdagrad's accumulators start: with nothing there, the first delta of a single visitor would move every number
    /// that it touches by the whole step size.
    const INITIAL_ACCUMULATOR: f32 = 0.1;

    /// What stands beside a base and is never shipped: its rows in f32, so that steps smaller than f16 resolves add up,
    /// FedAdagrad's accumulators, and the round that it is in.
    #[derive(Debug, Clone, PartialEq)]
    pub struct Aggregate {
        metadata: Metadata,
        rows: Rows,
        accumulators: Vec<f32>,
        /// The round's sums, and how many deltas are in them.
        sums: Vec<f32>,
        deltas: u64,
    }

    impl Aggregate {
        /// The state beside a seed: its rows, no step made yet.
        pub fn from_base(base: &Base) -> Aggregate {
            let numbers = base.len() * base.width();
            Aggregate {
                metadata: base.metadata().clone(),
                rows: Rows::of(base),
                accumulators: vec![INITIAL_ACCUMULATOR; numbers],
                sums: vec![0.0; numbers],
                deltas: 0,
            }
        }

        /// The version of the base that it stands beside.
        pub fn version(&self) -> u64 {
            self.metadata.version
        }

        /// Moves the rows by the fold's sums; the next version's base blob. On an error nothing has changed.
        pub fn publish(&mut self, fold: &Fold, precision: Precision) -> Result<Vec<u8>, Error> {
            let width = 1 + self.metadata.factors;
            if fold.width != width {
                return Err(Error::WrongFactors { expected: width - 1, found: fold.width - 1 });
            }
            if fold.version != self.metadata.version {
                return Err(Error::UnknownBase { base: fold.version, current: self.metadata.version });
            }
            let mut next = self.clone();
            next.step(fold, width);
            next.metadata.version += 1;
            let blob = write_base(&next.metadata, &next.rows, precision)?;
            *self = next;
            Ok(blob)
        }

        fn step(&mut self, fold: &Fold, width: usize) {
            let mut order: Vec<(FeatureId, usize)> = self.rows.ids.iter().copied().zip(0..).collect();
            order.sort_unstable();
            for (id, sums) in &fold.rows {
                let i = match order.binary_search_by_key(id, |(id, _)| *id) {
                    Ok(found) => order[found].1,
                    Err(_) if self.rows.ids.len() >= fold.config.max_rows => continue,
                    Err(_) => {
                        self.rows.ids.push(*id);
                        self.rows.rows.resize(self.rows.rows.len() + width, 0.0);
                        self.accumulators.resize(self.accumulators.len() + width, INITIAL_ACCUMULATOR);
                        self.sums.resize(self.sums.len() + width, 0.0);
                        if let Some(names) = &mut self.rows.names {
                            names.push(String::new());
                        }
                        self.rows.ids.len() - 1
                    }
                };
                let row = &mut self.rows.rows[i * width..(i + 1) * width];
                let accumulators = &self.accumulators[i * width..(i + 1) * width];
                let round = &mut self.sums[i * width..(i + 1) * width];
                let FoldConfig { eta, tau, .. } = fold.config;
                for (((x, a), old), sum) in row.iter_mut().zip(accumulators).zip(round).zip(sums) {
                    let step = |d: f32| eta * d / (libm::sqrtf(a + d * d) + tau);
                    let new = *old + *sum as f32 / UNIT;
                    *x = (*x + step(new) - step(*old)).clamp(-MAX_WEIGHT, MAX_WEIGHT);
                    *old = new;
                }
            }
            self.deltas = self.deltas.saturating_add(fold.deltas);
            if self.deltas >= fold.config.round {
                self.deltas = 0;
                for (a, sum) in self.accumulators.iter_mut().zip(&mut self.sums) {
                    *a += *sum * *sum;
                    *sum = 0.0;
                }
            }
        }

        /// Bytes to store: a safetensors file with the tensors `ids`, `rows`, `accumulators` and `sums` (F32 \[n, 1 + k\]),
        /// `deltas` (U64 \[1\]), and `names` and `name_ends` as in a base.
        pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
            let n = self.rows.ids.len();
            let shape = [n, 1 + self.metadata.factors];
            let floats = |xs: &[f32]| xs.iter().flat_map(|x| x.to_le_bytes()).collect();
            let ids = self.rows.ids.iter().flat_map(|id| id.0.to_le_bytes()).collect();
            let mut tensors = Vec::from([
                ("ids", Tensor { dtype: Dtype::U64, shape: [n, 1], dimensions: 1, bytes: ids }),
                ("rows", Tensor { dtype: Dtype::F32, shape, dimensions: 2, bytes: floats(&self.rows.rows) }),
                ("accumulators", Tensor { dtype: Dtype::F32, shape, dimensions: 2, bytes: floats(&self.accumulators) }),
                ("sums", Tensor { dtype: Dtype::F32, shape, dimensions: 2, bytes: floats(&self.sums) }),
                (
                    "deltas",
                    Tensor {
                        dtype: Dtype::U64,
                        shape: [1, 1],
                        dimensions: 1,
                        bytes: self.deltas.to_le_bytes().to_vec(),
                    },
                ),
            ]);
            if let Some(names) = &self.rows.names {
                let text: Vec<u8> = names.iter().flat_map(|name| name.bytes()).collect();
                let mut end = 0u32;
                let ends = names.iter().flat_map(|name| {
                    end += name.len() as u32;
                    end.to_le_bytes()
                });
                let ends = ends.collect();
                tensors
                    .push(("names", Tensor { dtype: Dtype::U8, shape: [text.len(), 1], dimensions: 1, bytes: text }));
                tensors.push(("name_ends", Tensor { dtype: Dtype::U32, shape: [n, 1], dimensions: 1, bytes: ends }));
            }
            serialize(tensors, &self.metadata).ok_or(Error::BadAggregate("it cannot be written as safetensors"))
        }

        /// Reads what [`Aggregate::to_bytes`] wrote.
        pub fn read(bytes: &[u8]) -> Result<Aggregate, Error> {
            let bad = |_| Error::BadAggregate("it is not safetensors, or a tensor is missing");
            let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
            let metadata = header.metadata().as_ref().and_then(|m| m.get("brooklet"));
            let metadata = Metadata::parse(metadata.ok_or(Error::BadAggregate("it has no brooklet metadata"))?)?;
            let file = SafeTensors::deserialize(bytes).map_err(bad)?;
            let floats = |name| {
                let tensor = file.tensor(name).map_err(bad)?;
                Ok(tensor.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<f32>>())
            };
            let ids = file.tensor("ids").map_err(bad)?;
            let ids: Vec<FeatureId> =
                ids.data().as_chunks::<8>().0.iter().map(|id| FeatureId(u64::from_le_bytes(*id))).collect();
            let names = match (file.tensor("names"), file.tensor("name_ends")) {
                (Ok(names), Ok(ends)) => Some(split(names.data(), ends.data())?),
                _ => None,
            };
            let (rows, accumulators) = (floats("rows")?, floats("accumulators")?);
            let numbers = ids.len() * (1 + metadata.factors);
            // One that was stored when a round was a version is at the start of a round.
            let sums = if file.tensor("sums").is_ok() { floats("sums")? } else { vec![0.0; numbers] };
            let deltas =
                file.tensor("deltas").ok().and_then(|tensor| Some(u64::from_le_bytes(*tensor.data().first_chunk()?)));
            if [&rows, &accumulators, &sums].iter().any(|tensor| tensor.len() != numbers) {
                return Err(Error::BadAggregate("ids, rows, accumulators and sums must be of one length"));
            }
            let rows = Rows { ids, rows, names };
            Ok(Aggregate { metadata, rows, accumulators, sums, deltas: deltas.unwrap_or(0) })
        }
    }

    fn split(names: &[u8], ends: &[u8]) -> Result<Vec<String>, Error> {
        let broken = Error::BadAggregate("its names are broken");
        let mut start = 0;
        let mut split = Vec::new();
        for end in ends.as_chunks::<4>().0 {
            let end = u32::from_le_bytes(*end) as usize;
            let name = names.get(start..end).and_then(|name| core::str::from_utf8(name).ok());
            split.push(String::from(name.ok_or(broken.clone())?));
            start = end;
        }
        Ok(split)
    }
}

#[cfg(feature = "write")]
pub use aggregate::Aggregate;
