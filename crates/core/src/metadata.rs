//! What a base says of itself: the JSON string under `brooklet` in the safetensors metadata.

use crate::{Error, FieldRate, Schema, Thresholds, Value};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The number of the base format; a reader refuses any other.
pub const BASE_FORMAT: u64 = 1;
/// The most factors a model may have.
pub const MAX_FACTORS: usize = 256;
/// The largest learning rate that is accepted.
pub const MAX_RATE: f32 = 1000.0;
/// The largest scale of a prior.
const MAX_SCALE: f32 = 1000.0;

/// Which loss the model minimises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Cross-entropy of a target in \[0, 1\] and the sigmoid of the score: clicks and skips.
    Logistic,
    /// Half the squared difference of target and score: regression.
    Squared,
}

/// Learning rates of the plain step, each in \[0, 1000\].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Of the visitor row and private rows, where the visitor row learns by steps: high, they belong to this visitor alone.
    pub private: f32,
    /// Of shared rows, on this device: low.
    pub shared: f32,
    /// Of shared rows in the pass that makes a delta.
    pub delta: f32,
}

/// What is known of a visitor before the first event: the visitor row is N(mean, scale * covariance).
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// 1 + k numbers: w, then v.
    pub mean: Vec<f32>,
    /// (1 + k) x (1 + k), row by row, symmetric.
    pub covariance: Vec<f32>,
    /// What the covariance of the training's point estimates is multiplied with: they are shrunk by regularisation.
    pub scale: f32,
}

/// From ranking score to click probability: sigmoid(a * score + b) (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Slope.
    pub a: f32,
    /// Intercept.
    pub b: f32,
}

impl Default for Calibration {
    fn default() -> Calibration {
        Calibration { a: 1.0, b: 0.0 }
    }
}

/// How the training data's labels became targets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Labels {
    /// A label of at least this is a click.
    pub positive: Option<f32>,
    /// Graded targets: label to target.
    pub map: Vec<(f32, f32)>,
}

/// Everything a base carries besides its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// The model's name.
    pub model: String,
    /// 1 for a seed, one more for every fold that was published.
    pub version: u64,
    /// k.
    pub factors: usize,
    /// The loss.
    pub loss: Loss,
    /// The global bias.
    pub w0: f32,
    /// What the fields mean.
    pub schema: Schema,
    /// Learning rates.
    pub rates: Rates,
    /// The prior of a new visitor.
    pub prior: Prior,
    /// The map from score to click probability.
    pub calibration: Calibration,
    /// Of the gate and of the drift detectors.
    pub thresholds: Thresholds,
    /// How labels became targets.
    pub labels: Labels,
    /// Whether the training's private rows are in the file. Such a file is for evaluation and is never shipped.
    pub private_rows: bool,
    /// Where the seed comes from, free-form.
    pub training: Value,
}

impl Labels {
    /// The target from which on an event counts as a click: what the least positive label maps to, or one half.
    pub fn click_target(&self) -> f32 {
        let Some(positive) = self.positive else { return 0.5 };
        self.map
            .iter()
            .filter(|(label, _)| *label >= positive)
            .map(|(_, target)| *target)
            .fold(None, least)
            .unwrap_or(0.5)
    }
}

fn least(min: Option<f32>, x: f32) -> Option<f32> {
    Some(min.map_or(x, |min| min.min(x)))
}

