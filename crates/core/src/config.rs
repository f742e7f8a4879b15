//! The settings of a learner: what they are, their names and their bounds. A page, the command and an event log say them as the
//! same nested values, which [`Config::from_value`] reads and checks, and [`Config::to_value`] writes:
//!
//! ```json
//! {
//!   "model": {"visitor": "closed-form", "feedback": "pointwise", "rates": {"private": 0.3, "shared": 0.005, "delta": 0.2},
//!             "rateFactor": 1, "forgetting": 0.003, "calibrate": true, "maxRows": 65536},
//!   "shadows": [{"visitor": "diagonal"}],
//!   "exploration": {"epsilon": 0.1},
//!   "gate": 2,
//!   "drift": {"detector": "page-hinkley", "tolerance": 0.05, "threshold": 5, "policy": {"boost": 0.1, "events": 20}},
//!   "maxPending": 32,
//!   "privacy": {"noise": 0.5, "padding": 10, "unlinkable": true}
//! }
//! ```
//!
//! What is left out is as by default, or as the model's seed says; a `gate` of null never closes.

use crate::error::{Error, Fault};
use crate::input::place::{Bounds, Faults, Place};
use crate::input::value::Value;
use crate::limits::{MAX_PENDING, MAX_ROWS, MAX_SHADOWS};
use crate::names::names;
use crate::rates::{RATE, Rates, rates};
use crate::thresholds::{ADWIN_DELTA, GATE, NOT_NEGATIVE};
use alloc::string::String;
use alloc::vec::Vec;

/// Settings of a learner; the seed carries all that is tuned.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The model that deltas are made of.
    pub model: ModelConfig,
    /// Further models that learn from the same events. Of all, the one that Hedge gives most weight serves.
    pub shadows: Vec<ModelConfig>,
    /// How the places of a slate are filled.
    pub exploration: Exploration,
    /// Standard errors by which the personal model must be worse than the base for the base to be served; infinitely many
    /// never serve it. None: as many as the seed says.
    pub gate: Option<f64>,
    /// Watches the first model's loss, and what follows an alarm.
    pub drift: Option<(Detector, DriftPolicy)>,
    /// What the random numbers of exploration begin from.
    pub seed: u64,
    /// The most slates and held predictions that wait for labels.
    pub max_pending_slates: usize,
    /// What deltas hide.
    pub privacy: Privacy,
    /// Whether what happens is recorded, for [`crate::Learner::take_log`].
    pub log: bool,
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

/// How the visitor row learns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VisitorStep {
    /// In closed form with the full covariance, from the seed's prior.
    #[default]
    ClosedForm,
    /// In closed form with the variances alone: 1 + k numbers instead of (1 + k)^2.
    Diagonal,
    /// By implicit steps at the private rate, and so do the private rows, which in closed form stay as they are.
    Rate,
}

names!(VisitorStep, "visitor": ClosedForm = "closed-form", Diagonal = "diagonal", Rate = "rate");

/// What a slate's clicks and skips teach.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Feedback {
    /// Each item by itself: its probability of a click.
    #[default]
    Pointwise,
    /// The clicked item over each skipped one of the same slate (BPR, Rendle et al. 2009).
    Pairwise,
}

names!(Feedback, "feedback": Pointwise = "pointwise", Pairwise = "pairwise");

/// How the places of a slate are filled.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Exploration {
    /// By score.
    #[default]
    None,
    /// By score, but with probability `epsilon` by chance.
    EpsilonGreedy {
        /// Share of places that are filled by chance, 0 to 1.
        epsilon: f32,
    },
    /// By the score under a draw from the visitor row's posterior, a fresh one for every place (Thompson 1933). The propensity is
    /// estimated from 100 further draws.
    Thompson,
}

/// What deltas hide; by default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Privacy {
    /// The standard deviation z of the noise in each number of a row, whose gradient is no longer than one; 0 is none.
    pub noise: f32,
    /// So many items of the catalogue that the visitor never met are in each delta, with what the model expects of them.
    pub padding: u32,
    /// Whether no row is under two client keys.
    pub unlinkable: bool,
}

