//! Learning from labels: each event is predicted first, counted by progressive validation, and then moves every model.

use crate::config::{DriftPolicy, Feedback};
use crate::error::Error;
use crate::format::record::{Record, Scored, Subject};
use crate::input::feature::Features;
use crate::learner::state::Learner;
use crate::limits::MAX_LABEL;
use crate::loss::Loss;
use crate::model::event::Event;
use crate::model::gathered::Gathered;
use crate::model::interest::Interest;
use crate::model::prediction::Prediction;
use crate::share::outbox::Sharing;
use crate::slates::catalogue::Catalogue;
use crate::slates::slate::{Shown, Thoughts, discount, score};
use crate::watch::serving::Serving;
use alloc::vec;
use alloc::vec::Vec;

impl Learner {
    /// Learns that `features` had `target`: a click is 1, a skip 0, anything between is graded; under the squared loss any
    /// number of at most a million. `weight` multiplies the loss, 0 to a million. Returns what was predicted before.
    pub fn learn_one(&mut self, features: &Features, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.check_label(target, weight)?;
        let scaled = self.scales.apply(features);
        self.meet(features);
        let mut gathered = core::mem::take(&mut self.scratch);
        self.gather(&mut gathered, &scaled);
        let thoughts = self.think(|at, model| model.scores(&gathered[at].sums));
        let prediction = self.prediction(&thoughts);
        self.record(|| Record::Learnt { scored: scored(&scaled, prediction.score), target, weight });
        self.learn(&mut gathered, Event { features: scaled, target, weight }, &thoughts, None);
        self.scratch = gathered;
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
        self.meet(features);
        let shown = self.shown(None, &scaled);
        let prediction = self.prediction(&shown.thoughts);
        let id = self.slates.add(vec![shown]);
        self.record(|| Record::Held { id, scored: scored(&scaled, prediction.score) });
        (id, prediction)
    }

    /// An item of a slate was clicked.
    pub fn click(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(&Subject::Item { slate, item: item.into() }, 1.0, 1.0)
    }

    /// An item of a slate was seen and passed over. The lower it stood, the likelier it was not seen after all: a skip weighs the
    /// chance that its place is looked at, see [`Learner::examination`].
    pub fn skip(&mut self, slate: u64, item: &str) -> Result<Prediction, Error> {
        self.label(&Subject::Item { slate, item: item.into() }, 0.0, 1.0)
    }

    /// The label of an item of a slate or of a held prediction, between a skip (0) and a click (1): stars, the share that was
    /// watched. Under the squared loss any number of at most a million. It is learnt with the features that were shown or asked;
    /// returns what was predicted of them then. A click may follow a skip; deltas then hold the click alone.
    pub fn label(&mut self, subject: &Subject, target: f32, weight: f32) -> Result<Prediction, Error> {
        self.check_label(target, weight)?;
        let click_target = self.base().metadata().labels.click_target();
        // Only pairs need what stood beside the item.
        let in_slate = matches!(subject, Subject::Item { .. });
        let in_pairs = in_slate && self.models.iter().any(|model| model.config.feedback == Feedback::Pairwise);
        let (place, shown, before) = self.slates.label(subject, target, click_target)?;
        let Shown { features, thoughts, .. } = shown[place].clone();
        let labelled = shown.iter().filter(|_| in_pairs).filter_map(|other| Some((other.target?, &other.features)));
        let rivals: Vec<(Features, f32)> = labelled.map(|(target, features)| (features.clone(), target)).collect();
        let mut examined = weight;
        if in_slate {
            score(&mut self.metrics.slates, shown, place, click_target, before.is_some());
            if target < click_target {
                examined *= self.examination(place);
            }
        }
        self.record(|| Record::Labelled { subject: subject.clone(), target, weight });
        let prediction = self.prediction(&thoughts);
        let mut gathered = core::mem::take(&mut self.scratch);
        self.gather(&mut gathered, &features);
        let event = Event { features, target, weight: examined };
        if let Some(before) = before {
            self.outbox.forget(&event.features, before);
        }
        self.learn(&mut gathered, event, &thoughts, in_pairs.then_some(&rivals));
        self.scratch = gathered;
        if let Subject::Item { item, .. } = subject
            && let Some(features) = self.item(item).cloned()
        {
            self.meet(&features);
        }
        Ok(prediction)
    }

    /// The input that a label of `subject` would be learnt with, and what multiplies the weight of a skip; None if it waits for none.
    pub fn labels(&self, subject: &Subject) -> Option<(Features, f32)> {
        let (place, shown) = self.slates.shown(subject)?;
        let seen = if matches!(subject, Subject::Item { .. }) { self.examination(place) } else { 1.0 };
        Some((shown.features.clone(), seen))
    }

