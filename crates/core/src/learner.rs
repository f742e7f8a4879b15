//! The learner: one visitor's copy of the model.

use crate::catalogue::Catalogue;
use crate::delta::ClientKey;
use crate::fm::Active;
use crate::math::sigmoid;
use crate::outbox::{BUFFER, Event, Outbox, PendingDelta};
use crate::rows::Rows;
use crate::slate::{Shown, Slates};
use crate::visitor::Visitor;
use crate::{Base, Error, Feature, FeatureId, Features, Loss, Metrics, Rates, Recommended, Schema, Slate};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The largest magnitude of a weight, in a base as in learning. It fits an f16, and scores stay finite with it.
pub const MAX_WEIGHT: f32 = 1e4;
/// The largest magnitude of a target of the squared loss, and the largest weight of an event.
pub const MAX_LABEL: f32 = 1e6;

/// How the visitor row learns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VisitorStep {
    /// In closed form, from the seed's prior.
    #[default]
    ClosedForm,
    /// By implicit steps at the private rate.
    Rate,
}

/// Settings of a learner; the seed carries all that is tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// How the visitor row learns.
    pub visitor: VisitorStep,
    /// Rates instead of the seed's.
    pub rates: Option<Rates>,
    /// The most slates that wait for labels.
    pub max_pending_slates: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { visitor: VisitorStep::ClosedForm, rates: None, max_pending_slates: 64 }
    }
}

/// What is thought of an input, by the personal model and by the bare base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The personal score: what ranks; the predicted number under the squared loss.
    pub score: f32,
    /// The calibrated click probability (under the squared loss, the score).
    pub probability: f32,
    /// The base's score, with the prior's mean as the visitor row.
    pub base_score: f32,
    /// The base's calibrated click probability.
    pub base_probability: f32,
}

/// A model that learns from one visitor.
///
/// ```
/// # use brooklet_core::*;
/// # fn demo(base: Base) -> Result<(), Error> {
/// let mut learner = Learner::new(base, Config::default());
/// let schema = learner.schema().clone();
/// let named = |key: &str, value: &str| Value::Object([(key.into(), value.into())].into());
/// learner.set_item("31", &Features::from_value(&schema, &named("genres", "Drama"))?)?;
/// let context = Features::from_value(&schema, &named("device", "phone"))?;
/// let slate = learner.recommend(&context, 12);
/// learner.click(slate.id, "31")?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Learner {
    pub(crate) config: Config,
    pub(crate) rows: Rows,
    pub(crate) visitor: Visitor,
    pub(crate) catalogue: Catalogue,
    pub(crate) slates: Slates,
    pub(crate) metrics: Metrics,
    pub(crate) outbox: Outbox,
}

impl Learner {
    /// A learner that knows nothing of its visitor yet.
    pub fn new(base: Base, config: Config) -> Learner {
        let visitor = Visitor::new(&base.metadata().prior);
        let catalogue = Catalogue::new(base.width());
        let slates = Slates::new(config.max_pending_slates);
        let (metrics, outbox) = (Metrics::default(), Outbox::default());
        Learner { config, rows: Rows::new(base), visitor, catalogue, slates, metrics, outbox }
    }

    /// The base under it.
    pub fn base(&self) -> &Base {
        self.rows.base()
    }

    /// What the fields of an input mean.
    pub fn schema(&self) -> &Schema {
        &self.base().metadata().schema
    }

    /// What is thought of an input. Changes nothing.
    pub fn predict_one(&self, features: &Features) -> Prediction {
        self.predict(&self.active(features, Rates::NONE, Rows::personal_into), features)
    }

    /// Learns that `features` had `target`: a click is 1, a skip 0, anything between is graded; under the squared loss any
    /// number of at most a million. `weight` multiplies the loss, 0 to a million. Returns what was predicted before.
    pub fn learn_one(&mut self, features: &Features, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.check_label(target, weight)?;
        let prediction = self.predict_one(features);
        self.learn(features, target, weight, prediction);
        Ok(prediction)
    }

    /// Adds an item to the catalogue, or gives it other features. The feature of its id is added.
    pub fn set_item(&mut self, id: &str, features: &Features) -> Result<(), Error> {
        let mut named = Features::builder(self.schema());
        let item = self.schema().item.clone();
        named.text(&item, id)?;
        let features = features.union(&named.finish());
        self.catalogue.set(self.item_key(id), id, features);
        Ok(())
    }

