//! One set of learnt parameters over a base, and the way they learn.

use crate::feature::Feature;
use crate::fm::{Active, Sums};
use crate::math::{proximal, sigmoid};
use crate::outbox::Event;
use crate::posterior::Gaussian;
use crate::rows::Rows;
use crate::{Base, FeatureId, Features, Loss, Rates};
use alloc::vec::Vec;

/// How the visitor row learns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VisitorStep {
    /// In closed form with the full covariance, from the seed's prior.
    #[default]
    ClosedForm,
    /// In closed form with the variances alone: 1 + k numbers instead of (1 + k)^2.
    Diagonal,
    /// By implicit steps at the private rate.
    Rate,
}

/// What a slate's clicks and skips teach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Feedback {
    /// Each item by itself: its probability of a click.
    #[default]
    Pointwise,
    /// The clicked item over each skipped one of the same slate (BPR, Rendle et al. 2009).
    Pairwise,
}

/// How one model learns; the seed carries all that is tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    /// How the visitor row learns.
    pub visitor: VisitorStep,
    /// What slates teach.
    pub feedback: Feedback,
    /// Rates instead of the seed's.
    pub rates: Option<Rates>,
    /// Multiplies every rate and the prior's covariance.
    pub rate_factor: f32,
    /// The share of its way back to the prior that the visitor row's covariance goes at every event.
    pub forgetting: f32,
    /// Whether the calibration is refined on this visitor.
    pub calibrate: bool,
    /// The most rows that are learnt; the least useful make room.
    pub max_rows: usize,
}

impl Default for ModelConfig {
    fn default() -> ModelConfig {
        ModelConfig {
            visitor: VisitorStep::ClosedForm,
            feedback: Feedback::Pointwise,
            rates: None,
            rate_factor: 1.0,
            forgetting: 0.003,
            calibrate: true,
            max_rows: 1 << 16,
        }
    }
}

/// Variances of the calibration's slope and intercept before this visitor's first event.
const CALIBRATION_VARIANCE: [f64; 2] = [0.05, 0.02];
/// A slope below this would turn the ranking around.
const LEAST_SLOPE: f64 = 0.05;

/// A personal score, and the same moderated by how uncertain it is: what it is on average over the posterior, as far as a
/// sigmoid is concerned (MacKay 1992, equation 10). Numbers of the squared loss are not moderated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonalScore {
    pub(crate) score: f64,
    pub(crate) moderated: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) config: ModelConfig,
    pub(crate) rows: Rows,
    pub(crate) visitor: Gaussian,
    pub(crate) prior: Gaussian,
    pub(crate) calibration: Gaussian,
    /// Forgetting on top of the configured, while a drift lasts.
    pub(crate) boost: f32,
}

impl Model {
    pub(crate) fn new(base: Base, config: ModelConfig) -> Model {
        let metadata = base.metadata();
        let prior = Gaussian::prior(&metadata.prior, config.rate_factor);
        let calibration = [f64::from(metadata.calibration.a), f64::from(metadata.calibration.b)];
        let calibration = Gaussian::independent(&calibration, &CALIBRATION_VARIANCE);
        let rows = Rows::new(base, config.max_rows);
        Model { rows, visitor: prior.clone(), prior, calibration, config, boost: 0.0 }
    }

    pub(crate) fn swap_base(&mut self, base: Base) {
        self.prior = Gaussian::prior(&base.metadata().prior, self.config.rate_factor);
        self.rows.swap_base(base);
    }

    /// What the bare base with the prior's mean as the visitor row scores, then the same of this model.
    pub(crate) fn scores(&self, features: &Features) -> (f64, PersonalScore) {
        let [base, personal] = self.rows.sums(features);
        (base.score_with(&self.prior.mean), self.judge(&personal))
    }

    /// The score of rows that were summed, and the same moderated.
    pub(crate) fn judge(&self, sums: &Sums) -> PersonalScore {
        let score = sums.score_with(&self.visitor.mean);
        let variance = match self.loss() {
            Loss::Logistic => self.visitor.variance(&sums.phi()).max(0.0),
            Loss::Squared => 0.0,
        };
        PersonalScore { score, moderated: score / libm::sqrt(1.0 + core::f64::consts::PI / 8.0 * variance) }
    }

    /// From ranking score to log-odds of a click; the score itself under the squared loss.
    pub(crate) fn log_odds(&self, score: f64) -> f64 {
        match self.loss() {
            Loss::Logistic => self.calibration.dot(&[score, 1.0]),
            Loss::Squared => score,
        }
    }

    /// The same for the bare base, by the seed's own calibration.
    pub(crate) fn base_log_odds(&self, score: f64) -> f64 {
        let metadata = self.rows.base().metadata();
        match metadata.loss {
            Loss::Logistic => f64::from(metadata.calibration.a) * score + f64::from(metadata.calibration.b),
            Loss::Squared => score,
        }
    }

    /// Refines the calibration: a prediction made at `score` was clicked or not.
    pub(crate) fn calibrate(&mut self, score: f64, click: bool, weight: f64) {
        if self.config.calibrate && self.loss() == Loss::Logistic {
            self.calibration.learn(Loss::Logistic, 0.0, &[score, 1.0], f64::from(u8::from(click)), weight, false);
            self.calibration.mean[0] = self.calibration.mean[0].max(LEAST_SLOPE);
        }
    }

