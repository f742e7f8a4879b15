//! What stands beside a base at the endpoint, and the step that makes the next one of it, by the equation of [`fold`](super::fold). The
//! rows are kept in f32, because steps are smaller than the f16 of a base resolves, and with the seed's, because no row may go far from it.

use crate::error::Error;
use crate::format::base::{Base, Precision};
use crate::format::base_writer::{Rows, Tensor, encode_base, serialize};
use crate::format::evidence::Evidence;
use crate::format::metadata::{Metadata, Prior, Steps};
use crate::input::feature::FeatureId;
use crate::limits::MAX_WEIGHT;
use crate::maths::scalar::sqrt;
use crate::share::curvature::{Amounts, Curvature};
use crate::share::fold::{Fold, FoldConfig, Reports};
use crate::share::influence::{Measured, Row, Waiting, bounded};
use crate::share::precision::RowPrecision;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use safetensors::{Dtype, SafeTensors};

/// What a row of a seed that does not say is taken to have been learnt from.
const UNKNOWN_EVIDENCE: f64 = 10.0;
/// How much farther than a weight a factor may go.
const FACTOR_REACH: f64 = 2.0;
/// Reports of so many deltas are compared at least, and remembered at most.
const REPORTS: [u64; 2] = [20, 1000];

/// What is never shipped: the rows in f32, so that steps smaller than f16 resolves add up, the seed's, and how much was
/// learnt of each.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    metadata: Metadata,
    rows: Rows,
    /// The rows as the seed has them; zeros for features that it does not know.
    seed: Vec<f32>,
    /// Curvature a of the seed's events, row by row.
    known: Vec<f32>,
    /// Curvature a and b of the clients' events, row by row.
    evidence: Vec<f32>,
    /// Gradients that steps did not follow to the end.
    owed: BTreeMap<FeatureId, Vec<f32>>,
    /// What clients reported before.
    reports: Reports,
    /// New rows that too few clients have met.
    waiting: Waiting,
    /// How many new rows found no room, ever.
    left_out: u64,
    /// What versions with noise cost so far, as zero-concentrated differential privacy.
    spent: f64,
}

impl Aggregate {
    /// The state beside a seed: its rows, no step made yet.
    pub fn from_base(base: &Base) -> Aggregate {
        let rows = Rows { evidence: None, ..Rows::of(base) };
        let known = |i| base.evidence(i).map_or(UNKNOWN_EVIDENCE, Evidence::amount) as f32;
        Aggregate {
            metadata: base.metadata().clone(),
            seed: rows.rows.clone(),
            rows,
            known: (0..base.len()).map(known).collect(),
            evidence: vec![0.0; 2 * base.len()],
            owed: BTreeMap::new(),
            reports: Reports::default(),
            waiting: Waiting::default(),
            left_out: 0,
            spent: 0.0,
        }
    }

    /// How many new rows wait for a quorum, and how many found no room, ever.
    pub fn new_rows(&self) -> [u64; 2] {
        [self.waiting.rows().len() as u64, self.left_out]
    }

    /// What all versions with noise together tell of one client at most, as rho of zero-concentrated differential privacy.
    pub fn spent(&self) -> f64 {
        self.spent
    }

    /// The version of the base that it stands beside.
    pub fn version(&self) -> u64 {
        self.metadata.version
    }

    /// The same rows in the place of another version, where so much was spent: what an operator goes back to has a number of its own.
    pub fn placed(mut self, version: u64, spent: f64) -> Aggregate {
        self.metadata.version = version;
        self.spent = spent;
        self
    }

    /// By how many standard errors clients of this fold were served worse than those before, by their own reports; None where
    /// too few reported to tell.
    pub fn regret(&self, fold: &Fold) -> Option<f64> {
        if fold.reports.deltas.min(self.reports.deltas) < REPORTS[0] {
            return None;
        }
        let ((now, a), (before, b)) = (fold.reports.moments(), self.reports.moments());
        let error = a / fold.reports.deltas as f64 + b / self.reports.deltas as f64;
        Some((now - before) / sqrt(error.max(1e-12)))
    }

