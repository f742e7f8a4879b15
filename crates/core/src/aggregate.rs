//! What stands beside a base at the endpoint, and the step that makes the next one of it. The equation is in `fold`.

use crate::fold::{Fold, UNIT};
use crate::learner::MAX_WEIGHT;
use crate::posterior::Gaussian;
use crate::write::{Tensor, serialize};
use crate::{Base, Error, FeatureId, Loss, Metadata, Precision, Rows, Value, write_base};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use safetensors::{Dtype, SafeTensors};

/// L: the precision of a weight and of a factor that no event has told of.
const LEAST_PRECISION: [f64; 2] = [1.0, 3.0];
/// h: what an event of a client adds to the precision of a row, times S. The curvature of the logistic loss is 0.2 or so;
/// twice that keeps steps short, for visitor rows move along.
const CURVATURE: f64 = 0.4;
/// h0: the same of an event of the seed's training, whose visitor rows were uncertain as well.
const SEED_CURVATURE: f64 = 0.06;
/// How much farther than a weight a factor may go.
const FACTOR_REACH: f32 = 1.5;
/// By how much the squared loss is steeper than the logistic one.
const SQUARED: f64 = 5.0;

/// What is never shipped: the rows in f32, so that steps smaller than f16 resolves add up, the seed's, and how much was
/// learnt of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    metadata: Metadata,
    rows: Rows,
    /// The rows as the seed has them; zeros for features that it does not know.
    seed: Vec<f32>,
    /// How many events of clients each row was learnt from.
    evidence: Vec<f32>,
    /// How many events of clients there were in all.
    events: u64,
}