impl Metadata {
    /// Reads and checks the JSON text.
    pub fn parse(text: &str) -> Result<Metadata, Error> {
        let json = Value::parse(text).map_err(|_| Error::BadBase("its metadata is not JSON"))?;
        if number(&json, "format")? != BASE_FORMAT as f64 {
            return Err(Error::BadBase("its format is of another version"));
        }
        let factors = number(&json, "factors")?;
        if !(0.0..=MAX_FACTORS as f64).contains(&factors) {
            return Err(Error::BadBase("factors must be from 0 to 256"));
        }
        let factors = factors as usize;
        let schema = field(&json, "schema")?;
        let rates = field(&json, "rates")?;
        let prior = field(&json, "prior")?;
        let calibration = field(&json, "calibration")?;
        let labels = field(&json, "labels")?;
        let metadata = Metadata {
            model: text_of(&json, "model")?,
            version: number(&json, "version")? as u64,
            factors,
            loss: match field(&json, "loss")?.as_str() {
                Some("logistic") => Loss::Logistic,
                Some("squared") => Loss::Squared,
                _ => return Err(Error::BadBase("loss must be logistic or squared")),
            },
            w0: number(&json, "w0")? as f32,
            schema: Schema {
                visitor: text_of(schema, "visitor")?,
                item: text_of(schema, "item")?,
                private: texts(schema, "private")?,
                fields: texts(schema, "fields")?,
                rates: schema.field("rates").map_or(Ok(Vec::new()), field_rates)?,
            },
            rates: Rates {
                private: number(rates, "private")? as f32,
                shared: number(rates, "shared")? as f32,
                delta: number(rates, "delta")? as f32,
            },
            prior: Prior {
                mean: numbers(prior, "mean")?,
                covariance: numbers(prior, "covariance")?,
                scale: number(prior, "scale")? as f32,
            },
            calibration: Calibration { a: number(calibration, "a")? as f32, b: number(calibration, "b")? as f32 },
            thresholds: Thresholds::of(json.field("thresholds"))?,
            labels: Labels {
                positive: labels.field("positive").and_then(Value::as_number).map(|x| x as f32),
                map: pairs(labels, "map")?,
            },
            private_rows: matches!(json.field("private_rows"), Some(Value::Bool(true))),
            training: json.field("training").cloned().unwrap_or(Value::Null),
        };
        metadata.check()?;
        Ok(metadata)
    }

    /// Checks what the rest of the core relies upon: widths, finite numbers, rates in range.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let width = 1 + self.factors;
        let Prior { mean, covariance, scale } = &self.prior;
        if mean.len() != width || covariance.len() != width * width {
            return Err(Error::BadBase("the prior's mean must have 1 + k numbers, its covariance (1 + k)^2"));
        }
        let finite = |x: &f32| x.is_finite();
        if !(mean.iter().all(finite) && covariance.iter().all(finite) && self.w0.is_finite()) {
            return Err(Error::BadBase("w0 and the prior must be finite"));
        }
        if !(0.0..=MAX_SCALE).contains(scale) || !positive_semidefinite(covariance, width) {
            return Err(Error::BadBase(
                "the prior's covariance must be positive semi-definite, its scale from 0 to 1,000",
            ));
        }
        let Rates { private, shared, delta } = self.rates;
        if self.schema.rates.len() > 255 {
            return Err(Error::BadBase("at most 255 fields have a rate of their own"));
        }
        if ![private, shared, delta]
            .iter()
            .chain(self.schema.rates.iter().map(|field| &field.rate))
            .all(|rate| (0.0..=MAX_RATE).contains(rate))
        {
            return Err(Error::BadBase("rates must be from 0 to 1000"));
        }
        let Calibration { a, b } = self.calibration;
        if !(a > 0.0 && a.is_finite() && b.is_finite()) {
            return Err(Error::BadBase("the calibration's slope must be positive and finite"));
        }
        if self.version == 0 || self.version > 1 << 53 {
            return Err(Error::BadBase("versions count from 1"));
        }
        self.thresholds.check()
    }

    /// The JSON text.
    #[cfg(feature = "write")]
    pub fn to_json(&self) -> String {
        let n = |x: f32| Value::Number(f64::from(x));
        let ns = |xs: &[f32]| Value::Array(xs.iter().map(|x| n(*x)).collect());
        let ss = |xs: &[String]| Value::Array(xs.iter().map(|x| Value::String(x.clone())).collect());
        let field_rate = |field: &FieldRate| {
            Value::Object(vec![
                (String::from("field"), Value::String(field.field.clone())),
                (String::from("rate"), n(field.rate)),
                (String::from("adagrad"), Value::Bool(field.adagrad)),
            ])
        };
        let object = |fields: Vec<(&str, Value)>| {
            Value::Object(fields.into_iter().map(|(key, value)| (String::from(key), value)).collect())
        };
        object(vec![
            ("format", Value::Number(BASE_FORMAT as f64)),
            ("model", Value::String(self.model.clone())),
            ("version", Value::Number(self.version as f64)),
            ("factors", Value::Number(self.factors as f64)),
            (
                "loss",
                Value::from(match self.loss {
                    Loss::Logistic => "logistic",
                    Loss::Squared => "squared",
                }),
            ),
            ("w0", n(self.w0)),
            (
                "schema",
                object(vec![
                    ("visitor", Value::String(self.schema.visitor.clone())),
                    ("item", Value::String(self.schema.item.clone())),
                    ("private", ss(&self.schema.private)),
                    ("fields", ss(&self.schema.fields)),
                    ("rates", Value::Array(self.schema.rates.iter().map(field_rate).collect())),
                ]),
            ),
            (
                "rates",
                object(vec![
                    ("private", n(self.rates.private)),
                    ("shared", n(self.rates.shared)),
                    ("delta", n(self.rates.delta)),
                ]),
            ),
            (
                "prior",
                object(vec![
                    ("mean", ns(&self.prior.mean)),
                    ("covariance", ns(&self.prior.covariance)),
                    ("scale", n(self.prior.scale)),
                ]),
            ),
            ("calibration", object(vec![("a", n(self.calibration.a)), ("b", n(self.calibration.b))])),
            ("thresholds", self.thresholds.to_value()),
            (
                "labels",
                object(vec![
                    ("positive", self.labels.positive.map_or(Value::Null, n)),
                    ("map", Value::Array(self.labels.map.iter().map(|(l, t)| ns(&[*l, *t])).collect())),
                ]),
            ),
            ("private_rows", Value::Bool(self.private_rows)),
            ("training", self.training.clone()),
        ])
        .to_json()
    }
}

