//! How a learner learns, as `Learner.open` is told: the part of its options that the core knows.

use alloc::vec::Vec;
use brooklet_core::{Config, Detector, DriftPolicy, Exploration, Feedback, ModelConfig, Rates, VisitorStep};
use js_sys::{Array, Reflect};
use wasm_bindgen::{JsCast, JsValue};

use crate::error::Failure;
use crate::object::{field, is_whole, only};

/// The options that are read here.
pub(crate) const NAMES: [&str; 7] = ["model", "shadows", "exploration", "gate", "drift", "seed", "maxPending"];
const MODEL_NAMES: [&str; 7] = ["visitor", "feedback", "rates", "rateFactor", "forgetting", "calibrate", "maxRows"];
const RATE_NAMES: [&str; 3] = ["private", "shared", "delta"];

/// Rates up to this are safe to learn at.
const MOST_RATE: f64 = 1000.0;
const MOST_ROWS: f64 = 16_777_216.0;
/// Slates and held predictions are part of the profile, which must stay small.
const MOST_PENDING: f64 = 1024.0;

/// Reads the options; `random` is the seed if none is given.
pub(crate) fn config(options: &JsValue, random: u64) -> Result<Config, Failure> {
    let default = Config::default();
    let pending = "`maxPending` is a number from 1 to 1024";
    Ok(Config {
        max_pending_slates: within(options, "maxPending", 1.0, MOST_PENDING, pending)?
            .map_or(default.max_pending_slates, |most| most as usize),
        model: field(options, "model")?.map_or(Ok(ModelConfig::default()), |value| model(&value))?,
        shadows: field(options, "shadows")?.map_or(Ok(Vec::new()), |value| shadows(&value))?,
        exploration: field(options, "exploration")?.map_or(Ok(default.exploration), |value| exploration(&value))?,
        gate: gate(options)?,
        drift: field(options, "drift")?.map(|value| drift(&value)).transpose()?,
        seed: field(options, "seed")?.map_or(Ok(random), seed)?,
        ..default
    })
}

fn model(options: &JsValue) -> Result<ModelConfig, Failure> {
    only(options, &MODEL_NAMES, "a model is an object of options: is one misspelt?")?;
    let default = ModelConfig::default();
    let visitor = "`visitor` is \"closed-form\", \"diagonal\" or \"rate\"";
    let steps =
        [("closed-form", VisitorStep::ClosedForm), ("diagonal", VisitorStep::Diagonal), ("rate", VisitorStep::Rate)];
    let feedback = "`feedback` is \"pointwise\" or \"pairwise\"";
    let lessons = [("pointwise", Feedback::Pointwise), ("pairwise", Feedback::Pairwise)];
    let factor = "`rateFactor` is a number from 0 to 1000";
    let rows = "`maxRows` is a number from 1 to 16777216";
    Ok(ModelConfig {
        visitor: one_of(options, "visitor", &steps, visitor)?.unwrap_or(default.visitor),
        feedback: one_of(options, "feedback", &lessons, feedback)?.unwrap_or(default.feedback),
        rates: field(options, "rates")?.map(|value| rates(&value)).transpose()?,
        rate_factor: within(options, "rateFactor", 0.0, MOST_RATE, factor)?.map_or(default.rate_factor, |x| x as f32),
        forgetting: share(options, "forgetting")?.unwrap_or(default.forgetting),
        calibrate: match field(options, "calibrate")? {
            None => default.calibrate,
            Some(value) => value.as_bool().ok_or(Failure::argument("`calibrate` is a boolean"))?,
        },
        max_rows: within(options, "maxRows", 1.0, MOST_ROWS, rows)?.map_or(default.max_rows, |x| x as usize),
    })
}

fn rates(options: &JsValue) -> Result<Rates, Failure> {
    let why = "`rates` are { private, shared, delta }, numbers from 0 to 1000";
    only(options, &RATE_NAMES, why)?;
    let rate = |name| match within(options, name, 0.0, MOST_RATE, why) {
        Ok(Some(rate)) => Ok(rate as f32),
        Ok(None) => Err(Failure::argument(why)),
        Err(failure) => Err(failure),
    };
    Ok(Rates { private: rate("private")?, shared: rate("shared")?, delta: rate("delta")? })
}

