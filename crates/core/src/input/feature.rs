//! Features by name: from nested key-value input to ids and numbers. A feature is a field's dotted path and a value, `genres=Drama`,
//! and its id is the 64-bit xxh3 hash of that name, so a site need not keep a list of what there is.

use crate::error::Error;
use crate::input::kind::{Kind, Scale};
use crate::input::schema::Schema;
use crate::input::value::{Value, decimal};
use crate::limits::{MAX_DEPTH, MAX_FEATURES, MAX_NUMBER};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

const NO_NUMBER: &str = "must be a number of at most a million in magnitude";
const NOT_NUMERIC: &str = "must be a number or the text of one: the model knows the field as numeric";
const NOT_A_CATEGORY: &str = "must be a text, a number or a boolean: the model knows the field as categories";
const NOT_ONE: &str = "must be one category: the model knows the field as categorical";
const LONG_NUMBER: &str = "has too many digits for a category: give it as a text";
const NO_ELEMENT: &str = "must be an array of strings or whole numbers";
const TOO_MANY: &str = "is one feature too many: an input has at most 1024";

/// The identity of a feature: the 64-bit xxh3 of its name, stable across versions and languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureId(pub u64);

impl FeatureId {
    /// The id of a feature's name: `genres=Drama` for a category, `age` for a number or a flag.
    pub fn named(name: &str) -> FeatureId {
        FeatureId(xxhash_rust::xxh3::xxh3_64(name.as_bytes()))
    }
}

/// One active feature: x_i of the factorization machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Feature {
    /// Which row.
    pub id: FeatureId,
    /// Its value: 1 for a category or a flag.
    pub value: f32,
    /// A number as it was given, to be scaled online before it is used.
    pub(crate) raw: bool,
    /// Which of the schema's own rates the row learns at: its place plus one, or 0 for the general rate.
    pub(crate) group: u8,
}

/// The active features of one input, checked: finite values, no id twice, sorted by id, so that the order in which
/// they were named changes no bit of any sum. A copy shares them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Features {
    /// The shared ones, then the private ones.
    all: Arc<[Feature]>,
    shared: usize,
    /// Whether a number among them is still to be scaled.
    raw: bool,
}

/// A feature that was named once, to be used again without its name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    feature: Feature,
    private: bool,
    /// Of a number whose scale the schema knows.
    scale: Option<Scale>,
}

impl Features {
    /// Starts naming features under `schema`.
    pub fn builder(schema: &Schema) -> FeaturesBuilder<'_> {
        let (shared, private) = (Vec::new(), Vec::new());
        FeaturesBuilder { schema, path: String::new(), lengths: Vec::new(), shared, private, names: None }
    }

    /// Names the features of an object: strings are categories, numbers numeric, booleans on or off, arrays multi-hot,
    /// objects a dotted path; null is absent.
    ///
    /// ```
    /// use brooklet_core::{FeatureId, Features, Schema, Value};
    ///
    /// let input = Value::parse(r#"{"item": "31", "genres": ["Drama", "War"], "device": {"kind": "phone"}}"#)?;
    /// let features = Features::from_value(&Schema::new("user", "item"), &input)?;
    /// let mut ids = ["item=31", "genres=Drama", "genres=War", "device.kind=phone"].map(FeatureId::named);
    /// ids.sort();
    /// assert!(features.shared().iter().map(|feature| feature.id).eq(ids));
    /// # Ok::<(), brooklet_core::Error>(())
    /// ```
    pub fn from_value(schema: &Schema, value: &Value) -> Result<Features, Error> {
        let mut builder = Features::builder(schema);
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    builder.value(key, value)?;
                }
            }
            Value::Null => {}
            _ => {
                return Err(Error::BadValue { path: String::new(), why: "must be an object" });
            }
        }
        Ok(builder.finish())
    }

    /// Features that were named before, each with its number: one of a numeric feature is what its name was given, one of
    /// any other is ignored.
    pub fn of_known(known: impl IntoIterator<Item = (Known, f64)>) -> Result<Features, Error> {
        let (mut shared, mut private) = (Vec::with_capacity(16), Vec::new());
        for (Known { mut feature, private: is_private, scale }, number) in known {
            if feature.raw || scale.is_some() {
                let number = checked(number).ok_or(Error::BadValue { path: String::new(), why: NO_NUMBER })?;
                feature.value = scale.map_or(number, |scale| scale.apply(number));
            }
            insert(if is_private { &mut private } else { &mut shared }, feature);
        }
        if shared.len() + private.len() > MAX_FEATURES {
            return Err(Error::BadValue { path: String::new(), why: TOO_MANY });
        }
        Ok(Features::of_sorted(shared, &private))
    }

    /// Features whose rows are shared between visitors.
    pub fn shared(&self) -> &[Feature] {
        &self.all[..self.shared]
    }

    /// Features whose rows never leave the device (the visitor's own row is not among them: it is always active).
    pub fn private(&self) -> &[Feature] {
        &self.all[self.shared..]
    }

    /// How many features are active.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The features of both, as of a context and an item. A feature of both counts once, with the larger value.
    pub fn union(&self, other: &Features) -> Features {
        let mut shared = Vec::with_capacity(self.len() + other.len());
        shared.extend_from_slice(self.shared());
        let mut private = self.private().to_vec();
        other.shared().iter().for_each(|feature| insert(&mut shared, *feature));
        other.private().iter().for_each(|feature| insert(&mut private, *feature));
        Features::of_sorted(shared, &private)
    }

    /// The same features, of which none is shared.
    pub(crate) fn hidden(&self) -> Features {
        Features::from_parts(Vec::new(), self.all.to_vec())
    }

    /// Whether a number among them is still to be scaled.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw
    }

    /// All of them.
    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Feature> {
        self.all.iter()
    }

    /// The same features with other values.
    pub(crate) fn map(&self, change: impl Fn(&Feature) -> Feature) -> Features {
        let all: Arc<[Feature]> = self.all.iter().map(change).collect();
        let raw = all.iter().any(|feature| feature.raw);
        Features { all, shared: self.shared, raw }
    }

    pub(crate) fn from_parts(shared: Vec<Feature>, private: Vec<Feature>) -> Features {
        Features::of_sorted(canonical(shared), &canonical(private))
    }

    fn of_sorted(mut all: Vec<Feature>, private: &[Feature]) -> Features {
        let shared = all.len();
        all.extend_from_slice(private);
        let raw = all.iter().any(|feature| feature.raw);
        Features { all: all.into(), shared, raw }
    }
}