/// Whether the Cholesky decomposition of the symmetric part, with a little added to the diagonal for rounding, exists.
fn positive_semidefinite(covariance: &[f32], width: usize) -> bool {
    let at = |i: usize, j: usize| 0.5 * (f64::from(covariance[i * width + j]) + f64::from(covariance[j * width + i]));
    let largest = (0..width).fold(0.0, |max, i| at(i, i).max(max));
    let mut lower = vec![0.0; width * width];
    for i in 0..width {
        for j in 0..=i {
            let known = (0..j).fold(0.0, |sum, f| sum + lower[i * width + f] * lower[j * width + f]);
            lower[i * width + j] = if i == j {
                crate::math::sqrt(at(i, i) + 1e-6 * largest + f64::MIN_POSITIVE - known)
            } else {
                (at(i, j) - known) / lower[j * width + j]
            };
        }
    }
    // A negative pivot has left a NaN.
    lower.iter().all(|x| x.is_finite())
}

fn field<'a>(json: &'a Value, key: &'static str) -> Result<&'a Value, Error> {
    json.field(key).ok_or(Error::BadBase(missing(key)))
}

fn number(json: &Value, key: &'static str) -> Result<f64, Error> {
    field(json, key)?.as_number().ok_or(Error::BadBase(missing(key)))
}

fn text_of(json: &Value, key: &'static str) -> Result<String, Error> {
    field(json, key)?.as_str().map(String::from).ok_or(Error::BadBase(missing(key)))
}

fn array<'a>(json: &'a Value, key: &'static str) -> Result<&'a [Value], Error> {
    field(json, key)?.as_array().ok_or(Error::BadBase(missing(key)))
}

fn texts(json: &Value, key: &'static str) -> Result<Vec<String>, Error> {
    array(json, key)?.iter().map(|v| v.as_str().map(String::from).ok_or(Error::BadBase(missing(key)))).collect()
}

fn numbers(json: &Value, key: &'static str) -> Result<Vec<f32>, Error> {
    array(json, key)?.iter().map(|v| v.as_number().map(|x| x as f32).ok_or(Error::BadBase(missing(key)))).collect()
}

fn field_rates(json: &Value) -> Result<Vec<FieldRate>, Error> {
    let rate = |json: &Value| {
        let adagrad = matches!(json.field("adagrad"), Some(Value::Bool(true)));
        Ok(FieldRate { field: text_of(json, "field")?, rate: number(json, "rate")? as f32, adagrad })
    };
    json.as_array().ok_or(Error::BadBase(missing("rates")))?.iter().map(rate).collect()
}

fn pairs(json: &Value, key: &'static str) -> Result<Vec<(f32, f32)>, Error> {
    let pair = |v: &Value| match v.as_array() {
        Some([Value::Number(a), Value::Number(b)]) => Ok((*a as f32, *b as f32)),
        _ => Err(Error::BadBase(missing(key))),
    };
    array(json, key)?.iter().map(pair).collect()
}

/// The key itself is the message: "not a readable base: prior".
const fn missing(key: &'static str) -> &'static str {
    key
}