    /// How many items the catalogue has.
    pub fn items(&self) -> usize {
        self.catalogue.len()
    }

    /// Ranks the catalogue in a context: the `k` best items, kept as a slate that waits for clicks and skips.
    pub fn recommend(&mut self, context: &Features, k: usize) -> Slate {
        self.catalogue.refresh(&self.rows);
        let active = self.active(context, Rates::NONE, Rows::personal_into);
        let constant = active.score() + self.visitor.score(&active.q);
        let q: Vec<f32> =
            active.q.iter().zip(&self.visitor.mean[1..]).map(|(q, u)| (f64::from(*q) + u) as f32).collect();
        let best = self.catalogue.top(constant as f32, &q, k);
        let mut items = Vec::with_capacity(best.len());
        let mut shown = Vec::with_capacity(best.len());
        for (at, score) in best {
            let item = self.catalogue.item(at);
            let features = context.union(&item.features);
            let prediction = self.predict_one(&features);
            items.push(Recommended { item: item.id.clone(), score, probability: prediction.probability });
            shown.push(Shown { item: item.id.clone(), features, prediction, labelled: false });
        }
        Slate { id: self.slates.add(shown), items }
    }

    /// An item of a slate was clicked.
    pub fn click(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(slate, item, 1.0)
    }

    /// An item of a slate was seen and passed over.
    pub fn skip(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(slate, item, 0.0)
    }

    /// Progressive validation so far.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Slates that made room for newer ones before they were labelled.
    pub fn evicted_slates(&self) -> u64 {
        self.slates.evicted
    }

    /// What the visitor row weighs most among the named categories of a field: what <u, v_i> has become more than it was
    /// for a new visitor, the `k` largest by magnitude. Needs a base with names.
    pub fn taste(&self, field: &str, k: usize) -> Vec<(String, f32)> {
        let base = self.base();
        let prior = &base.metadata().prior.mean;
        let mut row = vec![0.0; base.width()];
        let mut tastes: Vec<(String, f32)> = (0..base.len())
            .filter_map(|i| {
                let value = base.name(i)?.strip_prefix(field)?.strip_prefix('=')?;
                self.rows.personal_into(base.id(i), &mut row);
                let learnt = self.visitor.mean.iter().zip(prior).map(|(u, mean)| u - f64::from(*mean));
                let weight = learnt.skip(1).zip(&row[1..]).fold(0.0, |sum, (u, v)| sum + u * f64::from(*v));
                Some((String::from(value), weight as f32))
            })
            .collect();
        tastes.sort_by(|(a, x), (b, y)| y.abs().total_cmp(&x.abs()).then_with(|| a.cmp(b)));
        tastes.truncate(k);
        tastes
    }

    /// Puts another version of the base under what was learnt.
    pub fn swap_base(&mut self, base: Base) -> Result<(), Error> {
        let (old, new) = (self.base().metadata(), base.metadata());
        if (old.factors, old.loss, &old.model, &old.schema.visitor, &old.schema.item)
            != (new.factors, new.loss, &new.model, &new.schema.visitor, &new.schema.item)
        {
            return Err(Error::IncompatibleBase);
        }
        self.rows.swap_base(base);
        self.catalogue.touch_all();
        Ok(())
    }

    /// The delta to send: the pending one, or else one of what was learnt since; None if that is nothing. `fresh` is a random
    /// key, used when a new one is due.
    pub fn prepare_delta(&mut self, fresh: ClientKey) -> Option<PendingDelta> {
        if self.outbox.pending.is_none() {
            self.reconstruct();
        }
        let version = self.base().metadata().version;
        self.outbox.prepare(version, fresh)
    }

    /// The endpoint has stored the pending delta of this number.
    pub fn acknowledge(&mut self, seq: u64) {
        self.outbox.acknowledge(seq);
    }

    /// The endpoint will never take the pending delta of this number (a gap in the sequence, a base past the horizon): what
    /// it held is sent again under the key `fresh`, against the base of that time.
    pub fn reject(&mut self, seq: u64, fresh: ClientKey) {
        self.outbox.reject(seq, fresh);
    }

    /// Events that no delta holds yet.
    pub fn unsent_events(&self) -> u32 {
        self.outbox.waiting()
    }

    fn label(&mut self, slate: u64, item: &str, target: f32) -> Result<Prediction, Error> {
        let shown = self.slates.unlabelled(slate, item)?;
        shown.labelled = true;
        let (features, prediction) = (shown.features.clone(), shown.prediction);
        self.learn(&features, target, 1.0, prediction);
        Ok(prediction)
    }