fn shadows(value: &JsValue) -> Result<Vec<ModelConfig>, Failure> {
    let models = value.dyn_ref::<Array>().ok_or(Failure::argument("`shadows` is an array of models"))?;
    models.iter().map(|value| model(&value)).collect()
}

fn exploration(value: &JsValue) -> Result<Exploration, Failure> {
    match value.as_string().as_deref() {
        Some("none") => return Ok(Exploration::None),
        Some("thompson") => return Ok(Exploration::Thompson),
        _ => {}
    }
    let why = "`exploration` is \"none\", \"thompson\" or { epsilon }";
    only(value, &["epsilon"], why)?;
    let epsilon = share(value, "epsilon")?.ok_or(Failure::argument(why))?;
    Ok(Exploration::EpsilonGreedy { epsilon })
}

/// Absent is as the seed says, null is no gate.
fn gate(options: &JsValue) -> Result<Option<f64>, Failure> {
    if Reflect::get(options, &"gate".into()).is_ok_and(|value| value.is_null()) {
        return Ok(Some(f64::INFINITY));
    }
    within(options, "gate", 0.0, f64::MAX, "`gate` is a number of standard errors, or null")
}

fn drift(options: &JsValue) -> Result<(Detector, DriftPolicy), Failure> {
    let why = "`drift` is { detector: \"adwin\", delta, policy } or { detector: \"page-hinkley\", tolerance, threshold, policy }";
    let page_hinkley = one_of(options, "detector", &[("adwin", false), ("page-hinkley", true)], why)?.unwrap_or(false);
    let detector = if page_hinkley {
        only(options, &["detector", "policy", "tolerance", "threshold"], why)?;
        Detector::PageHinkley {
            tolerance: within(options, "tolerance", 0.0, f64::MAX, why)?,
            threshold: within(options, "threshold", 0.0, f64::MAX, why)?,
        }
    } else {
        only(options, &["detector", "policy", "delta"], why)?;
        // ADWIN takes the logarithm of its inverse.
        Detector::Adwin { delta: within(options, "delta", f64::MIN_POSITIVE, 1.0, why)? }
    };
    Ok((detector, field(options, "policy")?.map_or(Ok(DriftPolicy::Notify), |value| policy(&value))?))
}

fn policy(value: &JsValue) -> Result<DriftPolicy, Failure> {
    let why = "a drift's `policy` is \"notify\", { boost, events } or { pull }";
    if value.as_string().as_deref() == Some("notify") {
        return Ok(DriftPolicy::Notify);
    }
    only(value, &["boost", "events", "pull"], why)?;
    let events = within(value, "events", 1.0, f64::from(u32::MAX), why)?;
    match (share(value, "boost")?, events, share(value, "pull")?) {
        (Some(forgetting), Some(events), None) => Ok(DriftPolicy::Boost { forgetting, events: events as u32 }),
        (None, None, Some(share)) => Ok(DriftPolicy::PullToBase { share }),
        _ => Err(Failure::argument(why)),
    }
}

fn seed(value: JsValue) -> Result<u64, Failure> {
    match value.as_f64() {
        Some(x) if x >= 0.0 && is_whole(x) => Some(x as u64),
        Some(_) => None,
        None => u64::try_from(value).ok(),
    }
    .ok_or(Failure::argument("`seed` is a whole number of at most 64 bits"))
}

fn one_of<T: Copy>(
    options: &JsValue,
    name: &str,
    known: &[(&str, T)],
    why: &'static str,
) -> Result<Option<T>, Failure> {
    let Some(value) = field(options, name)? else { return Ok(None) };
    let text = value.as_string().ok_or(Failure::argument(why))?;
    let found = known.iter().find(|(name, _)| *name == text);
    found.map(|(_, meant)| Some(*meant)).ok_or(Failure::argument(why))
}

fn share(options: &JsValue, name: &str) -> Result<Option<f32>, Failure> {
    let why = "`epsilon`, `forgetting`, `boost` and `pull` are shares from 0 to 1";
    Ok(within(options, name, 0.0, 1.0, why)?.map(|share| share as f32))
}

fn within(options: &JsValue, name: &str, least: f64, most: f64, why: &'static str) -> Result<Option<f64>, Failure> {
    match field(options, name)?.map(|value| value.as_f64()) {
        None => Ok(None),
        Some(Some(x)) if (least..=most).contains(&x) => Ok(Some(x)),
        Some(_) => Err(Failure::argument(why)),
    }
}
