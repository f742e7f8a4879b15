//! The event log: what was shown, with which features, scores and propensities, and what came of it, in the order in which
//! it happened. It stays on the device until somebody exports it. Replayed over the same seed it gives the very same
//! predictions, natively and in wasm; over another it says how that one would have done.
//!
//! A line of the log is one [`Record`], as JSON:
//!
//! ```json
//! {"type":"opened","format":2,"model":"films","version":1,"base":"b7e0...","profile":"8b01...","config":{"gate":2,...}}
//! {"type":"named","id":"279a8b0c2f1d6733","name":"genres=Drama"}
//! {"type":"shown","slate":1,"items":[{"item":"31","shared":[["279a8b0c2f1d6733",1,0]],"private":[],"score":0.5,"propensity":1}],"pool":[]}
//! {"type":"labelled","slate":1,"item":"31","target":1,"weight":1}
//! {"type":"undone","slate":1,"item":"31"}
//! {"type":"held","id":2,"shared":[],"private":[],"score":0.25}
//! {"type":"labelled","held":2,"target":1,"weight":1}
//! {"type":"learnt","shared":[],"private":[],"target":0,"weight":1,"score":0.25}
//! ```
//!
//! Features are `[id, value, group]` with the id as 16 hexadecimal digits and numbers already scaled. A log begins with
//! `opened`, which carries the profile as it was, so a log whose beginning was dropped can still be replayed from the next one.
//! It carries the settings of the learner as well, see [`Config::from_value`], so that a replay needs nothing else but the base.
//!
//! A slate of candidates that the page named has `"listed":true`.
//!
//! `opened` tells the format of the records that follow, which is 2. In logs of format 1 it has no number and no settings, and a
//! held prediction is labelled as the item "" of a slate.

use crate::config::Config;
use crate::error::Error;
use crate::format::base::Base;
use crate::input::feature::{Feature, FeatureId, Features};
use crate::input::value::Value;
use crate::limits::{MAX_FEATURES, MAX_NUMBER};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What a label is of: something that was shown or asked and waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An item of a slate.
    Item {
        /// The slate's id.
        slate: u64,
        /// The item's.
        item: String,
    },
    /// A held prediction, by its id.
    Held(u64),
}

/// An input as it was scored.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its features, numbers scaled.
    pub features: Features,
    /// The personal score.
    pub score: f32,
}

/// An item as it was scored for a slate.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The item.
    pub item: String,
    /// Its features and the context's, numbers scaled.
    pub features: Features,
    /// The personal score.
    pub score: f32,
    /// The probability with which it was chosen for its place; 0 for what was in the pool and not chosen.
    pub propensity: f32,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The log begins, or begins again, with a learner in this state.
    Opened {
        /// The model's name.
        model: String,
        /// The base's version.
        version: u64,
        /// The 64-bit xxh3 of the base's bytes.
        base: u64,
        /// The profile.
        profile: Vec<u8>,
        /// The learner's settings; None in logs of format 1, which do not tell them.
        config: Option<Config>,
    },
    /// What a feature is called.
    Named {
        /// The feature.
        id: FeatureId,
        /// Its name.
        name: String,
    },
    /// A slate was shown.
    Shown {
        /// Its id.
        slate: u64,
        /// From the first place to the last.
        items: Vec<Candidate>,
        /// With exploration: what else the places were drawn from.
        pool: Vec<Candidate>,
        /// Whether the caller named the candidates ([`Query::include`](crate::Query::include)), so that what is shown ranks them and not what is chosen of
        /// the whole catalogue.
        listed: bool,
    },
    /// A prediction was made and held.
    Held {
        /// Its id.
        id: u64,
        /// What was predicted.
        scored: Scored,
    },
    /// An item of a slate, or a held prediction, was labelled.
    Labelled {
        /// What was.
        subject: Subject,
        /// 1 for a click, 0 for a skip.
        target: f32,
        /// The weight that the caller gave it.
        weight: f32,
    },
    /// A label was taken back.
    Undone {
        /// What it was of.
        subject: Subject,
    },
    /// An input was learnt with its label at once.
    Learnt {
        /// As it was predicted before.
        scored: Scored,
        /// The label.
        target: f32,
        /// Its weight.
        weight: f32,
    },
    /// An input was learnt to be preferred to another.
    Preferred {
        /// The one.
        preferred: Features,
        /// The other.
        other: Features,
        /// The weight.
        weight: f32,
    },
}

