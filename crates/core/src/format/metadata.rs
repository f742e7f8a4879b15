//! What a base says of itself: the JSON string under `brooklet` in the safetensors metadata, so that a seed is one file.
//!
//! | key            | holds |
//! |----------------|-------|
//! | `format`       | 1 |
//! | `model`        | the model's name |
//! | `version`      | 1 for a seed, one more for every fold that was published |
//! | `factors`      | k, 0 to 256 |
//! | `loss`         | `logistic`, `squared` or `squared_clicks` |
//! | `w0`           | the global bias |
//! | `schema`       | `visitor`, `item`, `private`, `fields`, and `rates`: an array of `field`, `rate`, `adagrad`; optional: `kinds`, an array of `field` and `kind` (`categorical`, `multi-hot`, or `numeric` with `mean` and `deviation`) |
//! | `rates`        | `private`, `shared`, `delta`, each 0 to 1000 |
//! | `prior`        | `mean` of 1 + k numbers, `covariance` of (1 + k)^2 row by row, `scale`: a new visitor's row is N(mean, scale * covariance) |
//! | `catalogue`    | optional, with the tensor `catalogue`: what a visitor chooses of all items, shown or not. `mean` of c numbers and `covariance` of c^2 row by row: what a new visitor is interested in; `click`: what a click weighs; `half`: clicks after which popularity counts half |
//! | `calibration`  | `a` and `b`: the probability of a click is sigmoid(a * score + b) |
//! | `thresholds`   | optional: `gate`, `adwin_delta`, `page_hinkley_tolerance`, `page_hinkley_threshold` |
//! | `examination`  | optional: for each place of a slate, from the top, the chance that it is looked at, 0 to 1 |
//! | `labels`       | `positive`: the least label that is a click, or null; `map`: pairs of a label and its target |
//! | `rows_per_event` | optional: how many shared rows take part in an event, on average over the training's |
//! | `steps` | optional: `rows`, of 1 + k numbers, and `catalogue`, of c + 1 or none: of what the numbers of each column are whole multiples, at most 127 |
//! | `private_rows` | whether rows of people are in the file, which then is never shipped |
//! | `training`     | free-form: where the model comes from |

use crate::error::{Error, Fault};
use crate::input::kind::{CATEGORICAL, FieldKind, Kind, MULTI_HOT, NUMERIC, Scale};
use crate::input::place::{Bounds, FINITE, Faults, MAX_WHOLE, Place, parsed};
use crate::input::schema::{FieldRate, Schema};
use crate::input::value::Value;
use crate::limits::{MAX_FACTORS, MAX_LABEL, MAX_WEIGHT};
use crate::loss::{Calibration, Loss};
use crate::maths::linear::cholesky;
use crate::rates::{RATE, Rates, rates};
use crate::thresholds::Thresholds;
use alloc::string::String;
#[cfg(feature = "write")]
use alloc::vec;
use alloc::vec::Vec;

/// The number of the base format; a reader refuses any other.
pub const BASE_FORMAT: u64 = 1;
const SCALE: Bounds = Bounds::new(0.0, 1000.0, "a number from 0 to 1000");
const WEIGHT: Bounds = Bounds::new(f32::MIN_POSITIVE as f64, MAX_LABEL as f64, "a number above 0, at most a million");
const STEP: Bounds = Bounds::new(0.0, MAX_WEIGHT as f64 / 127.0, "a number from 0 to 10000 / 127");
const CHANCE: Bounds = Bounds::new(0.0, 1.0, "a number from 0 to 1");
const ROWS: Bounds = Bounds::new(1.0, 1e6, "a number from 1 to a million");
const FORMAT: Bounds = Bounds::new(BASE_FORMAT as f64, BASE_FORMAT as f64, "1");
const FACTORS: Bounds = Bounds::new(0.0, MAX_FACTORS as f64, "a whole number from 0 to 256");
const VERSION: Bounds = Bounds::new(1.0, MAX_WHOLE, "a whole number from 1 on");
const SLOPE: Bounds = Bounds::new(f32::MIN_POSITIVE as f64, f32::MAX as f64, "a number above 0");
/// A feature holds the number of its field's rate in a byte.
const MAX_FIELD_RATES: usize = 255;
/// Where the metadata stands in the header.
const NAME: &str = "__metadata__.brooklet";
const PAIR: &str = "a label and its target";

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