    /// Moves the rows by a share `step` of the way that the fold's sums and what is owed lead; the next version's base blob. On an
    /// error nothing has changed.
    pub fn publish(&mut self, fold: &Fold, step: f32, precision: Precision) -> Result<Vec<u8>, Error> {
        let mut next = self.with(fold)?;
        let blob = next.advance(self, fold.config.reach, step, precision)?;
        *self = next;
        Ok(blob)
    }

    /// Follows what is owed, and becomes what stands beside the version after that of `last`, whose blob it gives.
    pub(crate) fn advance(
        &mut self,
        last: &Aggregate,
        reach: f32,
        step: f32,
        precision: Precision,
    ) -> Result<Vec<u8>, Error> {
        self.step(reach, step.clamp(0.0, 1.0));
        self.metadata.version += 1;
        if precision == Precision::Steps {
            // The first version was rounded to steps of its own; they stay, so that a version changes few bytes.
            let steps = last.metadata.steps.clone().unwrap_or_else(|| Steps::of(&last.metadata, &last.rows));
            self.metadata.steps = Some(steps.fitting(&self.rows));
        }
        encode_base(&self.metadata, &self.rows, precision)
    }

    /// The fold's curvature added, the gradient that it has at the rows owed, and what clients report remembered.
    pub(crate) fn with(&self, fold: &Fold) -> Result<Aggregate, Error> {
        self.fits(fold)?;
        let mut next = self.clone();
        let (place, curvature) = (next.places(), Curvature::of(&self.metadata.prior));
        let row = |id| place(id).map(|i| self.row(i));
        for (client, rows) in &fold.clients {
            let mut new = Vec::new();
            for told in bounded(rows, row, &curvature, &fold.config, Measured::Gradient) {
                let Some(i) = place(told.id) else {
                    new.push(told);
                    continue;
                };
                next.learn(i, told.gradient, told.amounts);
            }
            next.left_out += next.waiting.hear(*client, self.metadata.version, new);
        }
        next.admit(&fold.config);
        next.reports = self.reports.followed_by(&fold.reports, REPORTS[1]);
        Ok(next)
    }

    /// Whether a fold is upon this version, and of as many factors.
    pub(crate) fn fits(&self, fold: &Fold) -> Result<(), Error> {
        let width = self.width();
        if fold.width != width {
            return Err(Error::WrongFactors { expected: width - 1, found: fold.width - 1 });
        }
        if fold.version != self.metadata.version {
            return Err(Error::UnknownBase { base: fold.version, current: self.metadata.version });
        }
        Ok(())
    }

    /// A gradient of a row is owed, and the curvature that goes with it.
    pub(crate) fn learn(&mut self, i: usize, gradient: impl IntoIterator<Item = f64>, amounts: Amounts) {
        let width = self.width();
        let owed = self.owed.entry(self.rows.ids[i]).or_insert_with(|| vec![0.0; width]);
        owed.iter_mut().zip(gradient).for_each(|(owed, g)| *owed += g as f32);
        self.evidence[2 * i..2 * (i + 1)].iter_mut().zip(amounts).for_each(|(sum, x)| *sum += x as f32);
    }

    /// Another version costs so much.
    pub(crate) fn spend(&mut self, cost: f64) {
        self.spent += cost;
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.ids.len()
    }

    /// Numbers of a row.
    pub(crate) fn width(&self) -> usize {
        1 + self.metadata.factors
    }