/// Which detector watches. A threshold that is None is the seed's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Detector {
    /// ADWIN with confidence `delta`: the share of false alarms, 0 to 1.
    Adwin {
        /// Confidence.
        delta: Option<f64>,
    },
    /// Page-Hinkley: an alarm when the sum of excesses over the mean, less `tolerance` each, is `threshold` above its least.
    PageHinkley {
        /// What a loss may exceed the mean by.
        tolerance: Option<f64>,
        /// How much excess is an alarm.
        threshold: Option<f64>,
    },
}

/// What follows an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DriftPolicy {
    /// Only say so.
    Notify,
    /// Let the visitor row forget this share of what it knows at every event, for so many events: a higher rate.
    Boost {
        /// Share of the way back to the prior's covariance, at every event.
        forgetting: f32,
        /// For how many events.
        events: u32,
    },
    /// Move what was learnt by this share of the way back to the base, once.
    PullToBase {
        /// Share of the way, 0 to 1.
        share: f32,
    },
}

const SHARE: Bounds = Bounds::new(0.0, 1.0, "a number from 0 to 1");
const ROWS: Bounds = Bounds::new(1.0, MAX_ROWS as f64, "a whole number from 1 to 16777216");
const PENDING: Bounds = Bounds::new(1.0, MAX_PENDING as f64, "a whole number from 1 to 1024");
const NOISE: Bounds = Bounds::new(0.0, 1000.0, "a number from 0 to 1000");
const PADDING: Bounds = Bounds::new(0.0, 256.0, "a whole number from 0 to 256");
const EVENTS: Bounds = Bounds::new(1.0, u32::MAX as f64, "a whole number of at least 1");

const NONE: &str = "none";
const THOMPSON: &str = "thompson";
const ADWIN: &str = "adwin";
const PAGE_HINKLEY: &str = "page-hinkley";
const NOTIFY: &str = "notify";
const DETECTORS: &str = "one of adwin, page-hinkley";

impl Default for Detector {
    /// ADWIN, with the seed's delta.
    fn default() -> Detector {
        Detector::Adwin { delta: None }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            model: ModelConfig::default(),
            shadows: Vec::new(),
            exploration: Exploration::None,
            gate: None,
            drift: None,
            seed: 0,
            max_pending_slates: 32,
            privacy: Privacy::default(),
            log: false,
        }
    }
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

impl Config {
    /// The settings that have a name. Whether there is a log is not among them, as it changes nothing that is learnt; nor is the
    /// seed, of which any is good, and which nothing is drawn from after a learner was made: a profile holds where its random
    /// numbers stand.
    pub const SETTINGS: [&str; 7] = ["model", "shadows", "exploration", "gate", "drift", "maxPending", "privacy"];

    /// Reads settings and checks them. One that is not known is an error, not a default.
    ///
    /// ```
    /// use brooklet_core::{Config, Exploration, Value};
    ///
    /// let config = Config::from_value(&Value::parse(r#"{"exploration": {"epsilon": 0.1}}"#)?)?;
    /// assert_eq!(config.exploration, Exploration::EpsilonGreedy { epsilon: 0.1 });
    /// let wrong = Config::from_value(&Value::parse(r#"{"exploration": {"epsilon": 5}}"#)?);
    /// assert_eq!(wrong.unwrap_err().code(), "bad_setting");
    /// # Ok::<(), brooklet_core::Error>(())
    /// ```
    pub fn from_value(value: &Value) -> Result<Config, Error> {
        let faults = Faults::default();
        let config = read(&Place::root("settings", value, &faults));
        faults.none().map_err(Error::BadSetting)?;
        Ok(config)
    }

    /// Whether every setting is within its bounds; the error names the one that is not. No learner is made with others,
    /// for it could learn numbers that are not finite.
    pub fn check(&self) -> Result<(), Error> {
        Config::from_value(&self.to_value()).map(drop)
    }

