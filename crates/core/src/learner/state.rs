//! The learner: one visitor's copy of the model, its catalogue, and what it knows of itself.

use crate::config::{Config, Detector};
use crate::error::Error;
use crate::format::base::Base;
use crate::format::record::Record;
use crate::input::feature::Features;
use crate::input::scale::Scales;
use crate::input::schema::Schema;
use crate::loss::Loss;
use crate::maths::random::Random;
use crate::maths::scalar::sigmoid;
use crate::model::gathered::Gathered;
use crate::model::interest::Interest;
use crate::model::personal::{Model, PersonalScore};
use crate::model::prediction::Prediction;
use crate::share::outbox::{Outbox, Sharing};
use crate::slates::catalogue::Catalogue;
use crate::slates::slate::{Shown, Slates, Thought, Thoughts};
use crate::thresholds::Thresholds;
use crate::watch::drift::Drift;
use crate::watch::figures::Metrics;
use crate::watch::serving::{Gate, Hedge, Serving};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// A model that learns from one visitor.
///
/// ```
/// # use brooklet_core::*;
/// # fn main() -> Result<(), Error> {
/// # let prior = Prior { mean: vec![0.0; 2], covariance: vec![0.5, 0.0, 0.0, 0.5], scale: 1.0 };
/// # let rates = Rates { private: 0.3, shared: 0.005, delta: 0.2 };
/// # let metadata = Metadata::new("films", Schema::new("user", "item"), rates, prior);
/// # let ids = ["genres=Drama", "device=phone"].map(FeatureId::named).to_vec();
/// # let rows = Rows { ids, rows: vec![0.0, 0.5, 0.0, 0.5], ..Rows::default() };
/// # let base = Base::decode(encode_base(&metadata, &rows, Precision::F16)?)?;
/// let mut learner = Learner::new(base, Config::default())?;
/// let schema = learner.schema().clone();
/// let named = |key: &str, value: &str| Value::Object([(key.into(), value.into())].into());
/// learner.set_item("31", &Features::from_value(&schema, &named("genres", "Drama"))?)?;
/// let context = Features::from_value(&schema, &named("device", "phone"))?;
/// let query = Query { context, k: 12, ..Query::default() };
/// let slate = learner.recommend(&query);
/// let before = learner.click(slate.id, "31")?;
/// assert_eq!(before.probability, slate.items[0].probability);
/// assert!(learner.recommend(&query).items[0].probability > before.probability);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Learner {
    pub(crate) config: Config,
    /// The first, then its shadows.
    pub(crate) models: Vec<Model>,
    /// What it chooses of the whole catalogue, if the base knows more of that than of what was shown.
    pub(crate) interest: Option<Interest>,
    pub(crate) scales: Scales,
    pub(crate) catalogue: Catalogue,
    pub(crate) slates: Slates,
    pub(crate) outbox: Outbox,
    /// What becomes of what is learnt.
    pub(crate) sharing: Sharing,
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
    /// Room to gather an event's rows in, model by model: lent to each event in turn, so that learning need not allocate it anew.
    pub(crate) scratch: Vec<Gathered>,
}

impl Learner {
    /// A learner that knows nothing of its visitor yet; an error if [`Config::check`] does not accept the settings.
    pub fn new(base: Base, config: Config) -> Result<Learner, Error> {
        config.check()?;
        Ok(Learner::begin(base, config))
    }

    /// A learner that knows nothing of its visitor yet, with settings that were checked.
    pub(crate) fn begin(base: Base, config: Config) -> Learner {
        let configs = core::iter::once(&config.model).chain(&config.shadows);
        let models: Vec<Model> = configs.map(|config| Model::new(base.clone(), config.clone())).collect();
        Learner {
            scales: Scales::default(),
            catalogue: Catalogue::new(base.width(), base.catalogue_width()),
            interest: Interest::new(&base),
            slates: Slates::new(config.max_pending_slates),
            outbox: Outbox::default(),
            sharing: Sharing::default(),
            random: Random::new(config.seed),
            metrics: Metrics::new(models.len()),
            hedge: Hedge::new(models.len()),
            gate: Gate::default(),
            drift: config.drift.map(|(detector, _)| Drift::new(detector)),
            drifts: 0,
            boosted: 0,
            log: config.log.then(Vec::new),
            serving: Serving::Model(0),
            scratch: vec![Gathered::default(); models.len()],
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
        self.probability_of(personal_thought(
            model,
            model.judge(model.rows.sums(&self.scales.apply(features)).personal()),
        ))
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

    /// What the base and each model think of scaled features. The base keeps the seed's own calibration.
    pub(crate) fn thoughts(&self, features: &Features) -> Thoughts {
        self.think(|_, model| model.scores(&model.rows.sums(features)))
    }

    /// The same of scores that are made of sums at hand.
    pub(crate) fn think(&self, scores: impl Fn(usize, &Model) -> (f64, PersonalScore)) -> Thoughts {
        let mut thoughts = Vec::with_capacity(1 + self.models.len());
        for (at, model) in self.models.iter().enumerate() {
            let (base, personal) = scores(at, model);
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

    pub(crate) fn probability_of(&self, thought: Thought) -> f32 {
        match self.base().metadata().loss {
            Loss::Logistic => sigmoid(thought.odds.into()) as f32,
            Loss::Squared => thought.score,
        }
    }

    /// The model that stands for this visitor: the first, or a shadow that has proved better.
    pub(crate) fn best(&self) -> usize {
        self.hedge.best()
    }
}

fn personal_thought(model: &Model, PersonalScore { score, moderated }: PersonalScore) -> Thought {
    Thought { score: score as f32, moderated: moderated as f32, odds: model.log_odds(moderated) as f32 }
}