    /// The chance that a place of a slate is looked at, counted from 0: as the base says it, or 1 / log2(place + 2).
    pub fn examination(&self, place: usize) -> f32 {
        let known = &self.base().metadata().examination;
        known.get(place).or(known.last()).copied().unwrap_or_else(|| discount(place) as f32)
    }

    /// Learns how large the numbers of an input are whose scale the seed does not know. Items that have such a number are another now.
    pub(crate) fn meet(&mut self, features: &Features) {
        if features.is_raw() {
            self.scales.observe(features);
            features.iter().filter(|feature| feature.raw).for_each(|feature| self.catalogue.touch(feature.id));
        }
    }

    /// Whether a slate or a held prediction waits for labels; of a very long one the items that stand low do not.
    pub fn waits(&self, id: u64) -> bool {
        self.slates.pending.iter().any(|(pending, _)| *pending == id)
    }

    /// Takes back that something was labelled, so that the label can be given again; what was learnt from it stays.
    pub fn unlabel(&mut self, subject: &Subject) {
        self.slates.unlabel(subject);
    }

    /// Has every model gather the rows of an input.
    fn gather(&self, gathered: &mut [Gathered], features: &Features) {
        self.models.iter().zip(gathered).for_each(|(model, gathered)| model.gather(gathered, features));
    }

    /// Learns an event, which was checked, and of which every model has gathered the rows: counts what was predicted, `thoughts`,
    /// then moves every model. `rivals` are the items of its slate and their targets, if it stood in one.
    fn learn(
        &mut self,
        gathered: &mut [Gathered],
        event: Event,
        thoughts: &Thoughts,
        rivals: Option<&Vec<(Features, f32)>>,
    ) {
        let Event { features, target, weight } = &event;
        let (target, weight) = (*target, *weight);
        let metadata = self.base().metadata();
        let (loss, click) = (metadata.loss, target >= metadata.labels.click_target());
        let counted = if loss == Loss::Logistic { f64::from(u8::from(click)) } else { target.into() };
        if self.count(loss, thoughts, counted) {
            self.gather(gathered, features);
        }

        if let Some(interest) = self.interest.as_mut().filter(|_| click) {
            interest.learn(self.models[0].rows.base(), features, weight.into());
        }
        let (catalogue, serving) = (&mut self.catalogue, self.serving);
        for (at, ((model, gathered), thought)) in self.models.iter_mut().zip(gathered).zip(&thoughts[1..]).enumerate() {
            model.calibrate(thought.moderated.into(), click, weight.into());
            let serves = serving == Serving::Model(at);
            // What stands in no slate has no rivals.
            let Some(rivals) = rivals.filter(|_| model.config.feedback == Feedback::Pairwise) else {
                let evicted = model.learn(gathered, target.into(), weight.into());
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

        match self.sharing {
            _ if weight == 0.0 || features.is_empty() => {}
            Sharing::Told if features.shared().is_empty() => {}
            Sharing::Told => self.outbox.push(event, &mut self.random),
            Sharing::Kept => self.outbox.hide(&event, &mut self.random),
            Sharing::Elsewhere if self.config.privacy.unlinkable => self.outbox.close(features, self.base().width()),
            Sharing::Elsewhere => {}
        }
    }

    /// Progressive validation, and what follows from it: choice, gate, drift. Whether rows were moved for a drift.
    fn count(&mut self, loss: Loss, thoughts: &Thoughts, target: f64) -> bool {
        let mut moved = false;
        let losses = self.metrics.add(loss, thoughts.iter().map(|thought| thought.odds), target);
        if self.sharing != Sharing::Kept {
            self.outbox.report.add(losses[0], losses[1]);
        }
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
                let new = Interest::new(self.base());
                if let (Some(interest), Some(new)) = (&mut self.interest, new) {
                    interest.row.pull(&new.row, share.into());
                    interest.row.forget(&new.row, share.into());
                }
                self.catalogue.touch_all();
                return true;
            }
        }
        false
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
}

fn scored(features: &Features, score: f32) -> Scored {
    Scored { features: features.clone(), score }
}

/// The rows of these inputs have moved in the model that serves, or rows were `evicted`: items' sums are old.
pub(super) fn touch(catalogue: &mut Catalogue, inputs: &[&Features], evicted: bool) {
    if evicted {
        catalogue.touch_all();
    }
    inputs.iter().flat_map(|features| features.iter()).for_each(|feature| catalogue.touch(feature.id));
}
