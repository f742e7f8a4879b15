//! What stands beside a base at the endpoint, and the step that makes the next one of it, by the equation of [`fold`](super::fold). The
//! rows are kept in f32, because steps are smaller than the f16 of a base resolves, and with the seed's, because no row may go far from it.

use crate::error::Error;
use crate::format::base::{Base, Precision};
use crate::format::base_writer::{Rows, encode_base};
use crate::format::delta::ClientKey;
use crate::format::evidence::Evidence;
use crate::format::metadata::{Metadata, Prior, Steps};
use crate::input::feature::FeatureId;
use crate::limits::MAX_WEIGHT;
use crate::maths::scalar::sqrt;
use crate::share::curvature::{Amounts, Curvature};
use crate::share::fold::{Fold, FoldConfig, Reports, Told};
use crate::share::influence::{Bounds, Cut, CutShort, Measured, Row, Waiting};
use crate::share::owed::Owed;
use crate::share::precision::RowPrecision;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

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
    pub(super) metadata: Metadata,
    pub(super) rows: Rows,
    /// The rows as the seed has them; zeros for features that it does not know.
    pub(super) seed: Vec<f32>,
    /// Curvature a of the seed's events, row by row.
    pub(super) known: Vec<f32>,
    /// Curvature a and b of the clients' events, row by row.
    pub(super) evidence: Vec<f32>,
    /// Gradients that steps did not follow to the end.
    pub(super) owed: Owed,
    /// What clients reported before.
    pub(super) reports: Reports,
    /// New rows that too few clients have met.
    pub(super) waiting: Waiting,
    /// How many new rows found no room, ever.
    pub(super) left_out: u64,
    /// What versions with noise cost so far, as zero-concentrated differential privacy.
    pub(super) spent: f64,
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
            owed: Owed::default(),
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

    /// Factors of a row.
    pub fn factors(&self) -> usize {
        self.metadata.factors
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
        self.publish_next(self.with(fold)?.0, fold.config.reach, step, precision)
    }

    /// The same with what comes next.
    pub(crate) fn publish_next(
        &mut self,
        mut next: Aggregate,
        reach: f32,
        step: f32,
        precision: Precision,
    ) -> Result<Vec<u8>, Error> {
        let blob = next.advance(self, reach, step, precision)?;
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

    /// The fold's curvature added, the gradient that it has at the rows owed, and what clients report remembered; and whom a bound cut short.
    pub(crate) fn with(&self, fold: &Fold) -> Result<(Aggregate, CutShort), Error> {
        self.fits(fold)?;
        let (mut next, mut cut) = (self.clone(), Cut::default());
        self.hear(&fold.clients, &fold.config, &mut next, &mut cut);
        next.close(fold);
        Ok((next, cut.short()))
    }

    /// Adds what clients say, each within its bounds, to what comes after this, and whom a bound cut short to the others.
    pub(crate) fn hear(
        &self,
        clients: &BTreeMap<ClientKey, Told>,
        config: &FoldConfig,
        next: &mut Aggregate,
        cut: &mut Cut,
    ) {
        let (width, place, curvature) = (self.width(), self.places(), Curvature::of(&self.metadata.prior));
        let mut bounds = Bounds::new(&curvature, config, Measured::Gradient);
        bounds.cut = *cut;
        for (client, told) in clients {
            let mut new = Vec::new();
            let told = told.rows(width + 2).map(|(id, sums)| (id, place(id), sums));
            for told in bounds.of(told, width, |i| self.row(i)) {
                match told.place {
                    Some(i) => next.learn(i, told.gradient.iter().copied(), told.amounts),
                    None => new.push(told),
                }
            }
            next.left_out += next.waiting.hear(*client, self.metadata.version, &new);
        }
        *cut = bounds.cut;
    }

    /// All clients of a fold were heard.
    pub(crate) fn close(&mut self, fold: &Fold) {
        self.admit(&fold.config);
        self.reports = self.reports.followed_by(&fold.reports, REPORTS[1]);
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
        self.owed.row(i, width).iter_mut().zip(gradient).for_each(|(owed, g)| *owed += g as f32);
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
        let known = |i: usize| f64::from(self.known[i]);
        let amounts = |i: usize| [known(i) + f64::from(self.evidence[2 * i]), f64::from(self.evidence[2 * i + 1])];
        let mut steps: Vec<_> = self.owed.places().iter().map(|i| (precision.cell(amounts(*i)), *i)).collect();
        steps.sort_unstable();
        let mut step = vec![0.0; width];
        for (_, i) in steps {
            let gradient = self.owed.row(i, width);
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
        self.owed.settle(width);
    }

    /// Says where a feature's row is, as the rows stand now.
    pub(crate) fn places(&self) -> impl Fn(FeatureId) -> Option<usize> + use<> {
        places_of(&self.rows.ids)
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
        self.owed.row(self.rows.ids.len() - 1, width).copy_from_slice(&numbers[..width]);
    }
}

/// Says where an id is in a list of them.
pub(super) fn places_of(ids: &[FeatureId]) -> impl Fn(FeatureId) -> Option<usize> + use<> {
    let mut order: Vec<(FeatureId, usize)> = ids.iter().copied().zip(0..).collect();
    order.sort_unstable();
    move |id| order.binary_search_by_key(&id, |(id, _)| *id).ok().map(|found| order[found].1)
}