    fn check_label(&self, target: f32, weight: f32) -> Result<(), Error> {
        let accepted = match self.base().metadata().loss {
            Loss::Logistic => (0.0..=1.0).contains(&target),
            Loss::Squared => target.abs() <= MAX_LABEL,
        };
        if !accepted {
            return Err(Error::BadLabel("a target must be from 0 to 1, or at most a million under the squared loss"));
        }
        if !(0.0..=MAX_LABEL).contains(&weight) {
            return Err(Error::BadLabel("a weight must be from 0 to a million"));
        }
        Ok(())
    }

    /// Learns from a label that was checked: the visitor row first, then the other rows at the visitor row so adapted.
    fn learn(&mut self, features: &Features, target: f32, weight: f32, prediction: Prediction) {
        let loss = self.base().metadata().loss;
        let rates = self.rates();
        self.count(prediction, target);

        let mut active = self.active(features, rates, Rows::personal_into);
        let (offset, y, importance) = (active.score(), f64::from(target), f64::from(weight));
        match self.config.visitor {
            VisitorStep::ClosedForm => self.visitor.learn(loss, offset, &active.q, y, importance),
            VisitorStep::Rate => {
                self.visitor.learn_at_rate(loss, offset, &active.q, y, importance, rates.private.into());
            }
        }
        let (rows, catalogue) = (&mut self.rows, &mut self.catalogue);
        active.step(loss, &self.visitor.mean, y, importance, |id, row| {
            rows.set_personal(id, row);
            catalogue.touch(id);
        });

        if !features.shared().is_empty() && weight > 0.0 {
            self.outbox.events.push(Event { features: features.clone(), target, weight });
            if self.outbox.events.len() >= BUFFER {
                self.reconstruct();
            }
        }
    }

    fn count(&mut self, prediction: Prediction, target: f32) {
        let loss = self.base().metadata().loss;
        let (personal, base) = (self.calibrate(prediction.score), self.calibrate(prediction.base_score));
        self.metrics.add(loss, personal, base, target.into());
    }

    fn reconstruct(&mut self) {
        let rate = self.rates().delta;
        self.outbox.reconstruct(&self.rows, &self.visitor.mean, rate);
    }

    fn rates(&self) -> Rates {
        self.config.rates.unwrap_or(self.base().metadata().rates)
    }

    /// Gathers the active rows. The private rate is shared out between the private rows, so that a site that marks more
    /// fields private does not learn faster.
    fn active(&self, features: &Features, rates: Rates, read: impl Fn(&Rows, FeatureId, &mut [f32])) -> Active {
        let mut active = Active::new(self.base().width(), self.base().metadata().w0);
        let mut add = |feature: &Feature, rate| active.add(feature, rate, |id, row| read(&self.rows, id, row));
        features.shared().iter().for_each(|feature| add(feature, rates.shared));
        let private = rates.private / features.private().len().max(1) as f32;
        features.private().iter().for_each(|feature| add(feature, private));
        active
    }

    fn predict(&self, personal: &Active, features: &Features) -> Prediction {
        let score = personal.score() + self.visitor.score(&personal.q);
        let base = self.active(features, Rates::NONE, Rows::base_into);
        let mean = &self.base().metadata().prior.mean;
        let visitor = mean[1..].iter().zip(&base.q).fold(f64::from(mean[0]), |s, (u, q)| s + f64::from(u * q));
        let base_score = base.score() + visitor;
        let (score, base_score) = (score as f32, base_score as f32);
        let probability = |score| match self.base().metadata().loss {
            Loss::Logistic => sigmoid(self.calibrate(score)) as f32,
            Loss::Squared => score,
        };
        Prediction { score, probability: probability(score), base_score, base_probability: probability(base_score) }
    }

    /// From ranking score to log-odds of a click; the score itself under the squared loss.
    fn calibrate(&self, score: f32) -> f64 {
        let metadata = self.base().metadata();
        match metadata.loss {
            Loss::Logistic => f64::from(metadata.calibration.a) * f64::from(score) + f64::from(metadata.calibration.b),
            Loss::Squared => score.into(),
        }
    }

    fn item_key(&self, id: &str) -> FeatureId {
        FeatureId::named(&[&self.schema().item, "=", id].concat())
    }
}

impl Rates {
    /// Learns nothing.
    const NONE: Rates = Rates { private: 0.0, shared: 0.0, delta: 0.0 };
}