    /// The settings as values.
    pub fn to_value(&self) -> Value {
        let mut fields = Vec::from([
            ("model", self.model.to_value()),
            ("shadows", Value::Array(self.shadows.iter().map(ModelConfig::to_value).collect())),
            ("exploration", self.exploration.to_value()),
            ("maxPending", Value::Number(self.max_pending_slates as f64)),
        ]);
        match self.gate {
            None => {}
            Some(f64::INFINITY) => fields.push(("gate", Value::Null)),
            Some(gate) => fields.push(("gate", Value::Number(gate))),
        }
        if let Some((detector, policy)) = self.drift {
            let mut drift = detector.fields();
            drift.push(("policy", policy.to_value()));
            fields.push(("drift", object(drift)));
        }
        if self.privacy != Privacy::default() {
            let Privacy { noise, padding, unlinkable } = self.privacy;
            let [noise, padding] = [number(noise), Value::Number(padding.into())];
            let privacy = [("noise", noise), ("padding", padding), ("unlinkable", Value::Bool(unlinkable))];
            fields.push(("privacy", object(privacy.into())));
        }
        object(fields)
    }
}

fn read(root: &Place<'_>) -> Config {
    root.only(&Config::SETTINGS);
    let default = Config::default();
    let gate = root.field("gate");
    Config {
        model: root.field("model").optional(read_model).unwrap_or_default(),
        shadows: root.field("shadows").optional(read_shadows).unwrap_or_default(),
        exploration: root.field("exploration").optional(read_exploration).unwrap_or_default(),
        gate: match gate.value() {
            None if gate.is_absent() => None,
            None => Some(f64::INFINITY),
            Some(_) => Some(gate.number(&GATE)),
        },
        drift: root.field("drift").optional(read_drift),
        max_pending_slates: root
            .field("maxPending")
            .optional(|place| place.whole(&PENDING))
            .map_or(default.max_pending_slates, |most| most as usize),
        privacy: root.field("privacy").optional(read_privacy).unwrap_or_default(),
        ..default
    }
}

fn read_shadows(place: &Place<'_>) -> Vec<ModelConfig> {
    const EXPECTED: &str = "an array of at most 16 models";
    let models = place.elements(EXPECTED);
    if models.len() > MAX_SHADOWS {
        place.fault(EXPECTED);
    }
    models.iter().map(read_model).collect()
}

#[inline(never)]
fn read_model(place: &Place<'_>) -> ModelConfig {
    place.only(&["visitor", "feedback", "rates", "rateFactor", "forgetting", "calibrate", "maxRows"]);
    let default = ModelConfig::default();
    let number = |key, bounds, default| place.field(key).optional(|place| place.single(bounds)).unwrap_or(default);
    ModelConfig {
        visitor: place.field("visitor").optional(|place| place.one_of(VisitorStep::EXPECTED)).unwrap_or_default(),
        feedback: place.field("feedback").optional(|place| place.one_of(Feedback::EXPECTED)).unwrap_or_default(),
        rates: place.field("rates").optional(read_rates),
        rate_factor: number("rateFactor", &RATE, default.rate_factor),
        forgetting: number("forgetting", &SHARE, default.forgetting),
        calibrate: place.field("calibrate").optional(Place::flag).unwrap_or(default.calibrate),
        max_rows: place
            .field("maxRows")
            .optional(|place| place.whole(&ROWS))
            .map_or(default.max_rows, |rows| rows as usize),
    }
}

fn read_privacy(place: &Place<'_>) -> Privacy {
    place.only(&["noise", "padding", "unlinkable"]);
    Privacy {
        noise: place.field("noise").optional(|place| place.single(&NOISE)).unwrap_or(0.0),
        padding: place.field("padding").optional(|place| place.whole(&PADDING)).map_or(0, |items| items as u32),
        unlinkable: place.field("unlinkable").optional(Place::flag).unwrap_or(false),
    }
}

fn read_rates(place: &Place<'_>) -> Rates {
    place.only(&["private", "shared", "delta"]);
    rates(place)
}

fn read_exploration(place: &Place<'_>) -> Exploration {
    match place.value() {
        Some(Value::String(name)) if name == NONE => Exploration::None,
        Some(Value::String(name)) if name == THOMPSON => Exploration::Thompson,
        Some(Value::Object(_)) => {
            place.only(&["epsilon"]);
            Exploration::EpsilonGreedy { epsilon: place.field("epsilon").single(&SHARE) }
        }
        _ => {
            place.fault("none, thompson or an object with epsilon");
            Exploration::None
        }
    }
}

