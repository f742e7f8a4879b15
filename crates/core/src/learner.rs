//! The learner: one visitor's copy of the model, its catalogue, and what it knows of itself.

use crate::catalogue::Catalogue;
use crate::choice::{Gate, Hedge};
use crate::config::{Config, Detector, DriftPolicy, Feedback};
use crate::delta::{ClientKey, Delta};
use crate::drift::Drift;
use crate::explain::{Explanation, terms};
use crate::model::{Model, PersonalScore};
use crate::order::order;
use crate::outbox::{Event, Outbox, PendingDelta};
use crate::random::Random;
use crate::scale::Scales;
use crate::slate::{Shown, Slates, Subject, Thought, Thoughts, examination, score};
use crate::{Base, Error, FeatureId, Features, Loss, Metrics, Record, Report, Schema, Scored, Thresholds, sigmoid};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The largest magnitude of a weight, in a base as in learning. It fits an f16, and scores stay finite with it.
pub const MAX_WEIGHT: f32 = 1e4;
/// The largest magnitude of a target of the squared loss, and the largest weight of an event.
pub const MAX_LABEL: f32 = 1e6;

/// What is thought of an input, by the personal model and by the bare base.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prediction {
    /// The personal score: what ranks; the predicted number under the squared loss.
    pub score: f32,
    /// The personal score, moderated by how uncertain it is: what the calibration maps to a probability.
    pub moderated: f32,
    /// The calibrated click probability (under the squared loss, the score).
    pub probability: f32,
    /// The base's score, with the prior's mean as the visitor row.
    pub base_score: f32,
    /// The base's calibrated click probability.
    pub base_probability: f32,
}

/// Whose scores a ranking goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Serving {
    /// The bare base: the gate is closed.
    Base,
    /// The first model (0) or a shadow.
    Model(usize),
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
/// let slate = learner.recommend(&Query { context, k: 12, ..Query::default() });
/// learner.click(slate.id, "31")?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Learner {
    pub(crate) config: Config,
    /// The first, then its shadows.
    pub(crate) models: Vec<Model>,
    pub(crate) scales: Scales,
    pub(crate) catalogue: Catalogue,
    pub(crate) slates: Slates,
    pub(crate) outbox: Outbox,
    pub(crate) random: Random,
    pub(crate) metrics: Metrics,
    pub(crate) hedge: Hedge,
    pub(crate) gate: Gate,
    pub(crate) drift: Option<Drift>,
    /// Alarms so far, and events that the boost of the last one still holds.
    pub(crate) drifts: u64,
    pub(crate) boosted: u32,
    /// Records that were not taken yet, if there is a log.
    pub(crate) log: Option<Vec<Record>>,
    pub(crate) serving: Serving,
}