    pub(crate) fn prior(&self) -> &Prior {
        &self.metadata.prior
    }

    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.rows.rows[i * self.width()..(i + 1) * self.width()]
    }

    /// Gives rows to the features that are listed, as long as there is room.
    pub(crate) fn admit_listed(&mut self, config: &FoldConfig) {
        let known: BTreeSet<FeatureId> = self.rows.ids.iter().copied().collect();
        for id in config.items.iter().flat_map(|items| items.difference(&known)) {
            if self.rows.ids.len() < config.max_rows {
                self.add_row(*id, &vec![0.0; self.width() + 2]);
            }
        }
    }

    /// Follows what is owed a share of the way.
    fn step(&mut self, reach: f32, share: f32) {
        let width = 1 + self.metadata.factors;
        let curvature = Curvature::of(&self.metadata.prior);
        let mut precision = RowPrecision::of(&curvature, self.metadata.factors, self.metadata.rows_per_event);
        let place = self.places();
        let known = |i: usize| f64::from(self.known[i]);
        let amounts = |i: usize| [known(i) + f64::from(self.evidence[2 * i]), f64::from(self.evidence[2 * i + 1])];
        let mut steps: Vec<_> =
            self.owed.keys().filter_map(|id| place(*id).map(|i| (precision.cell(amounts(i)), *id, i))).collect();
        steps.sort_unstable();
        let mut step = vec![0.0; width];
        for (_, id, i) in steps {
            let Some(gradient) = self.owed.get_mut(&id) else { continue };
            step.iter_mut().zip(&*gradient).for_each(|(step, gradient)| *step = f64::from(*gradient));
            precision.solve(amounts(i), &mut step);
            let known = known(i);
            let [row, seed] = [&mut self.rows.rows, &mut self.seed].map(|rows| &mut rows[i * width..(i + 1) * width]);
            for (at, ((x, x0), by)) in row.iter_mut().zip(seed).zip(&step).enumerate() {
                let reach = f64::from(reach) * if at == 0 { 1.0 } else { FACTOR_REACH };
                let reach = reach / sqrt(precision.element([known, 0.0], at, at));
                let from = f64::from(*x0);
                let moved = (f64::from(*x) + f64::from(share) * by).clamp(from - reach, from + reach);
                *x = (moved as f32).clamp(-MAX_WEIGHT, MAX_WEIGHT);
            }
            gradient.iter_mut().for_each(|x| *x *= 1.0 - share);
        }
        self.owed.retain(|_, gradient| gradient.iter().any(|x| *x != 0.0));
    }

    /// Says where a feature's row is, as the rows stand now.
    pub(crate) fn places(&self) -> impl Fn(FeatureId) -> Option<usize> + use<> {
        let mut order: Vec<(FeatureId, usize)> = self.rows.ids.iter().copied().zip(0..).collect();
        order.sort_unstable();
        move |id| order.binary_search_by_key(&id, |(id, _)| *id).ok().map(|found| order[found].1)
    }

    /// Gives rows to new features of which enough was heard, as long as there is room.
    fn admit(&mut self, config: &FoldConfig) {
        for (id, Row { numbers, .. }) in self.waiting.admitted(config) {
            if self.rows.ids.len() >= config.max_rows {
                self.left_out += 1;
                continue;
            }
            self.add_row(id, &numbers);
        }
        self.left_out += self.waiting.make_room();
    }

    /// A row of zeros, of which this gradient and curvature were told.
    fn add_row(&mut self, id: FeatureId, numbers: &[f32]) {
        let width = self.width();
        self.rows.ids.push(id);
        self.rows.rows.resize(self.rows.rows.len() + width, 0.0);
        self.seed.resize(self.seed.len() + width, 0.0);
        self.known.push(0.0);
        self.evidence.extend_from_slice(&numbers[width..]);
        if let (Some(catalogue), Some(prior)) = (&mut self.rows.catalogue, &self.metadata.catalogue) {
            catalogue.resize(catalogue.len() + prior.mean.len() + 1, 0.0);
        }
        if let Some(names) = &mut self.rows.names {
            names.push(String::new());
        }
        self.owed.insert(id, numbers[..width].to_vec());
    }

    /// Bytes to store: a safetensors file with the tensors `ids`, `rows` and `seed` (F32 \[n, 1 + k\]), `known` (F32 \[n, 1\]),
    /// `evidence` (F32 \[n, 2\]), `catalogue` (F32 \[n, c + 1\], where the seed has it), `owed_ids` and `owed` (F32 \[m, 1 + k\]), `reports` (I64 \[3\]),
    /// `waiting_ids`, `waiting` (F32 \[w, 3 + k\]), `waiting_since`, `waiting_clients` (U64, one list after the other) with their `waiting_ends`,
    /// `left_out` (U64 \[1\]), `spent` (F64 \[1\]), and `names` and `name_ends` as in a base.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let (n, m, width) = (self.rows.ids.len(), self.owed.len(), 1 + self.metadata.factors);
        let table = |xs: &[f32], rows: usize, columns: usize| Tensor {
            dtype: Dtype::F32,
            shape: [rows, columns],
            dimensions: 2,
            bytes: xs.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let list =
            |dtype: Dtype, length: usize, bytes: Vec<u8>| Tensor { dtype, shape: [length, 1], dimensions: 1, bytes };
        let eights = |numbers: &mut dyn Iterator<Item = u64>| {
            let bytes: Vec<u8> = numbers.flat_map(u64::to_le_bytes).collect();
            list(Dtype::U64, bytes.len() / 8, bytes)
        };
        let owed: Vec<f32> = self.owed.values().flatten().copied().collect();
        let Reports { deltas, sum, squares } = self.reports;
        let reports = [deltas as i64, sum, squares].iter().flat_map(|x| x.to_le_bytes()).collect();
        let mut tensors = Vec::from([
            ("ids", eights(&mut self.rows.ids.iter().map(|id| id.0))),
            ("rows", table(&self.rows.rows, n, width)),
            ("seed", table(&self.seed, n, width)),
            ("known", table(&self.known, n, 1)),
            ("evidence", table(&self.evidence, n, 2)),
            ("owed_ids", eights(&mut self.owed.keys().map(|id| id.0))),
            ("owed", table(&owed, m, width)),
            ("reports", list(Dtype::I64, 3, reports)),
        ]);
        if let Some(catalogue) = &self.rows.catalogue {
            tensors.push(("catalogue", table(catalogue, n, catalogue.len() / n.max(1))));
        }
        let waiting = self.waiting.rows();
        let w = waiting.len();
        let numbers: Vec<f32> = waiting.values().flat_map(|row| &row.numbers).copied().collect();
        let clients: Vec<u64> = waiting.values().flat_map(|row| &row.clients).copied().collect();
        let mut end = 0;
        let ends = waiting.values().map(|row| {
            end += row.clients.len() as u64;
            end
        });
        tensors.extend([
            ("waiting_ids", eights(&mut waiting.keys().map(|id| id.0))),
            ("waiting", table(&numbers, w, width + 2)),
            ("waiting_since", eights(&mut waiting.values().map(|row| row.since))),
            ("waiting_clients", eights(&mut clients.into_iter())),
            ("waiting_ends", eights(&mut ends.collect::<Vec<_>>().into_iter())),
            ("left_out", eights(&mut [self.left_out].into_iter())),
            ("spent", list(Dtype::F64, 1, self.spent.to_le_bytes().to_vec())),
        ]);
        if let Some(names) = &self.rows.names {
            let text: Vec<u8> = names.iter().flat_map(|name| name.bytes()).collect();
            let mut end = 0u32;
            let ends = names.iter().flat_map(|name| {
                end += name.len() as u32;
                end.to_le_bytes()
            });
            let ends = ends.collect();
            tensors.push(("names", list(Dtype::U8, text.len(), text)));
            tensors.push(("name_ends", list(Dtype::U32, n, ends)));
        }
        serialize(tensors, &self.metadata).ok_or(Error::BadAggregate("it cannot be written as safetensors"))
    }

    /// Reads what [`Aggregate::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Aggregate, Error> {
        let bad = |_| Error::BadAggregate("it is not safetensors, or a tensor is missing");
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let metadata = header.metadata().as_ref().and_then(|m| m.get("brooklet"));
        let metadata = Metadata::parse(metadata.ok_or(Error::BadAggregate("it has no brooklet metadata"))?)?;
        let file = SafeTensors::deserialize(bytes).map_err(bad)?;
        let floats = |name| {
            let tensor = file.tensor(name).map_err(bad)?;
            Ok(tensor.data().as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x)).collect::<Vec<f32>>())
        };
        let eights = |name| Ok(file.tensor(name).map_err(bad)?.data().as_chunks::<8>().0.to_vec());
        let ids = |name| Ok(eights(name)?.into_iter().map(|id| FeatureId(u64::from_le_bytes(id))).collect::<Vec<_>>());
        let names = match (file.tensor("names"), file.tensor("name_ends")) {
            (Ok(names), Ok(ends)) => Some(split(names.data(), ends.data())?),
            _ => None,
        };
        let (places, rows, seed) = (ids("ids")?, floats("rows")?, floats("seed")?);
        let (known, evidence) = (floats("known")?, floats("evidence")?);
        let c = metadata.catalogue.as_ref().map_or(0, |prior| prior.mean.len() + 1);
        let catalogue = if c > 0 { Some(floats("catalogue")?) } else { None };
        let (debtors, owed) = (ids("owed_ids")?, floats("owed")?);
        let (n, width) = (places.len(), 1 + metadata.factors);
        let ranked = catalogue.as_ref().map_or(0, Vec::len);
        let lengths = [rows.len(), seed.len(), known.len(), evidence.len(), owed.len(), ranked];
        if lengths != [n * width, n * width, n, 2 * n, debtors.len() * width, n * c] {
            return Err(Error::BadAggregate("its tensors must be of one length"));
        }
        let reports: Vec<i64> = eights("reports")?.into_iter().map(i64::from_le_bytes).collect();
        let [deltas, sum, squares] = reports[..] else {
            return Err(Error::BadAggregate("its reports must be three numbers"));
        };
        let owed = debtors.into_iter().zip(owed.chunks_exact(width).map(<[f32]>::to_vec)).collect();
        let reports = Reports { deltas: deltas.max(0) as u64, sum, squares };
        let rows = Rows { ids: places, rows, catalogue, names, evidence: None };
        // Aggregates of before there was a quorum, or noise, have none of these.
        let numbers = |name: &'static str| match file.tensor(name) {
            Ok(_) => eights(name).map(|list| list.into_iter().map(u64::from_le_bytes).collect::<Vec<u64>>()),
            Err(_) => Ok(Vec::new()),
        };
        let about = if file.tensor("waiting").is_ok() { floats("waiting")? } else { Vec::new() };
        let lists = [numbers("waiting_ids")?, numbers("waiting_since")?, numbers("waiting_ends")?];
        let waiting = waiting(lists, &numbers("waiting_clients")?, &about, width + 2)?;
        let left_out = numbers("left_out")?.first().copied().unwrap_or(0);
        let spent = numbers("spent")?.first().map_or(0.0, |bits| f64::from_bits(*bits));
        Ok(Aggregate { metadata, rows, seed, known, evidence, owed, reports, waiting, left_out, spent })
    }
}

/// Rows that wait, from their columns.
fn waiting(
    [ids, since, ends]: [Vec<u64>; 3],
    clients: &[u64],
    numbers: &[f32],
    width: usize,
) -> Result<Waiting, Error> {
    let broken = Error::BadAggregate("its rows that wait are broken");
    if [since.len(), ends.len(), numbers.len() / width] != [ids.len(); 3] {
        return Err(broken);
    }
    let mut start = 0;
    let mut rows = BTreeMap::new();
    for (i, (id, end)) in ids.into_iter().zip(ends).enumerate() {
        let end = usize::try_from(end).map_err(|_| broken.clone())?;
        let clients = clients.get(start..end).ok_or(broken.clone())?.to_vec();
        let numbers = numbers[i * width..(i + 1) * width].to_vec();
        rows.insert(FeatureId(id), Row { clients, since: since[i], numbers });
        start = end;
    }
    Ok(Waiting::of(rows))
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