    /// Learns a label: the visitor row first, then the other rows at the visitor row so adapted. `touched` takes every row
    /// that has moved.
    pub(crate) fn learn(&mut self, features: &Features, target: f64, weight: f64, touched: &mut dyn FnMut(FeatureId)) {
        let loss = self.loss();
        if !self.moves_rows() {
            let [_, personal] = self.rows.sums(features);
            return self.learn_visitor(loss, personal.score(), &personal.phi(), target, weight);
        }
        let active = self.active(features);
        let sums = &active.sums;
        self.learn_visitor(loss, sums.score(), &sums.phi(), target, weight);
        let h = weight * active.leverage(&self.visitor.mean);
        let pull = weight * proximal(loss, sums.score_with(&self.visitor.mean), target, h).pull;
        self.step(&mut [(active, 1.0)], pull, touched);
    }

    /// The visitor row that these events teach, from the prior on, with nothing forgotten.
    pub(crate) fn visitor_of<'a>(&self, events: impl Iterator<Item = &'a Event>) -> Gaussian {
        let mut visitor = self.prior.clone();
        for Event { features, target, weight } in events {
            let [_, personal] = self.rows.sums(features);
            let (target, weight) = (f64::from(*target), f64::from(*weight));
            visitor.learn(self.loss(), personal.score(), &personal.phi(), target, weight, false);
        }
        visitor
    }

    /// Learns that `preferred` is rather clicked than `other`: the logistic loss of the difference of their scores.
    pub(crate) fn learn_pair(
        &mut self,
        preferred: &Features,
        other: &Features,
        weight: f64,
        touched: &mut dyn FnMut(FeatureId),
    ) {
        let [a, b] = [preferred, other].map(|features| self.active(features));
        let phi: Vec<f64> = a.sums.phi().iter().zip(b.sums.phi()).map(|(a, b)| a - b).collect();
        self.learn_visitor(Loss::Logistic, a.sums.score() - b.sums.score(), &phi, 1.0, weight);
        let u = &self.visitor.mean;
        let h = weight * (a.leverage(u) + b.leverage(u));
        let pull = weight * proximal(Loss::Logistic, a.sums.score_with(u) - b.sums.score_with(u), 1.0, h).pull;
        self.step(&mut [(a, 1.0), (b, -1.0)], pull, touched);
    }

    /// The active rows as they are, without the visitor row.
    pub(crate) fn active(&self, features: &Features) -> Active {
        let base = self.rows.base();
        let mut active = Active::new(base.width(), base.metadata().w0, features.len());
        let rates = self.rates();
        // Shared out between the private rows, so that a site that marks more fields private does not learn faster.
        let private = rates.private / features.private().len().max(1) as f32;
        let mut add = |feature: &Feature, rate| {
            active.add(feature, self.rate(feature, rate), &mut |id, row| self.rows.personal_into(id, row))
        };
        features.shared().iter().for_each(|feature| add(feature, rates.shared));
        features.private().iter().for_each(|feature| add(feature, private));
        active
    }

    pub(crate) fn loss(&self) -> Loss {
        self.rows.base().metadata().loss
    }

    pub(crate) fn rates(&self) -> Rates {
        let Rates { private, shared, delta } = self.config.rates.unwrap_or(self.rows.base().metadata().rates);
        let factor = self.config.rate_factor;
        Rates { private: private * factor, shared: shared * factor, delta: delta * factor }
    }

    /// The click probability, or the score under the squared loss.
    pub(crate) fn probability(&self, score: f64) -> f32 {
        match self.loss() {
            Loss::Logistic => sigmoid(self.log_odds(score)) as f32,
            Loss::Squared => score as f32,
        }
    }

    fn learn_visitor(&mut self, loss: Loss, offset: f64, phi: &[f64], target: f64, weight: f64) {
        let share = f64::from((self.config.forgetting + self.boost).min(1.0));
        if share > 0.0 {
            self.visitor.forget(&self.prior, share);
        }
        match self.config.visitor {
            VisitorStep::ClosedForm => self.visitor.learn(loss, offset, phi, target, weight, false),
            VisitorStep::Diagonal => self.visitor.learn(loss, offset, phi, target, weight, true),
            VisitorStep::Rate => {
                let variance = [f64::from(self.rates().private)].repeat(phi.len());
                let mut visitor = Gaussian::independent(&self.visitor.mean, &variance);
                visitor.learn(loss, offset, phi, target, weight, true);
                self.visitor.mean = visitor.mean;
            }
        }
    }

    fn step(&mut self, parts: &mut [(Active, f64)], pull: f64, touched: &mut dyn FnMut(FeatureId)) {
        let rows = &mut self.rows;
        for (active, sign) in parts {
            active.step(&self.visitor.mean, *sign * pull, &mut |id, row| {
                rows.set_personal(id, row, pull);
                touched(id);
            });
        }
        rows.evict(touched);
    }

    /// Whether rows learn at all: where only the visitor row pays, the seed's rates are zero.
    fn moves_rows(&self) -> bool {
        let rates = self.rates();
        rates.private > 0.0 || rates.shared > 0.0 || !self.rows.base().metadata().schema.rates.is_empty()
    }

    /// The rate of a row: its field's own, if it has one.
    fn rate(&self, feature: &Feature, general: f32) -> f32 {
        let own = usize::from(feature.group).checked_sub(1);
        match own.and_then(|at| self.rows.base().metadata().schema.rates.get(at)) {
            None => general,
            Some(own) if own.adagrad => {
                own.rate * self.config.rate_factor / libm::sqrtf(1.0 + self.rows.evidence(feature.id))
            }
            Some(own) => own.rate * self.config.rate_factor,
        }
    }
}