impl Record {
    /// The beginning of a log: a learner over this base with this profile and these settings.
    pub fn opened(base: &Base, profile: Vec<u8>, config: &Config) -> Record {
        let (metadata, config) = (base.metadata(), Some(config.clone()));
        Record::Opened {
            model: metadata.model.clone(),
            version: metadata.version,
            base: base.digest(),
            profile,
            config,
        }
    }

    /// As JSON.
    pub fn to_value(&self) -> Value {
        let number = |x: f32| Value::Number(f64::from(x));
        let (kind, mut fields) = match self {
            Record::Opened { model, version, base, profile, config } => {
                let mut fields = vec![
                    ("model", Value::String(model.clone())),
                    ("version", Value::Number(*version as f64)),
                    ("base", id_value(FeatureId(*base))),
                    ("profile", Value::String(hex(profile))),
                ];
                if let Some(config) = config {
                    fields.insert(0, ("format", Value::Number(FORMAT)));
                    fields.push(("config", config.to_value()));
                }
                ("opened", fields)
            }
            Record::Named { id, name } => ("named", vec![("id", id_value(*id)), ("name", Value::String(name.clone()))]),
            Record::Shown { slate, items, pool, listed } => {
                let list = |items: &[Candidate]| Value::Array(items.iter().map(Candidate::to_value).collect());
                let slate = Value::Number(*slate as f64);
                let mut fields = vec![("slate", slate), ("items", list(items)), ("pool", list(pool))];
                fields.extend(listed.then_some(("listed", Value::Bool(true))));
                ("shown", fields)
            }
            Record::Held { id, scored } => {
                let mut fields = scored.fields();
                fields.insert(0, ("id", Value::Number(*id as f64)));
                ("held", fields)
            }
            Record::Labelled { subject, target, weight } => {
                let mut fields = subject.fields();
                fields.extend([("target", number(*target)), ("weight", number(*weight))]);
                ("labelled", fields)
            }
            Record::Undone { subject } => ("undone", subject.fields()),
            Record::Learnt { scored, target, weight } => {
                let mut fields = scored.fields();
                fields.extend([("target", number(*target)), ("weight", number(*weight))]);
                ("learnt", fields)
            }
            Record::Preferred { preferred, other, weight } => (
                "preferred",
                vec![
                    ("preferred", object(features_fields(preferred))),
                    ("other", object(features_fields(other))),
                    ("weight", number(*weight)),
                ],
            ),
        };
        fields.insert(0, ("type", Value::from(kind)));
        object(fields)
    }

    /// From JSON, checked as what it says was checked when it happened.
    pub fn from_value(value: &Value) -> Result<Record, Error> {
        Ok(match text(value, "type")? {
            "opened" => Record::Opened {
                model: text(value, "model")?.into(),
                version: whole(value, "version")?,
                base: id_of(field(value, "base")?)?.0,
                profile: unhex(text(value, "profile")?).ok_or(BROKEN)?,
                config: match value.field("format") {
                    None => None,
                    Some(Value::Number(FORMAT)) => Some(Config::from_value(field(value, "config")?)?),
                    Some(_) => return Err(Error::BadJson("the event log is of another format")),
                },
            },
            "named" => Record::Named { id: id_of(field(value, "id")?)?, name: text(value, "name")?.into() },
            "shown" => Record::Shown {
                slate: whole(value, "slate")?,
                items: array(value, "items")?.iter().map(Candidate::from_value).collect::<Result<_, _>>()?,
                pool: array(value, "pool")?.iter().map(Candidate::from_value).collect::<Result<_, _>>()?,
                listed: matches!(value.field("listed"), Some(Value::Bool(true))),
            },
            "held" => Record::Held { id: whole(value, "id")?, scored: Scored::from_value(value)? },
            "labelled" => Record::Labelled {
                subject: Subject::from_value(value)?,
                target: number(value, "target")?,
                weight: number(value, "weight")?,
            },
            "undone" => Record::Undone { subject: Subject::from_value(value)? },
            "learnt" => Record::Learnt {
                scored: Scored::from_value(value)?,
                target: number(value, "target")?,
                weight: number(value, "weight")?,
            },
            "preferred" => Record::Preferred {
                preferred: features_of(field(value, "preferred")?)?,
                other: features_of(field(value, "other")?)?,
                weight: number(value, "weight")?,
            },
            _ => return Err(BROKEN),
        })
    }
}