fn read_drift(place: &Place<'_>) -> (Detector, DriftPolicy) {
    place.object();
    let number = |key, bounds| place.field(key).optional(|place| place.number(bounds));
    let detector = match place.field("detector").optional(|place| place.one_of(DETECTORS)).unwrap_or_default() {
        Detector::Adwin { .. } => {
            place.only(&["detector", "delta", "policy"]);
            Detector::Adwin { delta: number("delta", &ADWIN_DELTA) }
        }
        Detector::PageHinkley { .. } => {
            place.only(&["detector", "tolerance", "threshold", "policy"]);
            let [tolerance, threshold] = ["tolerance", "threshold"].map(|key| number(key, &NOT_NEGATIVE));
            Detector::PageHinkley { tolerance, threshold }
        }
    };
    (detector, place.field("policy").optional(read_policy).unwrap_or(DriftPolicy::Notify))
}

fn read_policy(place: &Place<'_>) -> DriftPolicy {
    match place.value() {
        Some(Value::Object(_)) => {}
        Some(Value::String(name)) if name == NOTIFY => return DriftPolicy::Notify,
        _ => {
            place.fault("notify, or an object with boost and events, or with pull");
            return DriftPolicy::Notify;
        }
    }
    let pull = place.field("pull");
    if !pull.is_absent() {
        place.only(&["pull"]);
        return DriftPolicy::PullToBase { share: pull.single(&SHARE) };
    }
    place.only(&["boost", "events"]);
    let events = place.field("events").whole(&EVENTS) as u32;
    DriftPolicy::Boost { forgetting: place.field("boost").single(&SHARE), events }
}

impl ModelConfig {
    fn to_value(&self) -> Value {
        let mut fields = Vec::from([
            ("visitor", text(self.visitor.as_str())),
            ("feedback", text(self.feedback.as_str())),
            ("rateFactor", number(self.rate_factor)),
            ("forgetting", number(self.forgetting)),
            ("calibrate", Value::Bool(self.calibrate)),
            ("maxRows", Value::Number(self.max_rows as f64)),
        ]);
        if let Some(Rates { private, shared, delta }) = self.rates {
            let rates = [("private", private), ("shared", shared), ("delta", delta)];
            fields.push(("rates", object(rates.map(|(key, rate)| (key, number(rate))).into())));
        }
        object(fields)
    }
}

impl Exploration {
    fn to_value(self) -> Value {
        match self {
            Exploration::None => text(NONE),
            Exploration::Thompson => text(THOMPSON),
            Exploration::EpsilonGreedy { epsilon } => object(Vec::from([("epsilon", number(epsilon))])),
        }
    }
}

impl Detector {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Detector::Adwin { .. } => ADWIN,
            Detector::PageHinkley { .. } => PAGE_HINKLEY,
        }
    }

    fn fields(self) -> Vec<(&'static str, Value)> {
        let thresholds = match self {
            Detector::Adwin { delta } => [("delta", delta), ("delta", None)],
            Detector::PageHinkley { tolerance, threshold } => [("tolerance", tolerance), ("threshold", threshold)],
        };
        let thresholds = thresholds.into_iter().filter_map(|(key, threshold)| Some((key, threshold?.into())));
        core::iter::once(("detector", text(self.as_str()))).chain(thresholds).collect()
    }
}

impl core::str::FromStr for Detector {
    type Err = Fault;

    /// The detector of this name, with the seed's thresholds.
    fn from_str(name: &str) -> Result<Detector, Fault> {
        match name {
            ADWIN => Ok(Detector::Adwin { delta: None }),
            PAGE_HINKLEY => Ok(Detector::PageHinkley { tolerance: None, threshold: None }),
            _ => Err(Fault::of("detector", DETECTORS, ["\"", name, "\""].concat().into())),
        }
    }
}

impl DriftPolicy {
    fn to_value(self) -> Value {
        match self {
            DriftPolicy::Notify => text(NOTIFY),
            DriftPolicy::Boost { forgetting, events } => {
                object(Vec::from([("boost", number(forgetting)), ("events", Value::Number(events.into()))]))
            }
            DriftPolicy::PullToBase { share } => object(Vec::from([("pull", number(share))])),
        }
    }
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn number(x: f32) -> Value {
    Value::Number(x.into())
}

fn object(fields: Vec<(&'static str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (String::from(key), value)).collect())
}