/// Names features one at a time, without building a tree first. Every method leaves the builder as it was on an error.
#[derive(Debug)]
pub struct FeaturesBuilder<'a> {
    schema: &'a Schema,
    /// The dotted path of the objects that were entered, each followed by a dot; the name being built is appended.
    path: String,
    /// Length of `path` before each object that was entered.
    lengths: Vec<usize>,
    shared: Vec<Feature>,
    private: Vec<Feature>,
    /// The names, if they are kept.
    names: Option<Vec<(FeatureId, String)>>,
}

impl FeaturesBuilder<'_> {
    /// Keeps the names beside the ids, for people to read: [`FeaturesBuilder::finish_named`] hands them out.
    pub fn keep_names(mut self) -> Self {
        self.names = Some(Vec::new());
        self
    }

    /// Enters the object `key`: names that follow are `key.name`.
    pub fn enter(&mut self, key: &str) -> Result<(), Error> {
        if self.lengths.len() == MAX_DEPTH {
            return Err(self.bad(key, "is nested too deeply"));
        }
        if let Some(kind) = self.kind(key) {
            return Err(self.bad(key, if matches!(kind, Kind::Numeric(_)) { NOT_NUMERIC } else { NOT_A_CATEGORY }));
        }
        self.lengths.push(self.path.len());
        self.path.push_str(key);
        self.path.push('.');
        Ok(())
    }

    /// Leaves the object entered last.
    pub fn leave(&mut self) {
        if let Some(length) = self.lengths.pop() {
            self.path.truncate(length);
        }
    }

    /// A category: the feature `key=value`, at 1. Of a numeric field it is the text of a number.
    pub fn text(&mut self, key: &str, value: &str) -> Result<(), Error> {
        match self.kind(key) {
            Some(Kind::Numeric(_)) => match Value::parse(value) {
                Ok(Value::Number(x)) => self.number(key, x),
                _ => Err(self.bad(key, NOT_NUMERIC)),
            },
            _ => self.category(key, value),
        }
    }

    /// A number: the feature `key`, scaled by the schema, or online by the mean and deviation of what this learner has learnt from. Of a
    /// field of categories it is the category that is its shortest decimal text.
    pub fn number(&mut self, key: &str, value: f64) -> Result<(), Error> {
        match self.kind(key) {
            Some(Kind::Categorical | Kind::MultiHot) => match decimal(value) {
                Some(text) => self.category(key, &text),
                None => Err(self.bad(key, LONG_NUMBER)),
            },
            kind => match (checked(value), kind) {
                (Some(value), Some(Kind::Numeric(scale))) => self.add(key, scale.apply(value), false, |_| {}),
                (Some(value), _) => self.add(key, value, true, |_| {}),
                (None, _) => Err(self.bad(key, NO_NUMBER)),
            },
        }
    }

    /// A boolean: the feature `key` at 1 if on, absent if off. Of a field of categories it is `true` or `false`.
    pub fn flag(&mut self, key: &str, on: bool) -> Result<(), Error> {
        match self.kind(key) {
            None if on => self.add(key, 1.0, false, |_| {}),
            None => Ok(()),
            Some(Kind::Numeric(_)) => Err(self.bad(key, NOT_NUMERIC)),
            Some(_) => self.category(key, if on { "true" } else { "false" }),
        }
    }

    /// Any value under `key`, read as the kind of its field where the schema knows it.
    pub fn value(&mut self, key: &str, value: &Value) -> Result<(), Error> {
        match value {
            Value::Null => Ok(()),
            Value::Bool(on) => self.flag(key, *on),
            Value::Number(x) => self.number(key, *x),
            Value::String(s) => self.text(key, s),
            Value::Array(elements) => self.elements(key, elements),
            Value::Object(fields) => {
                self.enter(key)?;
                let result = fields.iter().try_for_each(|(key, value)| self.value(key, value));
                self.leave();
                result
            }
        }
    }

    /// The elements of an array: categories. Numbers among them are whole, unless the schema knows the field.
    fn elements(&mut self, key: &str, elements: &[Value]) -> Result<(), Error> {
        let kind = self.kind(key);
        match kind {
            Some(Kind::Numeric(_)) => return Err(self.bad(key, NOT_NUMERIC)),
            Some(Kind::Categorical) if elements.iter().filter(|element| **element != Value::Null).count() > 1 => {
                return Err(self.bad(key, NOT_ONE));
            }
            _ => {}
        }
        elements.iter().try_for_each(|element| match element {
            Value::Null => Ok(()),
            Value::String(s) => self.category(key, s),
            Value::Number(x) => match decimal(*x).filter(|_| kind.is_some() || *x as i64 as f64 == *x) {
                Some(text) => self.category(key, &text),
                None => Err(self.bad(key, if kind.is_some() { LONG_NUMBER } else { NO_ELEMENT })),
            },
            _ => Err(self.bad(key, NO_ELEMENT)),
        })
    }

    /// What a feature that was named by one of these methods is known by from now on; None if nothing was named, as nothing is by
    /// the visitor's own field.
    pub fn finish_known(self, key: &str) -> (Option<Known>, Vec<(FeatureId, String)>) {
        let scale = match self.schema.kind(key) {
            Some(Kind::Numeric(scale)) => Some(scale),
            _ => None,
        };
        let private = !self.private.is_empty();
        let (features, names) = self.finish_named();
        (features.iter().next().map(|feature| Known { feature: *feature, private, scale }), names)
    }

    /// The features, in canonical order.
    pub fn finish(self) -> Features {
        Features::from_parts(self.shared, self.private)
    }

    /// The features, and the names that were kept.
    pub fn finish_named(mut self) -> (Features, Vec<(FeatureId, String)>) {
        let names = self.names.take().unwrap_or_default();
        (self.finish(), names)
    }

    /// The feature `key=value`, at 1.
    fn category(&mut self, key: &str, value: &str) -> Result<(), Error> {
        self.add(key, 1.0, false, |name| {
            name.push('=');
            name.push_str(value);
        })
    }

    /// What the schema says that the values under `key` are.
    fn kind(&mut self, key: &str) -> Option<Kind> {
        let length = self.path.len();
        self.path.push_str(key);
        let kind = self.schema.kind(&self.path);
        self.path.truncate(length);
        kind
    }

    fn add(&mut self, key: &str, value: f32, raw: bool, suffix: impl FnOnce(&mut String)) -> Result<(), Error> {
        if self.shared.len() + self.private.len() == MAX_FEATURES {
            return Err(self.bad(key, TOO_MANY));
        }
        let length = self.path.len();
        self.path.push_str(key);
        // The visitor's id names the visitor row, which is always active.
        if self.path != self.schema.visitor {
            let private = self.schema.is_private(&self.path);
            let group = self.schema.group(&self.path);
            suffix(&mut self.path);
            let feature = Feature { id: FeatureId::named(&self.path), value, raw, group };
            if let Some(names) = &mut self.names {
                names.push((feature.id, self.path.clone()));
            }
            if private { self.private.push(feature) } else { self.shared.push(feature) }
        }
        self.path.truncate(length);
        Ok(())
    }

    fn bad(&self, key: &str, why: &'static str) -> Error {
        let mut path = self.path.clone();
        path.push_str(key);
        Error::BadValue { path, why }
    }
}

fn checked(number: f64) -> Option<f32> {
    (-MAX_NUMBER..=MAX_NUMBER).contains(&number).then_some(number as f32)
}

/// Sorts by id and keeps the larger value where an id stands twice (`tags: ["a", "a"]`). There are few.
fn canonical(features: Vec<Feature>) -> Vec<Feature> {
    let mut sorted = Vec::with_capacity(features.len());
    features.into_iter().for_each(|feature| insert(&mut sorted, feature));
    sorted
}

fn insert(sorted: &mut Vec<Feature>, feature: Feature) {
    sorted.push(feature);
    let mut at = sorted.len() - 1;
    while at > 0 && sorted[at - 1].id > feature.id {
        sorted.swap(at - 1, at);
        at -= 1;
    }
    if at > 0 && sorted[at - 1].id == feature.id {
        let larger = feature.value.total_cmp(&sorted[at - 1].value).is_gt();
        sorted.remove(if larger { at - 1 } else { at });
    }
}
