//! A seed as the command makes it and finds it again: rows, metadata, and where they came from.

use crate::dataset::Dataset;
use crate::input::{Columns, LabelRule, Reading, SideTable, Store};
use crate::trainer::{Model, Visitor};
use crate::error::{Context, Error, Result};
use brooklet_core::{
    BASE_FORMAT, Base, Evidence, FeatureId, Loss, Metadata, Precision, Prior, Rows, Value, write_base,
};
use std::path::{Path, PathBuf};

/// Where the data of a seed are, as its metadata record it, so that `eval` and `replay` need not be told again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sources {
    /// As a person calls them.
    pub(crate) events: String,
    pub(crate) items: Option<PathBuf>,
    pub(crate) users: Option<PathBuf>,
    pub(crate) item_fields: Vec<String>,
    pub(crate) user_fields: Vec<String>,
    pub(crate) columns: Columns,
}

impl Sources {
    /// The same with the files of items and users where a person says that they are now.
    pub(crate) fn moved(self, items: &Option<PathBuf>, users: &Option<PathBuf>) -> Sources {
        Sources { items: items.clone().or(self.items), users: users.clone().or(self.users), ..self }
    }

    /// Everything: the events, the users' fields, the items'. Small files come first, for what is wrong with them is said at
    /// once. Without a file of items the events themselves are to tell the fields, as event logs do.
    pub(crate) fn read<'a>(&'a self, mut reading: Reading<'a>) -> Result<(Store, SideTable, SideTable)> {
        let users = self.read_users()?;
        if self.items.is_some() {
            let items = self.read_items()?;
            return Ok((reading.read()?, users, items));
        }
        reading.item_fields = &self.item_fields;
        let store = reading.read()?;
        let items = store.summary().item_fields.clone();
        Ok((store, users, items))
    }

    /// The file of the items' fields, read; empty if the model has none.
    pub(crate) fn read_items(&self) -> Result<SideTable> {
        let (key, fields) = (&self.columns.item, &self.item_fields);
        read_side(self.items.as_deref(), key, "--item", fields, "--item-fields", "--items")
    }

    /// The same of the users'.
    pub(crate) fn read_users(&self) -> Result<SideTable> {
        let (key, fields) = (&self.columns.user, &self.user_fields);
        read_side(self.users.as_deref(), key, "--user", fields, "--user-fields", "--users")
    }

    pub(crate) fn to_fields(&self) -> Vec<(&'static str, Value)> {
        let path = |path: &Path| Value::String(path.display().to_string());
        let optional = |value: Option<Value>| value.unwrap_or(Value::Null);
        let texts = |texts: &[String]| Value::Array(texts.iter().map(|text| Value::from(text.as_str())).collect());
        let Columns { user, item, label, time, weight } = &self.columns;
        let mut columns = vec![
            ("user", Value::from(user.as_str())),
            ("item", Value::from(item.as_str())),
            ("label", Value::from(label.as_str())),
            ("time", optional(time.as_deref().map(Value::from))),
        ];
        columns.extend(weight.as_deref().map(|weight| ("weight", Value::from(weight))));
        vec![
            ("events", Value::from(self.events.as_str())),
            ("items", optional(self.items.as_deref().map(path))),
            ("users", optional(self.users.as_deref().map(path))),
            ("item_fields", texts(&self.item_fields)),
            ("user_fields", texts(&self.user_fields)),
            ("columns", Value::Object(columns.into_iter().map(|(role, column)| (role.to_owned(), column)).collect())),
        ]
    }

    /// Reads what [`Sources::to_fields`] recorded.
    pub(crate) fn of(metadata: &Metadata) -> Result<Sources> {
        let training = &metadata.training;
        let missing =
            || Error::Seed("the seed does not say which columns it was trained on: its metadata need `training.columns`".into());
        let text = |value: &Value, key: &str| value.field(key).and_then(Value::as_str).map(str::to_owned);
        let texts = |key: &str| -> Vec<String> {
            let values = training.field(key).and_then(Value::as_array).unwrap_or_default();
            values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let columns = training.field("columns").ok_or_else(missing)?;
        let role = |key: &str| text(columns, key).ok_or_else(missing);
        Ok(Sources {
            // A seed from elsewhere has none.
            events: text(training, "events").unwrap_or_default(),
            items: text(training, "items").map(PathBuf::from),
            users: text(training, "users").map(PathBuf::from),
            item_fields: texts("item_fields"),
            user_fields: texts("user_fields"),
            columns: Columns {
                user: role("user")?,
                item: role("item")?,
                label: role("label")?,
                time: text(columns, "time"),
                // Who is judged counts as one event whatever it weighed in training.
                weight: None,
            },
        })
    }
}

