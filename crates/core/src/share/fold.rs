//! The fold: thousands of deltas into one change of the base.
//!
//! It is partitioned variational inference (Bui et al. 2018; Ashman et al. 2022) with a Gaussian of each row x: the seed is the
//! prior, each client's events are a factor, and the row is the mode of their product. A delta says how the natural parameters of a
//! client's factor have changed: eta, and the curvature that the endpoint lacks (see `curvature`). The sum is in fixed point, so that
//! it is the same in any order, can be merged from parts and be replayed. P x is the sum of all eta, so whatever version a delta was
//! made upon, with d for a fold's sums:
//!
//! ```text
//! P <- P + d Lambda        x <- x + P^-1 (d eta - d Lambda x)        P = A at first
//! A = nu m^2 diag(1, k S) + Lambda of the seed's events        m    rows of an event, as the seed has it
//! ```
//!
//! Rows that take part in an event together move its score together, so what m unknown rows and k factors each may change a score by is
//! the same in all.
//!
//! So a row counts each event once, however often it is taught, and one that thousands taught moves by what is news. No weight
//! ever goes farther than `reach` deviations of the prior from the seed's, 1 / sqrt(A): what the seed has seen much of stays near it, and
//! that is how far hostile clients get, whatever they send and for however long. How far one of them gets in a version is
//! [`influence`](super::influence)'s.

use crate::error::{Error, Fault};
use crate::format::delta::{ClientKey, Delta};
use crate::input::feature::FeatureId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// How deltas are weighed.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldConfig {
    /// The longest (L2) that one client's gradient of one row may be in a version; a longer one is shortened to it.
    pub clip: f32,
    /// The longest that its gradients of all rows together may be.
    pub influence: f32,
    /// The farthest that deltas move a weight from the seed's, in deviations of the prior that the seed is for it; a factor twice
    /// as far.
    pub reach: f32,
    /// How many versions behind the current one a delta's base may lie.
    pub horizon: u64,
    /// The most rows that the base may grow to; rows of new features beyond it are left out.
    pub max_rows: usize,
    /// How many client keys have to meet a new feature before it has a row.
    pub quorum: usize,
    /// The new features that get rows, all others never do; None: those that a quorum met.
    pub items: Option<Arc<BTreeSet<FeatureId>>>,
}

impl Default for FoldConfig {
    fn default() -> FoldConfig {
        FoldConfig { clip: 6.0, influence: 18.0, reach: 1.2, horizon: 16, max_rows: 1 << 20, quorum: 20, items: None }
    }
}

impl FoldConfig {
    /// Whether every setting is within its bounds; the error names the one that is not. The others may be any number.
    pub fn check(&self) -> Result<(), Error> {
        let bounded = [
            ("clip", self.clip, MAX_CLIP, "a number above 0 and at most 1024"),
            ("influence", self.influence, MAX_INFLUENCE, "a number above 0 and at most 1048576"),
            ("reach", self.reach, MAX_REACH, "a number above 0 and at most 1000"),
        ];
        for (name, number, most, expected) in bounded {
            if !(number > 0.0 && number <= most) {
                return Err(Error::BadSetting(Fault::of(name, expected, number.to_string().into())));
            }
        }
        Ok(())
    }
}

/// A row's eta of one delta is no longer than the fixed point allows, see [`UNIT`].
const MAX_CLIP: f32 = 1024.0;
const MAX_INFLUENCE: f32 = 1_048_576.0;
/// Farther than any weight goes by what honest clients learn; as with the other rates, a thousand stands for no bound.
const MAX_REACH: f32 = 1000.0;
/// The largest number of eta, and of evidence, that one delta adds to a row.
const MOST_ETA: f32 = 1024.0;
/// Fixed point: 2^-32 a unit. With numbers of at most 2^10, 2^20 deltas stay far from the ends of an i64.
pub(crate) const UNIT: f32 = 4_294_967_296.0;

/// What one client says of rows: for each the sum of the changes of eta, 1 + k numbers, then of the amounts a and b of its curvature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Where a row begins. Trees, not hash maps: ids and keys come from outside, and chosen ones could collide.
    starts: BTreeMap<FeatureId, usize>,
    numbers: Vec<i64>,
}

impl Told {
    /// The rows of `length` numbers by ascending id.
    pub(crate) fn rows(&self, length: usize) -> impl Iterator<Item = (FeatureId, &[i64])> {
        self.starts.iter().map(move |(id, start)| (*id, &self.numbers[*start..start + length]))
    }

    fn add(&mut self, id: FeatureId, length: usize, numbers: impl Iterator<Item = i64>) {
        let start = *self.starts.entry(id).or_insert(self.numbers.len());
        if start == self.numbers.len() {
            self.numbers.resize(start + length, 0);
        }
        self.numbers[start..start + length].iter_mut().zip(numbers).for_each(|(sum, x)| *sum = sum.saturating_add(x));
    }
}

