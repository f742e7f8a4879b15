//! One set of learnt parameters over a base, and the order in which they learn from an event. A learner has one, and one more for
//! each shadow.

use crate::config::{Feedback, ModelConfig, VisitorStep};
use crate::format::base::Base;
use crate::format::metadata::Prior;
use crate::input::feature::{Feature, Features};
use crate::loss::{Calibration, Loss, proximal};
use crate::maths::lanes::{Lanes, narrow};
use crate::maths::scalar::{moderated, sigmoid};
use crate::model::event::Event;
use crate::model::fm::{Sum, Sums};
use crate::model::gathered::Gathered;
use crate::model::overlay::Overlay;
use crate::model::posterior::Gaussian;
use crate::rates::Rates;
use alloc::vec;
use alloc::vec::Vec;

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
    pub(crate) rows: Overlay,
    pub(crate) visitor: Gaussian,
    pub(crate) prior: Gaussian,
    pub(crate) calibration: Gaussian,
    /// Forgetting on top of the configured, while a drift lasts.
    pub(crate) boost: f32,
}

impl Model {
    pub(crate) fn new(base: Base, config: ModelConfig) -> Model {
        let metadata = base.metadata();
        let prior = prior(&metadata.prior, config.rate_factor);
        let calibration = calibration(metadata.calibration);
        let rows = Overlay::new(base, config.max_rows);
        Model { rows, visitor: prior.clone(), prior, calibration, config, boost: 0.0 }
    }

    pub(crate) fn swap_base(&mut self, base: Base) {
        self.prior = prior(&base.metadata().prior, self.config.rate_factor);
        self.rows.swap_base(base);
    }

    /// Gathers the rows of an input as they are, without the visitor row, each with the rate that it learns at.
    pub(crate) fn gather(&self, gathered: &mut Gathered, features: &Features) {
        gathered.clear(self.rows.lanes(), features.len());
        let rates = self.rates();
        // Shared out between the private rows, so that a site that marks more fields private does not learn faster.
        let private = rates.private / features.private().len().max(1) as f32;
        let mut add = |feature, rate| gathered.add(&self.rows, feature, self.rate(feature, rate));
        features.shared().iter().for_each(|feature| add(feature, rates.shared));
        features.private().iter().for_each(|feature| add(feature, private));
        gathered.sums.finish(self.rows.base().metadata().w0);
    }

    /// What the bare base with the prior's mean as the visitor row scores, then the same of this model.
    pub(crate) fn scores(&self, sums: &Sums) -> (f64, PersonalScore) {
        let base = sums.base();
        (base.score + self.prior.dot(base.phi), self.judge(sums.personal()))
    }

    /// The score of rows that were summed, and the same moderated.
    pub(crate) fn judge(&self, sum: Sum<'_>) -> PersonalScore {
        let score = sum.score + self.visitor.dot(sum.phi);
        let variance = match self.loss() {
            Loss::Logistic => self.visitor.variance(sum.phi).clamp(0.0, f64::MAX),
            Loss::Squared => 0.0,
        };
        PersonalScore { score, moderated: moderated(score, variance) }
    }

    /// From ranking score to log-odds of a click; the score itself under the squared loss.
    pub(crate) fn log_odds(&self, score: f64) -> f64 {
        match self.loss() {
            Loss::Logistic => self.calibration.dot(&of_score(score)),
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
        if self.config.calibrate && self.loss() != Loss::Squared {
            let click = f64::from(u8::from(click));
            self.calibration.learn(Loss::Logistic, 0.0, &of_score(score), click, weight, false);
            self.calibration.keep_above(0, LEAST_SLOPE);
        }
    }

    /// Learns the label of what this model has gathered: the visitor row first, then the other rows at the visitor row so
    /// adapted. Whether some rows made room for these.
    pub(crate) fn learn(&mut self, gathered: &mut Gathered, target: f64, weight: f64) -> bool {
        let loss = self.loss();
        let Sum { score, phi } = gathered.sums.personal();
        self.learn_visitor(loss, score, phi, target, weight);
        if self.moves_rows() {
            let score = score + self.visitor.dot(phi);
            gathered.meet(&self.visitor);
            let pull = weight * proximal(loss, score, target, weight * gathered.leverage()).pull;
            gathered.step(pull, &mut self.rows);
        }
        self.rows.evict()
    }

    /// Whether what it learns of an event by itself can be taken back.
    pub(crate) fn can_unlearn(&self) -> bool {
        self.config.visitor == VisitorStep::ClosedForm && self.config.feedback == Feedback::Pointwise
    }

    /// Takes back what [`Model::learn`] and [`Model::calibrate`] made of a label that was predicted at `moderated`. The rows first, for they
    /// were moved last: an implicit step is undone by the explicit one from where it led. Whether some rows made room for these.
    #[cold]
    #[inline(never)]
    pub(crate) fn unlearn(
        &mut self,
        features: &Features,
        moderated: f64,
        click: bool,
        target: f64,
        weight: f64,
    ) -> bool {
        let (loss, mut gathered) = (self.loss(), Gathered::default());
        self.gather(&mut gathered, features);
        if self.moves_rows() {
            let Sum { score, phi } = gathered.sums.personal();
            let score = score + self.visitor.dot(phi);
            gathered.meet(&self.visitor);
            gathered.step(-weight * proximal(loss, score, target, 0.0).pull, &mut self.rows);
            self.gather(&mut gathered, features);
        }
        let Sum { score, phi } = gathered.sums.personal();
        self.visitor.unlearn(&self.prior, loss, score, phi, target, weight);
        if self.config.calibrate && loss != Loss::Squared {
            let (prior, click) = (calibration(self.rows.base().metadata().calibration), f64::from(u8::from(click)));
            self.calibration.unlearn(&prior, Loss::Logistic, 0.0, &of_score(moderated), click, weight);
            self.calibration.keep_above(0, LEAST_SLOPE);
        }
        self.rows.evict()
    }

    /// The visitor row that these events teach upon `rows`, from the prior on, with nothing forgotten: by the loss of the probability
    /// that the base's calibration gives, as shared rows are taught, so that neither works against the other.
    pub(crate) fn visitor_of<'a>(&self, rows: &Overlay, events: impl Iterator<Item = &'a Event>) -> Gaussian {
        let (mut visitor, mut gathered) = (self.prior.clone(), Gathered::default());
        let map = rows.base().metadata().calibration;
        let map = if self.loss() == Loss::Logistic { map } else { Calibration::default() };
        let mut mapped = Vec::new();
        for Event { features, target, weight } in events {
            gathered.gather(rows, features);
            let Sum { score, phi } = gathered.sums.personal();
            mapped.clear();
            mapped.extend(phi.iter().map(|phi| (narrow(phi) * map.a).to_array()));
            let offset = f64::from(map.a) * score + f64::from(map.b);
            visitor.learn(self.loss(), offset, &mapped, (*target).into(), (*weight).into(), false);
        }
        visitor
    }