fn read_side(
    path: Option<&Path>,
    key: &str,
    key_flag: &str,
    fields: &[String],
    fields_flag: &str,
    path_flag: &str,
) -> Result<SideTable> {
    if fields.is_empty() {
        return Ok(SideTable::default());
    }
    let Some(path) = path else {
        bail!(Setting, "{fields_flag} names {}, but no file has them: name it with {path_flag}", fields.join(", "));
    };
    if !path.exists() {
        bail!(
            Setting,
            "there is no file {}, which holds the fields {}: name where it is with {path_flag}",
            path.display(),
            fields.join(", ")
        );
    }
    SideTable::read(path, key, key_flag, fields, fields_flag)
}

/// A seed file, opened.
pub(crate) fn open(path: &Path) -> Result<Base> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read the seed {}", path.display()))?;
    if let Some(format) = format(&bytes).filter(|format| *format > BASE_FORMAT) {
        bail!(
            Seed,
            "{} is a seed of format {format}, made by a newer brooklet; this one ({}) reads format {BASE_FORMAT}: update it",
            path.display(),
            env!("CARGO_PKG_VERSION")
        );
    }
    Base::read(bytes).with_context(|| format!("{} is not a seed, as `brooklet train` writes one", path.display()))
}

/// The format that a file says it has, if it is a seed at all.
fn format(bytes: &[u8]) -> Option<u64> {
    let length = usize::try_from(u64::from_le_bytes(*bytes.first_chunk::<8>()?)).ok()?;
    let header: serde_json::Value = serde_json::from_slice(bytes.get(8..)?.get(..length)?).ok()?;
    let metadata: serde_json::Value = serde_json::from_str(header["__metadata__"]["brooklet"].as_str()?).ok()?;
    metadata["format"].as_u64()
}

/// The rule that turns labels into targets and clicks, as the seed records it.
pub(crate) fn rule(metadata: &Metadata) -> LabelRule {
    LabelRule::of(metadata.loss, &metadata.labels)
}

pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// A category of the users' fields that fewer of them have would say something of single people.
const LEAST_PEOPLE: usize = 20;

/// The blob of a trained model. Rows of users, and of what few of them have in common, are left out unless the metadata say
/// otherwise. `events` are how many each row was learnt from, if the blob is to say so.
pub(crate) fn encode(
    metadata: &Metadata,
    model: &Model,
    dataset: &Dataset,
    events: Option<&[u32]>,
    precision: Precision,
) -> Result<Vec<u8>> {
    let mut rows = Rows { names: Some(Vec::new()), evidence: events.map(|_| Vec::new()), ..Rows::default() };
    let curvature = if metadata.loss == Loss::Squared { 1.0 } else { LOGISTIC_CURVATURE };
    for (row, &people) in dataset.people().iter().enumerate() {
        if !metadata.private_rows && people < LEAST_PEOPLE {
            continue;
        }
        let name = dataset.name(row);
        rows.ids.push(FeatureId::named(&name));
        rows.rows.extend_from_slice(model.row(row));
        rows.names.get_or_insert_default().push(name);
        if let (Some(evidence), Some(events)) = (&mut rows.evidence, events) {
            evidence.push(Evidence::of(curvature * f64::from(events[row])));
        }
    }
    write_base(metadata, &rows, precision).context("the model cannot be written")
}

/// The mean curvature of the logistic loss: what p (1 - p) comes to where a fifth to a third are clicks, and scores tell them apart.
const LOGISTIC_CURVATURE: f64 = 0.15;

/// Mean and covariance of the users' own rows, over users with at least `least` events.
pub(crate) fn visitor(model: &Model, events: &[u32], least: u32) -> (Visitor, usize) {
    let width = 1 + model.factors();
    let people: Vec<u32> = (0..events.len() as u32).filter(|&user| events[user as usize] >= least).collect();
    let mut rows = vec![0.0f32; people.len() * width];
    for (&user, row) in people.iter().zip(rows.chunks_exact_mut(width)) {
        row.copy_from_slice(&model.row(user as usize)[..width]);
    }
    (moments(&rows, width), people.len())
}

/// Mean and covariance of rows.
pub(crate) fn moments(rows: &[f32], width: usize) -> Visitor {
    let n = (rows.len() / width).max(1) as f64;
    let mut mean = vec![0.0f64; width];
    for row in rows.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / n);
    }
    let mut covariance = vec![0.0f64; width * width];
    for row in rows.chunks_exact(width) {
        for i in 0..width {
            for j in 0..width {
                covariance[i * width + j] += (f64::from(row[i]) - mean[i]) * (f64::from(row[j]) - mean[j]) / n;
            }
        }
    }
    Visitor { mean, covariance }
}

/// The prior of a new visitor, as a seed holds it.
pub(crate) fn prior(visitor: Visitor, scale: f32) -> Prior {
    let Visitor { mean, mut covariance } = visitor;
    for variance in covariance.iter_mut().step_by(mean.len() + 1) {
        // Of a handful of users some direction may show no variance at all; a visitor may still differ in it.
        *variance += VARIANCE_FLOOR;
    }
    let narrow = |xs: Vec<f64>| xs.into_iter().map(|x| x as f32).collect();
    Prior { mean: narrow(mean), covariance: narrow(covariance), scale }
}

/// Added to every variance of the prior.
const VARIANCE_FLOOR: f64 = 1e-4;