/// What is known of what a visitor chooses of the whole catalogue, shown or not, before the first click: the interest is
/// N(mean, covariance), in which it is counted that nothing was chosen yet (Hu, Koren and Volinsky 2008).
#[derive(Debug, Clone, PartialEq)]
pub struct CataloguePrior {
    /// c numbers.
    pub mean: Vec<f32>,
    /// c x c, row by row, symmetric.
    pub covariance: Vec<f32>,
    /// The weight of a click: one over the variance of a click around its score.
    pub click: f32,
    /// Clicks after which what makes the order of popularity of a stranger's counts half.
    pub half: f32,
}

/// Of what the numbers of each column are whole multiples, at most 127 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Steps {
    /// 1 + k: of w, then of v.
    pub rows: Vec<f32>,
    /// c + 1 of what ranks the whole catalogue, or none.
    pub catalogue: Vec<f32>,
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
    /// The same of what ranks the whole catalogue, if something of its own does.
    pub catalogue: Option<CataloguePrior>,
    /// The map from score to click probability.
    pub calibration: Calibration,
    /// Of the gate and of the drift detectors.
    pub thresholds: Thresholds,
    /// For each place of a slate, from the top, the chance that it is looked at; the last is that of all below. Empty where nobody
    /// has estimated it.
    pub examination: Vec<f32>,
    /// How labels became targets.
    pub labels: Labels,
    /// How many shared rows take part in an event, on average over the training's: of so many, a fold moves each the less.
    pub rows_per_event: Option<f32>,
    /// Of what each column's numbers are whole multiples, where they are.
    pub steps: Option<Steps>,
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
    /// The metadata of a first version with defaults for all that is tuned afterwards: a logistic loss, no bias, the calibration
    /// as it is, no labels. A prior of 1 + k numbers makes a model of k factors.
    ///
    /// ```
    /// use brooklet_core::{Metadata, Prior, Rates, Schema};
    ///
    /// let prior = Prior { mean: vec![0.0; 2], covariance: vec![1.0, 0.0, 0.0, 1.0], scale: 1.0 };
    /// let rates = Rates { private: 0.3, shared: 0.005, delta: 0.2 };
    /// let metadata = Metadata { w0: -2.0, ..Metadata::new("films", Schema::new("user", "item"), rates, prior) };
    /// assert_eq!((metadata.version, metadata.factors), (1, 1));
    /// ```
    pub fn new(model: &str, schema: Schema, rates: Rates, prior: Prior) -> Metadata {
        Metadata {
            model: model.into(),
            version: 1,
            factors: prior.mean.len().saturating_sub(1),
            loss: Loss::default(),
            w0: 0.0,
            schema,
            rates,
            prior,
            catalogue: None,
            calibration: Calibration::default(),
            thresholds: Thresholds::default(),
            examination: Vec::new(),
            labels: Labels::default(),
            rows_per_event: None,
            steps: None,
            private_rows: false,
            training: Value::Null,
        }
    }

    /// Reads and checks the JSON text.
    pub fn parse(text: &str) -> Result<Metadata, Error> {
        parsed(NAME, text).and_then(|json| Metadata::of(&json)).map_err(Error::BadBase)
    }

    /// Reads what the rest of the core relies upon, and checks it: widths, finite numbers, rates in range.
    fn of(json: &Value) -> Result<Metadata, Fault> {
        let faults = Faults::default();
        let root = Place::root(NAME, json, &faults);
        root.field("format").number(&FORMAT);
        let [schema, prior, labels] = ["schema", "prior", "labels"].map(|key| root.field(key));
        let [mean, covariance] = ["mean", "covariance"].map(|key| prior.field(key));
        let metadata = Metadata {
            model: root.field("model").text("a text").into(),
            version: root.field("version").whole(&VERSION),
            factors: root.field("factors").whole(&FACTORS) as usize,
            loss: root.field("loss").one_of(Loss::EXPECTED),
            w0: root.field("w0").single(&FINITE),
            schema: Schema {
                visitor: schema.field("visitor").text("a text").into(),
                item: schema.field("item").text("a text").into(),
                private: texts(&schema.field("private")),
                fields: texts(&schema.field("fields")),
                context: schema.field("context").optional(texts).unwrap_or_default(),
                rates: field_rates(&schema.field("rates")),
                kinds: field_kinds(&schema.field("kinds")),
            },
            rates: rates(&root.field("rates")),
            prior: Prior {
                mean: mean.singles("1 + k numbers"),
                covariance: covariance.singles("(1 + k)^2 numbers"),
                scale: prior.field("scale").single(&SCALE),
            },
            catalogue: root.field("catalogue").optional(catalogue),
            calibration: calibration(&root.field("calibration")),
            thresholds: Thresholds::of(&root.field("thresholds")),
            examination: examination(&root.field("examination")),
            labels: Labels { positive: positive(&labels.field("positive")), map: pairs(&labels.field("map")) },
            rows_per_event: rows_per_event(&root.field("rows_per_event")),
            steps: root.field("steps").optional(steps),
            private_rows: optional_flag(&root.field("private_rows")),
            training: json.field("training").cloned().unwrap_or(Value::Null),
        };
        let width = 1 + metadata.factors;
        if metadata.schema.rates.len() + metadata.schema.context.len() > MAX_FIELD_RATES {
            schema.field("context").fault("at most 255 fields, with those of rates");
        }
        if metadata.prior.mean.len() != width {
            mean.fault("1 + k numbers");
        }
        check_covariance(&covariance, &metadata.prior.covariance, width, "(1 + k)^2 numbers");
        let columns = [width, metadata.catalogue.as_ref().map_or(0, |prior| prior.mean.len() + 1)];
        if metadata.steps.as_ref().is_some_and(|steps| [steps.rows.len(), steps.catalogue.len()] != columns) {
            root.field("steps").fault("1 + k numbers in rows, and in catalogue c + 1");
        }
        faults.none()?;
        Ok(metadata)
    }

    /// Checks what a reader would.
    #[cfg(feature = "write")]
    pub(crate) fn check(&self) -> Result<(), Error> {
        Metadata::of(&self.to_value()).map(drop).map_err(Error::BadBase)
    }

    /// The JSON text.
    #[cfg(feature = "write")]
    pub fn to_json(&self) -> String {
        self.to_value().to_json()
    }

    #[cfg(feature = "write")]
    fn to_value(&self) -> Value {
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
        let field_kind = |FieldKind { field, kind }: &FieldKind| {
            let mut fields = vec![("field", Value::String(field.clone())), ("kind", Value::from(kind.as_str()))];
            if let Kind::Numeric(Scale { mean, deviation }) = kind {
                fields.extend([("mean", n(*mean)), ("deviation", n(*deviation))]);
            }
            object(fields)
        };
        let mut schema = vec![
            ("visitor", Value::String(self.schema.visitor.clone())),
            ("item", Value::String(self.schema.item.clone())),
            ("private", ss(&self.schema.private)),
            ("fields", ss(&self.schema.fields)),
            ("rates", Value::Array(self.schema.rates.iter().map(field_rate).collect())),
        ];
        // A seed that says nothing of contexts and kinds is written as it always was.
        schema.extend((!self.schema.context.is_empty()).then(|| ("context", ss(&self.schema.context))));
        let kinds: Vec<Value> = self.schema.kinds.iter().map(field_kind).collect();
        schema.extend((!kinds.is_empty()).then_some(("kinds", Value::Array(kinds))));
        let prior = |mean: &[f32], covariance: &[f32]| vec![("mean", ns(mean)), ("covariance", ns(covariance))];
        let with = |mut fields: Vec<(&'static str, Value)>, more: &[(&'static str, f32)]| {
            fields.extend(more.iter().map(|(key, x)| (*key, n(*x))));
            object(fields)
        };
        let mut fields = vec![
            ("format", Value::Number(BASE_FORMAT as f64)),
            ("model", Value::String(self.model.clone())),
            ("version", Value::Number(self.version as f64)),
            ("factors", Value::Number(self.factors as f64)),
            ("loss", Value::from(self.loss.as_str())),
            ("w0", n(self.w0)),
            ("schema", object(schema)),
            (
                "rates",
                object(vec![
                    ("private", n(self.rates.private)),
                    ("shared", n(self.rates.shared)),
                    ("delta", n(self.rates.delta)),
                ]),
            ),
            ("prior", with(prior(&self.prior.mean, &self.prior.covariance), &[("scale", self.prior.scale)])),
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
        ];
        if let Some(CataloguePrior { mean, covariance, click, half }) = &self.catalogue {
            fields.push(("catalogue", with(prior(mean, covariance), &[("click", *click), ("half", *half)])));
        }
        fields.extend((!self.examination.is_empty()).then(|| ("examination", ns(&self.examination))));
        fields.extend(self.rows_per_event.map(|rows| ("rows_per_event", n(rows))));
        fields.extend(self.steps.as_ref().map(|Steps { rows, catalogue }| {
            ("steps", object(vec![("rows", ns(rows)), ("catalogue", ns(catalogue))]))
        }));
        object(fields)
    }
}