    /// Learns that `preferred` is rather clicked than `other`: the logistic loss of the difference of their scores. Whether some
    /// rows made room for these.
    pub(crate) fn learn_pair(&mut self, preferred: &Features, other: &Features, weight: f64) -> bool {
        let (mut a, mut b) = (Gathered::default(), Gathered::default());
        self.gather(&mut a, preferred);
        self.gather(&mut b, other);
        let mut phi = a.sums.personal().phi.to_vec();
        for (a, b) in phi.iter_mut().zip(b.sums.personal().phi) {
            *a = (narrow(a) - narrow(b)).to_array();
        }
        let offset = a.sums.personal().score - b.sums.personal().score;
        self.learn_visitor(Loss::Logistic, offset, &phi, 1.0, weight);
        a.meet(&self.visitor);
        b.meet(&self.visitor);
        let h = weight * (a.leverage() + b.leverage());
        let pull = weight * proximal(Loss::Logistic, offset + self.visitor.dot(&phi), 1.0, h).pull;
        a.step(pull, &mut self.rows);
        b.step(-pull, &mut self.rows);
        self.rows.evict()
    }

    pub(crate) fn loss(&self) -> Loss {
        self.rows.base().metadata().loss
    }

    pub(crate) fn rates(&self) -> Rates {
        let Rates { mut private, shared, delta } = self.config.rates.unwrap_or(self.rows.base().metadata().rates);
        if self.config.visitor != VisitorStep::Rate {
            // What a private row would learn, the visitor row has learnt already.
            private = 0.0;
        }
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

    fn learn_visitor(&mut self, loss: Loss, offset: f64, phi: &[Lanes], target: f64, weight: f64) {
        let share = f64::from((self.config.forgetting + self.boost).min(1.0));
        if share > 0.0 {
            self.visitor.forget(&self.prior, share);
        }
        match self.config.visitor {
            VisitorStep::ClosedForm => self.visitor.learn(loss, offset, phi, target, weight, false),
            VisitorStep::Diagonal => self.visitor.learn(loss, offset, phi, target, weight, true),
            VisitorStep::Rate => {
                let mean = self.visitor.mean();
                let mut visitor = Gaussian::independent(mean, &vec![self.rates().private.into(); mean.len()]);
                visitor.learn(loss, offset, phi, target, weight, true);
                self.visitor.set_mean(visitor.mean());
            }
        }
    }

    /// Whether rows learn at all: where only the visitor row pays, the seed's rates are zero.
    pub(crate) fn moves_rows(&self) -> bool {
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

/// The calibration of whom nothing is known.
fn calibration(Calibration { a, b }: Calibration) -> Gaussian {
    Gaussian::independent(&[a.into(), b.into()], &CALIBRATION_VARIANCE)
}

/// The visitor row of whom nothing is known, its covariance times `factor`.
fn prior(prior: &Prior, factor: f32) -> Gaussian {
    Gaussian::prior(&prior.mean, &prior.covariance, f64::from(prior.scale) * f64::from(factor))
}

/// phi of the calibration.
fn of_score(score: f64) -> [Lanes; 1] {
    [[score as f32, 1.0, 0.0, 0.0]]
}