impl Learner {
    /// A learner that knows nothing of its visitor yet, with settings that [`Config::check`] accepts.
    pub fn new(base: Base, config: Config) -> Learner {
        let configs = core::iter::once(&config.model).chain(&config.shadows);
        let models: Vec<Model> = configs.map(|config| Model::new(base.clone(), config.clone())).collect();
        Learner {
            scales: Scales::default(),
            catalogue: Catalogue::new(base.width()),
            slates: Slates::new(config.max_pending_slates),
            outbox: Outbox::default(),
            random: Random::new(config.seed),
            metrics: Metrics::new(models.len()),
            hedge: Hedge::new(models.len()),
            gate: Gate::default(),
            drift: config.drift.map(|(detector, _)| Drift::new(detector)),
            drifts: 0,
            boosted: 0,
            log: config.log.then(Vec::new),
            serving: Serving::Model(0),
            models,
            config,
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The thresholds of its gate and its drift detector: as its settings say, else its base.
    pub fn thresholds(&self) -> Thresholds {
        let seed = self.base().metadata().thresholds;
        let mut set = Thresholds { gate: self.config.gate.unwrap_or(seed.gate), ..seed };
        match self.config.drift {
            None => {}
            Some((Detector::Adwin { delta }, _)) => set.adwin_delta = delta.unwrap_or(seed.adwin_delta),
            Some((Detector::PageHinkley { tolerance, threshold }, _)) => {
                set.page_hinkley_tolerance = tolerance.unwrap_or(seed.page_hinkley_tolerance);
                set.page_hinkley_threshold = threshold.unwrap_or(seed.page_hinkley_threshold);
            }
        }
        set
    }

    /// The base under it.
    pub fn base(&self) -> &Base {
        self.models[0].rows.base()
    }

    /// What the fields of an input mean.
    pub fn schema(&self) -> &Schema {
        &self.base().metadata().schema
    }

    /// What is thought of an input. Changes nothing.
    pub fn predict_one(&self, features: &Features) -> Prediction {
        self.prediction(&self.thoughts(&self.scales.apply(features)))
    }

    /// The probability of [`Learner::predict_one`] alone, for which only the personal model is asked.
    pub fn probability(&self, features: &Features) -> f32 {
        let model = &self.models[self.best()];
        self.probability_of(personal_thought(model, model.score(&self.scales.apply(features))))
    }

    /// Learns that `features` had `target`: a click is 1, a skip 0, anything between is graded; under the squared loss any
    /// number of at most a million. `weight` multiplies the loss, 0 to a million. Returns what was predicted before.
    pub fn learn_one(&mut self, features: &Features, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.check_label(target, weight)?;
        let scaled = self.scales.apply(features);
        self.scales.observe(features);
        self.gather(&scaled);
        let thoughts = self.think(Model::gathered);
        let prediction = self.prediction(&thoughts);
        self.record(|| Record::Learnt { scored: scored(&scaled, prediction.score), target, weight });
        self.learn(&scaled, &thoughts, target, weight, None);
        Ok(prediction)
    }

    /// Learns that `preferred` is rather clicked than `other` (BPR). Teaches the order alone: it counts for no figure and goes
    /// into no delta.
    pub fn learn_pair(&mut self, preferred: &Features, other: &Features, weight: f32) -> Result<(), Error> {
        self.check_label(0.0, weight)?;
        let [preferred, other] = [preferred, other].map(|features| self.scales.apply(features));
        self.record(|| Record::Preferred { preferred: preferred.clone(), other: other.clone(), weight });
        let (catalogue, serving) = (&mut self.catalogue, self.serving);
        for (at, model) in self.models.iter_mut().enumerate() {
            let evicted = model.learn_pair(&preferred, &other, weight.into());
            if serving == Serving::Model(at) {
                touch(catalogue, &[&preferred, &other], evicted);
            }
        }
        Ok(())
    }

    /// Predicts, and keeps the input under an id until its label comes: for what is known only later, as how long a visit
    /// lasted.
    pub fn hold(&mut self, features: &Features) -> (u64, Prediction) {
        let scaled = self.scales.apply(features);
        self.scales.observe(features);
        let shown = self.shown(None, &scaled);
        let prediction = self.prediction(&shown.thoughts);
        let id = self.slates.add(vec![shown]);
        self.record(|| Record::Held { id, scored: scored(&scaled, prediction.score) });
        (id, prediction)
    }

    /// The label of a held prediction, with the features that it was made with. Returns what was predicted.
    pub fn label_held(&mut self, id: u64, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.label_subject(&Subject::Held(id), target, weight)
    }

    /// Adds an item to the catalogue, or gives it other features. The feature of its id is added.
    pub fn set_item(&mut self, id: &str, features: &Features) -> Result<(), Error> {
        if id.is_empty() {
            return Err(Error::BadValue { path: self.schema().item.clone(), why: "is empty: an item needs an id" });
        }
        let mut named = Features::builder(self.schema());
        named.text(&self.schema().item, id)?;
        let named = named.finish();
        self.scales.observe(features);
        let features = self.scales.apply(features).union(&named);
        self.catalogue.set(self.item_key(id), id, features);
        Ok(())
    }

    /// How many items the catalogue has.
    pub fn items(&self) -> usize {
        self.catalogue.len()
    }

    /// The features of an item of the catalogue, with that of its id.
    pub fn item(&self, id: &str) -> Option<&Features> {
        self.catalogue.find(self.item_key(id)).map(|at| &self.catalogue.item(at).features)
    }

    /// An item of a slate was clicked.
    pub fn click(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(slate, item, 1.0, 1.0)
    }

    /// An item of a slate was seen and passed over. The lower it stood, the likelier it was not seen after all: a skip weighs
    /// 1 / log2(place + 1), places counted from 1.
    pub fn skip(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(slate, item, 0.0, 1.0)
    }

    /// The label of an item of a slate, between a skip (0) and a click (1): stars, the share that was watched. Under the
    /// squared loss any number.
    pub fn label(&mut self, slate: u64, item: &str, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.label_subject(&Subject::Item { slate, item: item.into() }, target, weight)
    }

    /// The label of an item of a slate, or of a held prediction.
    pub fn label_subject(&mut self, subject: &Subject, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.check_label(target, weight)?;
        let click_target = self.base().metadata().labels.click_target();
        // Only pairs need what stood beside the item.
        let in_slate = matches!(subject, Subject::Item { .. });
        let in_pairs = in_slate && self.models.iter().any(|model| model.config.feedback == Feedback::Pairwise);
        let (place, shown) = self.slates.label(subject, target)?;
        let Shown { features, thoughts, .. } = shown[place].clone();
        let labelled = shown.iter().filter(|_| in_pairs).filter_map(|other| Some((other.target?, &other.features)));
        let rivals: Vec<(Features, f32)> = labelled.map(|(target, features)| (features.clone(), target)).collect();
        let mut examined = weight;
        if in_slate {
            score(&mut self.metrics.slates, shown, place, click_target);
            if target < click_target {
                examined *= examination(place) as f32;
            }
        }
        self.record(|| Record::Labelled { subject: subject.clone(), target, weight });
        let prediction = self.prediction(&thoughts);
        self.gather(&features);
        self.learn(&features, &thoughts, target, examined, in_pairs.then_some(&rivals));
        Ok(prediction)
    }

    /// Why an input is scored as it is: every weight and every pair, the largest first.
    pub fn explain(&self, features: &Features) -> Explanation {
        let scaled = self.scales.apply(features);
        let model = &self.models[self.best()];
        let terms = terms(&model.active(&scaled), self.base().metadata().w0, model.visitor.mean());
        let sum = terms.iter().rev().fold(0.0, |sum, term| sum + term.share);
        Explanation { prediction: self.prediction(&self.thoughts(&scaled)), terms, sum }
    }

    /// Progressive validation so far.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whose scores a ranking goes by.
    pub fn serving(&self) -> Serving {
        self.serving
    }

    /// The weights that Hedge gives the first model and its shadows.
    pub fn weights(&self) -> Vec<f64> {
        self.hedge.weights()
    }

    /// Drift alarms so far.
    pub fn drifts(&self) -> u64 {
        self.drifts
    }

    /// Slates and held predictions that made room for newer ones before they were labelled.
    pub fn evicted_slates(&self) -> u64 {
        self.slates.evicted
    }

    /// Rows that were learnt over the base, of all models.
    pub fn learnt_rows(&self) -> usize {
        self.models.iter().map(|model| model.rows.len()).sum()
    }

    /// What each row that was learnt has become more than the base's, of the first model.
    pub fn residuals(&self) -> impl Iterator<Item = (FeatureId, &[f32])> {
        self.models[0].rows.residuals()
    }

    /// The posterior of the visitor row, of the first model: its mean, and its covariance row by row.
    pub fn visitor(&self) -> (&[f64], Vec<f64>) {
        let visitor = &self.models[0].visitor;
        (visitor.mean(), visitor.covariance())
    }

    /// Learnt rows that made room for others.
    pub fn evicted_rows(&self) -> u64 {
        self.models.iter().map(|model| model.rows.evicted).sum()
    }

    /// What the visitor row weighs most among the named categories of a field: what <u, v_i> has become more than it was
    /// for a new visitor, the `k` largest by magnitude. Needs a base with names.
    pub fn taste(&self, field: &str, k: usize) -> Vec<(String, f32)> {
        let base = self.base();
        let Model { rows, visitor, prior, .. } = &self.models[self.best()];
        let mut row = vec![0.0; base.width()];
        let tastes: Vec<(String, f32)> = (0..base.len())
            .filter_map(|i| {
                let value = base.name(i)?.strip_prefix(field)?.strip_prefix('=')?;
                rows.personal_into(base.id(i), &mut row);
                let learnt = visitor.mean().iter().zip(prior.mean()).map(|(u, mean)| u - mean);
                let weight = learnt.skip(1).zip(&row[1..]).fold(0.0, |sum, (u, v)| sum + u * f64::from(*v));
                Some((String::from(value), weight as f32))
            })
            .collect();
        let places = order(tastes.len(), &mut |a, b| {
            let ((a, x), (b, y)) = (&tastes[a], &tastes[b]);
            y.abs().total_cmp(&x.abs()).then_with(|| a.cmp(b))
        });
        places.into_iter().take(k).map(|at| tastes[at].clone()).collect()
    }

    /// Puts another version of the base under what was learnt.
    pub fn swap_base(&mut self, base: Base) -> Result<(), Error> {
        let (old, new) = (self.base().metadata(), base.metadata());
        if (old.factors, old.loss, &old.model, &old.schema) != (new.factors, new.loss, &new.model, &new.schema) {
            return Err(Error::IncompatibleBase);
        }
        for model in &mut self.models {
            model.swap_base(base.clone());
        }
        // What was predicted by the old base is no figure of the new one.
        self.outbox.report = Report::default();
        self.catalogue.touch_all();
        self.serve();
        Ok(())
    }

    /// Becomes `other`, a learner of the same settings over the same base: one that was restored from what another tab saved.
    /// The catalogue stays, and so do the slates and held predictions that the other does not know.
    pub fn adopt(&mut self, other: Learner) {
        let old = core::mem::replace(self, other);
        self.catalogue = old.catalogue;
        self.catalogue.touch_all();
        self.random = old.random;
        self.slates.next = old.slates.next;
        for (id, shown) in old.slates.pending {
            if self.slates.pending.iter().all(|(pending, _)| *pending != id) {
                self.slates.insert(id, shown);
            }
        }
    }

    /// Forgets all that was learnt of the visitor. The catalogue stays, and so do the slates and held predictions: without
    /// their labels, and predicted anew.
    pub fn forget(&mut self) {
        let mut new = Learner::new(self.base().clone(), self.config.clone());
        for (id, mut shown) in core::mem::take(&mut self.slates.pending) {
            for shown in &mut shown {
                shown.target = None;
                shown.thoughts = new.thoughts(&shown.features);
            }
            new.slates.insert(id, shown);
        }
        self.adopt(new);
    }

    /// Takes back that something was labelled, so that the label can be given again; what was learnt from it stays.
    pub fn unlabel(&mut self, subject: &Subject) {
        self.slates.unlabel(subject);
    }

    /// Gives the next slate or held prediction this id, and those after it the numbers that follow. Learners that share a
    /// profile, as the tabs of one browser do, each number from elsewhere, so that no id means two slates.
    pub fn number_slates_from(&mut self, id: u64) {
        self.slates.next = id;
    }

    /// The delta to send: the pending one, or else one of what was learnt since; None if that is nothing. `fresh` is a random
    /// key, used when a new one is due.
    pub fn prepare_delta(&mut self, fresh: ClientKey) -> Option<PendingDelta> {
        self.outbox.prepare(&self.models[0], &mut self.random, fresh)
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

    /// Events of the pending delta, which was made and not yet acknowledged; None if there is none.
    pub fn pending_events(&self) -> Option<u32> {
        // It was encoded by the outbox or checked when the profile was read.
        self.outbox.pending.as_ref().map(|bytes| Delta::decode(bytes).map_or(0, |delta| delta.events))
    }

    /// Serves whom the figures say.
    pub(crate) fn serve(&mut self) {
        let closed = self.gate.closed && self.thresholds().gate.is_finite();
        let serving = if closed { Serving::Base } else { Serving::Model(self.best()) };
        if serving != self.serving {
            self.serving = serving;
            self.catalogue.touch_all();
        }
    }

    /// Has every model gather the rows of an input.
    fn gather(&mut self, features: &Features) {
        self.models.iter_mut().for_each(|model| model.gather(features));
    }

    /// Learns from the label of what was gathered, which was checked: counts the prediction first, then moves every model.
    fn learn(
        &mut self,
        features: &Features,
        thoughts: &Thoughts,
        target: f32,
        weight: f32,
        rivals: Option<&Vec<(Features, f32)>>,
    ) {
        let metadata = self.base().metadata();
        let (loss, click) = (metadata.loss, target >= metadata.labels.click_target());
        let counted = if loss == Loss::Logistic { f64::from(u8::from(click)) } else { target.into() };
        if self.count(loss, thoughts, counted) {
            self.gather(features);
        }

        let (catalogue, serving) = (&mut self.catalogue, self.serving);
        for (at, (model, thought)) in self.models.iter_mut().zip(&thoughts[1..]).enumerate() {
            model.calibrate(thought.moderated.into(), click, weight.into());
            let serves = serving == Serving::Model(at);
            // What stands in no slate has no rivals.
            let Some(rivals) = rivals.filter(|_| model.config.feedback == Feedback::Pairwise) else {
                let evicted = model.learn(target.into(), weight.into());
                if serves && model.moves_rows() {
                    touch(catalogue, &[features], evicted);
                }
                continue;
            };
            let pairs: Vec<&(Features, f32)> = rivals.iter().filter(|(_, other)| *other != target).collect();
            for (rival, other) in &pairs {
                let (preferred, other) = if target > *other { (features, rival) } else { (rival, features) };
                let evicted = model.learn_pair(preferred, other, f64::from(weight) / pairs.len() as f64);
                if serves {
                    touch(catalogue, &[preferred, other], evicted);
                }
            }
        }

        if !features.shared().is_empty() && weight > 0.0 {
            let event = Event { features: features.clone(), target, weight };
            self.outbox.push(event, &mut self.random);
        }
    }

    /// Progressive validation, and what follows from it: choice, gate, drift. Whether rows were moved for a drift.
    fn count(&mut self, loss: Loss, thoughts: &Thoughts, target: f64) -> bool {
        let mut moved = false;
        let losses = self.metrics.add(loss, thoughts.iter().map(|thought| thought.odds), target);
        self.outbox.report.add(losses[0], losses[1]);
        self.hedge.add(&losses[1..]);
        let thresholds = self.thresholds();
        self.gate.add(losses[1 + self.best()], losses[0], thresholds.gate);
        if let (Some(drift), Some((_, policy))) = (&mut self.drift, self.config.drift) {
            let alarm = drift.add(losses[1], &thresholds);
            self.boosted = self.boosted.saturating_sub(1);
            if alarm {
                self.drifts += 1;
                moved = self.react(policy);
            }
        }
        let boost = match self.config.drift {
            Some((_, DriftPolicy::Boost { forgetting, .. })) if self.boosted > 0 => forgetting,
            _ => 0.0,
        };
        self.models.iter_mut().for_each(|model| model.boost = boost);
        self.serve();
        moved
    }

    fn react(&mut self, policy: DriftPolicy) -> bool {
        match policy {
            DriftPolicy::Notify => {}
            DriftPolicy::Boost { events, .. } => self.boosted = events,
            DriftPolicy::PullToBase { share } => {
                let share = share.clamp(0.0, 1.0);
                for model in &mut self.models {
                    model.rows.pull(share);
                    model.visitor.pull(&model.prior, share.into());
                    model.visitor.forget(&model.prior, share.into());
                }
                self.catalogue.touch_all();
                return true;
            }
        }
        false
    }

    /// An input with what is thought of it now, to wait for its label.
    pub(crate) fn shown(&self, item: Option<&str>, features: &Features) -> Shown {
        Shown {
            item: item.map(String::from),
            features: features.clone(),
            thoughts: self.thoughts(features),
            target: None,
        }
    }

    /// The personal score of what was shown.
    pub(crate) fn score_of(&self, shown: &Shown) -> f32 {
        self.prediction(&shown.thoughts).score
    }

    /// Adds to the log, if there is one.
    pub(crate) fn record(&mut self, make: impl FnOnce() -> Record) {
        if let Some(log) = &mut self.log {
            log.push(make());
        }
    }

    fn check_label(&self, target: f32, weight: f32) -> Result<(), Error> {
        let accepted = match self.base().metadata().loss {
            Loss::Logistic | Loss::SquaredClicks => (0.0..=1.0).contains(&target),
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

    /// What the base and each model think of scaled features. The base keeps the seed's own calibration.
    pub(crate) fn thoughts(&self, features: &Features) -> Thoughts {
        self.think(|model| model.scores(features))
    }

    fn think(&self, scores: impl Fn(&Model) -> (f64, PersonalScore)) -> Thoughts {
        let mut thoughts = Vec::with_capacity(1 + self.models.len());
        for model in &self.models {
            let (base, personal) = scores(model);
            if thoughts.is_empty() {
                let odds = model.base_log_odds(base) as f32;
                thoughts.push(Thought { score: base as f32, moderated: base as f32, odds });
            }
            thoughts.push(personal_thought(model, personal));
        }
        thoughts
    }

    pub(crate) fn prediction(&self, thoughts: &Thoughts) -> Prediction {
        let (base, personal) = (thoughts[0], thoughts[1 + self.best()]);
        Prediction {
            score: personal.score,
            moderated: personal.moderated,
            probability: self.probability_of(personal),
            base_score: base.score,
            base_probability: self.probability_of(base),
        }
    }

    fn probability_of(&self, thought: Thought) -> f32 {
        match self.base().metadata().loss {
            Loss::Logistic | Loss::SquaredClicks => sigmoid(thought.odds.into()) as f32,
            Loss::Squared => thought.score,
        }
    }

    /// The model that stands for this visitor: the first, or a shadow that has proved better.
    fn best(&self) -> usize {
        self.hedge.best()
    }

    pub(crate) fn item_key(&self, id: &str) -> FeatureId {
        FeatureId::named(&[&self.schema().item, "=", id].concat())
    }
}

fn scored(features: &Features, score: f32) -> Scored {
    Scored { features: features.clone(), score }
}

fn personal_thought(model: &Model, PersonalScore { score, moderated }: PersonalScore) -> Thought {
    Thought { score: score as f32, moderated: moderated as f32, odds: model.log_odds(moderated) as f32 }
}

/// The rows of these inputs have moved in the model that serves, or rows were `evicted`: items' sums are old.
fn touch(catalogue: &mut Catalogue, inputs: &[&Features], evicted: bool) {
    if evicted {
        catalogue.touch_all();
    }
    inputs.iter().flat_map(|features| features.iter()).for_each(|feature| catalogue.touch(feature.id));
}