/// A sum of deltas, client by client: what one client does to a version is bounded as a whole, however many deltas it sends.
#[derive(Debug, Clone)]
pub struct Fold {
    pub(crate) config: FoldConfig,
    pub(crate) version: u64,
    pub(crate) width: usize,
    pub(crate) clients: BTreeMap<ClientKey, Told>,
    deltas: u64,
    events: u64,
    pub(crate) reports: Reports,
}

/// How well clients were served, as they report it: one figure a delta, the mean loss of its learner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reports {
    pub(crate) deltas: u64,
    pub(crate) sum: i64,
    pub(crate) squares: i64,
}

impl Reports {
    /// The largest loss that one delta counts with.
    const CAP: f32 = 16.0;
    /// Fixed point: 2^-20 a unit.
    const UNIT: f64 = 1_048_576.0;

    fn add(&mut self, other: &Reports) {
        self.deltas += other.deltas;
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
    }

    fn of(loss: f32) -> Reports {
        let loss = f64::from(loss.min(Reports::CAP));
        let fixed = |x: f64| libm::rint(x * Reports::UNIT) as i64;
        Reports { deltas: 1, sum: fixed(loss), squares: fixed(loss * loss) }
    }

    /// Both together; of so many deltas at most, so that what was long ago counts less and less.
    #[cfg(feature = "write")]
    pub(crate) fn followed_by(&self, later: &Reports, most: u64) -> Reports {
        let mut both = *self;
        both.add(later);
        if both.deltas > most {
            let share = most as f64 / both.deltas as f64;
            let [sum, squares] = [both.sum, both.squares].map(|sum| libm::rint(sum as f64 * share) as i64);
            both = Reports { deltas: most, sum, squares };
        }
        both
    }

    /// Mean and variance over deltas.
    #[cfg(feature = "write")]
    pub(crate) fn moments(&self) -> (f64, f64) {
        let n = self.deltas.max(1) as f64;
        let [mean, square] = [self.sum, self.squares].map(|sum| sum as f64 / Reports::UNIT / n);
        (mean, (square - mean * mean).max(0.0))
    }
}

impl Fold {
    /// An empty sum upon version `version` of a model with `factors`.
    pub fn new(config: &FoldConfig, version: u64, factors: usize) -> Fold {
        Fold {
            config: config.clone(),
            version,
            width: 1 + factors,
            clients: BTreeMap::new(),
            deltas: 0,
            events: 0,
            reports: Reports::default(),
        }
    }

    /// Adds one delta, or nothing of it.
    pub fn add(&mut self, delta: &Delta) -> Result<(), Error> {
        if delta.scales.len() != self.width {
            return Err(Error::WrongFactors { expected: self.width - 1, found: delta.factors() });
        }
        self.staleness(delta.base_version)?;
        let fixed = |x: f64| libm::rint(x * f64::from(UNIT)) as i64;
        let mut row = vec![0.0; self.width];
        let told = self.clients.entry(delta.client).or_default();
        told.numbers.reserve(delta.ids.len() * (self.width + 2));
        for (i, id) in delta.ids.iter().enumerate() {
            delta.row_into(i, &mut row);
            let amounts = delta.evidence[i].map(|code| code.amount().min(f64::from(MOST_ETA)));
            let numbers = row.iter().map(|x| f64::from(x.clamp(-MOST_ETA, MOST_ETA))).chain(amounts);
            told.add(*id, self.width + 2, numbers.map(fixed));
        }
        if delta.report.events > 0 {
            self.reports.add(&Reports::of(delta.report.learner_loss));
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
        for (client, told) in &other.clients {
            let mine = self.clients.entry(*client).or_default();
            told.rows(self.width + 2).for_each(|(id, row)| mine.add(id, row.len(), row.iter().copied()));
        }
        self.deltas += other.deltas;
        self.events += other.events;
        self.reports.add(&other.reports);
        Ok(())
    }

    /// The version that it is upon.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many deltas were added.
    pub fn deltas(&self) -> u64 {
        self.deltas
    }

    /// How many events went into them.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many clients sent them.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// How many rows they touch.
    pub fn rows(&self) -> usize {
        self.clients.values().flat_map(|told| told.starts.keys()).collect::<BTreeSet<_>>().len()
    }

    /// A digest of the sums: equal for equal sets of deltas, in whatever order they were added.
    pub fn digest(&self) -> u64 {
        let mut bytes = Vec::new();
        for (client, told) in &self.clients {
            bytes.extend_from_slice(client);
            for (id, row) in told.rows(self.width + 2) {
                bytes.extend_from_slice(&id.0.to_le_bytes());
                row.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
            }
        }
        xxhash_rust::xxh3::xxh3_64(&bytes)
    }
}