impl Subject {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        match self {
            Subject::Item { slate, item } => {
                vec![("slate", Value::Number(*slate as f64)), ("item", Value::String(item.clone()))]
            }
            Subject::Held(id) => vec![("held", Value::Number(*id as f64))],
        }
    }

    fn from_value(value: &Value) -> Result<Subject, Error> {
        if value.field("held").is_some() {
            return Ok(Subject::Held(whole(value, "held")?));
        }
        let (slate, item) = (whole(value, "slate")?, text(value, "item")?);
        // As format 1 says it.
        Ok(if item.is_empty() { Subject::Held(slate) } else { Subject::Item { slate, item: item.into() } })
    }
}

impl Candidate {
    fn to_value(&self) -> Value {
        let mut fields = features_fields(&self.features);
        fields.insert(0, ("item", Value::String(self.item.clone())));
        fields.push(("propensity", Value::Number(self.propensity.into())));
        fields.push(("score", Value::Number(self.score.into())));
        object(fields)
    }

    fn from_value(value: &Value) -> Result<Candidate, Error> {
        Ok(Candidate {
            item: Some(text(value, "item")?).filter(|item| !item.is_empty()).ok_or(BROKEN)?.into(),
            features: features_of(value)?,
            score: number(value, "score")?,
            propensity: value.field("propensity").and_then(Value::as_number).unwrap_or(1.0) as f32,
        })
    }
}

impl Scored {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let mut fields = features_fields(&self.features);
        fields.push(("score", Value::Number(self.score.into())));
        fields
    }

    fn from_value(value: &Value) -> Result<Scored, Error> {
        Ok(Scored { features: features_of(value)?, score: number(value, "score")? })
    }
}

/// The number of the log's format.
const FORMAT: f64 = 2.0;

const BROKEN: Error = Error::BadJson("a record of an event log was expected");

fn object(fields: Vec<(&str, Value)>) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (String::from(key), value)).collect())
}

fn features_fields(features: &Features) -> Vec<(&'static str, Value)> {
    let list = |features: &[Feature]| {
        let triple = |f: &Feature| {
            Value::Array(vec![id_value(f.id), Value::Number(f.value.into()), Value::Number(f.group.into())])
        };
        Value::Array(features.iter().map(triple).collect())
    };
    vec![("shared", list(features.shared())), ("private", list(features.private()))]
}

fn features_of(value: &Value) -> Result<Features, Error> {
    let list = |key| {
        let features = array(value, key)?;
        if features.len() > MAX_FEATURES {
            return Err(BROKEN);
        }
        features.iter().map(feature_of).collect::<Result<Vec<Feature>, Error>>()
    };
    Ok(Features::from_parts(list("shared")?, list("private")?))
}

fn feature_of(triple: &Value) -> Result<Feature, Error> {
    let Some([id, Value::Number(value), Value::Number(group)]) = triple.as_array() else { return Err(BROKEN) };
    if !(-MAX_NUMBER..=MAX_NUMBER).contains(value) {
        return Err(BROKEN);
    }
    Ok(Feature { id: id_of(id)?, value: *value as f32, raw: false, group: *group as u8 })
}

fn id_value(id: FeatureId) -> Value {
    Value::String(hex(&id.0.to_be_bytes()))
}

fn id_of(value: &Value) -> Result<FeatureId, Error> {
    let bytes = value.as_str().and_then(unhex).ok_or(BROKEN)?;
    Ok(FeatureId(u64::from_be_bytes(bytes.try_into().map_err(|_| BROKEN)?)))
}

fn field<'a>(value: &'a Value, key: &str) -> Result<&'a Value, Error> {
    value.field(key).ok_or(BROKEN)
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Error> {
    field(value, key)?.as_str().ok_or(BROKEN)
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], Error> {
    field(value, key)?.as_array().ok_or(BROKEN)
}

fn number(value: &Value, key: &str) -> Result<f32, Error> {
    field(value, key)?.as_number().map(|x| x as f32).ok_or(BROKEN)
}

fn whole(value: &Value, key: &str) -> Result<u64, Error> {
    let number = field(value, key)?.as_number().filter(|x| (0.0..=9_007_199_254_740_991.0).contains(x));
    number.map(|x| x as u64).ok_or(BROKEN)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |x: u8| char::from(DIGITS[usize::from(x)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |x: u8| char::from(x).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| Some((digit(*high)? << 4 | digit(*low)?) as u8);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