fn steps(place: &Place<'_>) -> Steps {
    let of = |key| place.field(key).elements("an array of numbers").iter().map(|place| place.single(&STEP)).collect();
    let [rows, catalogue] = ["rows", "catalogue"].map(of);
    Steps { rows, catalogue }
}

fn catalogue(place: &Place<'_>) -> CataloguePrior {
    const EXPECTED: &str = "c^2 numbers, c from 1 to 256";
    let [mean, covariance] = ["mean", "covariance"].map(|key| place.field(key));
    let prior = CataloguePrior {
        mean: mean.singles("c numbers"),
        covariance: covariance.singles(EXPECTED),
        click: place.field("click").single(&WEIGHT),
        half: place.field("half").single(&WEIGHT),
    };
    let c = prior.mean.len();
    if !(1..=MAX_FACTORS).contains(&c) {
        mean.fault("1 to 256 numbers");
    }
    check_covariance(&covariance, &prior.covariance, c, EXPECTED);
    prior
}

/// Checks that a covariance has `width` x `width` numbers and is one.
fn check_covariance(place: &Place<'_>, covariance: &[f32], width: usize, expected: &'static str) {
    if covariance.len() != width * width {
        place.fault(expected);
    } else if !positive_semidefinite(covariance, width) {
        place.fault("the numbers of a positive semi-definite matrix");
    }
}