impl Aggregate {
    /// The state beside a seed: its rows, no step made yet.
    pub fn from_base(base: &Base) -> Aggregate {
        let rows = Rows::of(base);
        Aggregate {
            metadata: base.metadata().clone(),
            seed: rows.rows.clone(),
            rows,
            evidence: vec![0.0; base.len()],
            events: 0,
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
        self.events = self.events.saturating_add(fold.events);
        let slope = if self.metadata.loss == Loss::Squared { SQUARED } else { 1.0 };
        let moments = second_moments(&Gaussian::prior(&self.metadata.prior, 1.0));
        let known = self.metadata.training.field("rows").and_then(Value::as_number).unwrap_or(0.0);
        // h0 N / n.
        let seed_curvature = slope * SEED_CURVATURE * known / self.events.max(1) as f64;
        // Deltas are gradients times this rate.
        let rate = f64::from(self.metadata.rates.delta).max(1e-6);
        for (id, sums) in &fold.rows {
            let Some(i) = self.place(&order, *id, fold.config.max_rows, width) else { continue };
            let number = |sum: &i64| *sum as f64 / f64::from(UNIT);
            let (sums, counts) = sums.split_at(width);
            let taught = number(&counts[0]);
            self.evidence[i] += number(&counts[1]) as f32;
            let evidence = f64::from(self.evidence[i]);
            let share = (taught / evidence).min(1.0);
            let [row, seed] = [&mut self.rows.rows, &mut self.seed].map(|rows| &mut rows[i * width..(i + 1) * width]);

            let mut step: Vec<f64> = sums.iter().map(|sum| number(sum) / rate * (evidence / taught).min(1.0)).collect();
            let mut precision = vec![0.0; width * width];
            for r in 0..width {
                for c in 0..width {
                    let least = if r == c { LEAST_PRECISION[usize::from(r > 0)] } else { 0.0 };
                    let of_seed = least + seed_curvature * evidence * moments[r * width + c];
                    precision[r * width + c] = of_seed + slope * CURVATURE * evidence * moments[r * width + c];
                    step[r] -= share * of_seed * f64::from(row[c] - seed[c]);
                }
            }
            solve(&precision, &mut step);
            for (at, ((x, x0), by)) in row.iter_mut().zip(seed).zip(step).enumerate() {
                let reach = fold.config.reach * if at == 0 { 1.0 } else { FACTOR_REACH };
                let moved = (*x + by as f32).clamp(*x0 - reach, *x0 + reach);
                *x = moved.clamp(-MAX_WEIGHT, MAX_WEIGHT);
            }
        }
    }

    /// The row of a feature; a new one if it has none and there is room.
    fn place(&mut self, order: &[(FeatureId, usize)], id: FeatureId, most: usize, width: usize) -> Option<usize> {
        if let Ok(found) = order.binary_search_by_key(&id, |(id, _)| *id) {
            return Some(order[found].1);
        }
        if self.rows.ids.len() >= most {
            return None;
        }
        self.rows.ids.push(id);
        self.rows.rows.resize(self.rows.rows.len() + width, 0.0);
        self.seed.resize(self.seed.len() + width, 0.0);
        self.evidence.push(0.0);
        if let Some(names) = &mut self.rows.names {
            names.push(String::new());
        }
        Some(self.rows.ids.len() - 1)
    }

    /// Bytes to store: a safetensors file with the tensors `ids`, `rows` and `seed` (F32 \[n, 1 + k\]), `evidence`
    /// (F32 \[n, 1\]), `events` (U64 \[1\]), and `names` and `name_ends` as in a base.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let n = self.rows.ids.len();
        let shape = [n, 1 + self.metadata.factors];
        let floats = |xs: &[f32]| xs.iter().flat_map(|x| x.to_le_bytes()).collect();
        let ids = self.rows.ids.iter().flat_map(|id| id.0.to_le_bytes()).collect();
        let events = self.events.to_le_bytes().to_vec();
        let mut tensors = Vec::from([
            ("ids", Tensor { dtype: Dtype::U64, shape: [n, 1], dimensions: 1, bytes: ids }),
            ("rows", Tensor { dtype: Dtype::F32, shape, dimensions: 2, bytes: floats(&self.rows.rows) }),
            ("seed", Tensor { dtype: Dtype::F32, shape, dimensions: 2, bytes: floats(&self.seed) }),
            ("evidence", Tensor { dtype: Dtype::F32, shape: [n, 1], dimensions: 1, bytes: floats(&self.evidence) }),
            ("events", Tensor { dtype: Dtype::U64, shape: [1, 1], dimensions: 1, bytes: events }),
        ]);
        if let Some(names) = &self.rows.names {
            let text: Vec<u8> = names.iter().flat_map(|name| name.bytes()).collect();
            let mut end = 0u32;
            let ends = names.iter().flat_map(|name| {
                end += name.len() as u32;
                end.to_le_bytes()
            });
            let ends = ends.collect();
            tensors.push(("names", Tensor { dtype: Dtype::U8, shape: [text.len(), 1], dimensions: 1, bytes: text }));
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
        let (rows, seed, evidence) = (floats("rows")?, floats("seed")?, floats("evidence")?);
        let events = file.tensor("events").map_err(bad)?;
        let events = events.data().first_chunk().ok_or(Error::BadAggregate("its number of events is broken"))?;
        let numbers = ids.len() * (1 + metadata.factors);
        if rows.len() != numbers || seed.len() != numbers || evidence.len() != ids.len() {
            return Err(Error::BadAggregate("ids, rows, seed and evidence must be of one length"));
        }
        let events = u64::from_le_bytes(*events);
        Ok(Aggregate { metadata, rows: Rows { ids, rows, names }, seed, evidence, events })
    }
}

/// S: E[(1, u) (1, u)^T] for a visitor's factors u. The visitor's own weight takes no part in a row's gradient.
fn second_moments(visitor: &Gaussian) -> Vec<f64> {
    let mean = visitor.mean();
    let width = mean.len();
    let mut moments = visitor.covariance();
    for r in 0..width {
        for c in 0..width {
            let mean = |at: usize| if at == 0 { 1.0 } else { mean[at] };
            let spread = if r == 0 || c == 0 { 0.0 } else { moments[r * width + c] };
            moments[r * width + c] = mean(r) * mean(c) + spread;
        }
    }
    moments
}

/// Solves `matrix` x = `y` for a positive definite matrix; the solution takes y's place.
fn solve(matrix: &[f64], y: &mut [f64]) {
    let n = y.len();
    let lower = Gaussian::new(&vec![0.0; n], matrix).cholesky();
    for r in 0..n {
        let known = (0..r).fold(0.0, |sum, c| sum + lower[r * n + c] * y[c]);
        y[r] = (y[r] - known) / lower[r * n + r];
    }
    for r in (0..n).rev() {
        let known = (r + 1..n).fold(0.0, |sum, c| sum + lower[c * n + r] * y[c]);
        y[r] = (y[r] - known) / lower[r * n + r];
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