/// Whether the Cholesky decomposition of the symmetric part, with a little added to the diagonal for rounding, exists.
fn positive_semidefinite(covariance: &[f32], width: usize) -> bool {
    let at = |i: usize, j: usize| 0.5 * (f64::from(covariance[i * width + j]) + f64::from(covariance[j * width + i]));
    let largest = (0..width).fold(0.0, |max, i| at(i, i).max(max));
    cholesky(width, &|i, j| if i == j { at(i, i) + 1e-6 * largest + f64::MIN_POSITIVE } else { at(i, j) }).1
}

fn texts(place: &Place<'_>) -> Vec<String> {
    place.elements("an array of texts").iter().map(|place| place.text("a text").into()).collect()
}

/// A seed need not have any.
fn field_rates(place: &Place<'_>) -> Vec<FieldRate> {
    const EXPECTED: &str = "an array of at most 255 objects";
    if place.is_absent() {
        return Vec::new();
    }
    let elements = place.elements(EXPECTED);
    if elements.len() > MAX_FIELD_RATES {
        place.fault(EXPECTED);
    }
    let of = |place: &Place<'_>| FieldRate {
        field: place.field("field").text("a text").into(),
        rate: place.field("rate").single(&RATE),
        adagrad: optional_flag(&place.field("adagrad")),
    };
    elements.iter().map(of).collect()
}

/// A seed need not have any.
fn examination(place: &Place<'_>) -> Vec<f32> {
    if place.is_absent() {
        return Vec::new();
    }
    place.elements("an array of numbers").iter().map(|place| place.single(&CHANCE)).collect()
}

/// A seed need not have any.
fn rows_per_event(place: &Place<'_>) -> Option<f32> {
    (!place.is_absent()).then(|| place.single(&ROWS))
}

/// A seed need not have any.
fn field_kinds(place: &Place<'_>) -> Vec<FieldKind> {
    const EXPECTED: &str = "categorical, multi-hot or numeric";
    if place.is_absent() {
        return Vec::new();
    }
    let mut kinds: Vec<FieldKind> = Vec::new();
    for place in place.elements("an array of objects") {
        let (field, kind) = (place.field("field"), place.field("kind"));
        let name = field.text("a text");
        if kinds.iter().any(|of| of.field == name) {
            field.fault("a field that does not stand above");
        }
        let kind = match kind.text(EXPECTED) {
            CATEGORICAL => Kind::Categorical,
            MULTI_HOT => Kind::MultiHot,
            NUMERIC => Kind::Numeric(Scale {
                mean: place.field("mean").single(&FINITE),
                deviation: place.field("deviation").single(&SLOPE),
            }),
            _ => {
                kind.fault(EXPECTED);
                Kind::Categorical
            }
        };
        kinds.push(FieldKind { field: name.into(), kind });
    }
    kinds
}

fn calibration(place: &Place<'_>) -> Calibration {
    Calibration { a: place.field("a").single(&SLOPE), b: place.field("b").single(&FINITE) }
}

fn positive(place: &Place<'_>) -> Option<f32> {
    place.optional(|place| place.single(&Bounds { expected: "a number or null", ..FINITE }))
}

fn pairs(place: &Place<'_>) -> Vec<(f32, f32)> {
    let pair = |place: &Place<'_>| match place.singles(PAIR)[..] {
        [label, target] => (label, target),
        _ => {
            place.fault(PAIR);
            (0.0, 0.0)
        }
    };
    place.elements("an array of pairs of numbers").iter().map(pair).collect()
}

fn optional_flag(place: &Place<'_>) -> bool {
    !place.is_absent() && place.flag()
}
