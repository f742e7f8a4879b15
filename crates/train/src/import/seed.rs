//! A seed of a model that libFM trained.

use super::libfm;
use crate::error::{Context, Result};
use crate::seed::{moments, object, prior};
use crate::training::Settings;
use brooklet_core::{FeatureId, Labels, Loss, Metadata, Precision, Prior, Rows, Schema, Value, encode_base};
use std::path::PathBuf;

/// A model of libFM, and what its columns mean.
#[derive(Debug, Clone)]
pub struct LibFm {
    /// The model as libFM saves it (-save_model): text, with the sections W0, Wj and Vj,f.
    pub model: PathBuf,
    /// What each column of libFM's data was, from column 0 on, a name a line: `user=7`, `genres=Drama`, `price`.
    pub features: PathBuf,
    /// Field that names the user. Its rows are dropped; their mean and covariance are what a new visitor starts with.
    pub user: String,
    /// Field that names the item.
    pub item: String,
    /// What events to judge it on call their label.
    pub label: String,
    /// Their time, if they have one.
    pub time: Option<String>,
    /// Further fields that are private, as the user is. Their rows are dropped.
    pub private: Vec<String>,
    /// What libFM minimised: logistic is its `-task c`, squared its `-task r`.
    pub loss: Loss,
    /// A label of at least this is a click.
    pub positive: Option<f32>,
    /// Name of the model.
    pub name: String,
    /// Keep users' rows in the seed, to score their events. Such a seed must not be shipped.
    pub keep_users: bool,
}

/// The seed, and what it is of.
#[derive(Debug)]
pub struct Imported {
    /// The seed.
    pub bytes: Vec<u8>,
    /// Rows of it.
    pub rows: usize,
    /// Factors of a row.
    pub factors: usize,
    /// Users that the prior is from; with none, it is the default one.
    pub prior_users: usize,
}

/// Makes a seed of a model that libFM (Rendle 2012) trained.
pub fn import(args: &LibFm) -> Result<Imported> {
    let model = libfm::read(&args.model, &args.features)?;
    let width = 1 + model.factors;
    let field = |name: &str| name.split_once('=').map_or(name, |(field, _)| field).to_owned();
    let user_rows: Vec<f32> =
        model.rows().filter(|(name, _)| field(name) == args.user).flat_map(|(_, row)| row.to_vec()).collect();
    let mut rows = Rows { names: Some(Vec::new()), ..Rows::default() };
    let mut fields = Vec::new();
    for (name, row) in model.rows() {
        let field = field(name);
        let private = field == args.user || args.private.contains(&field);
        if !private && !fields.contains(&field) {
            fields.push(field);
        }
        if !private || args.keep_users {
            rows.ids.push(FeatureId::named(name));
            rows.rows.extend_from_slice(row);
            rows.names.get_or_insert_default().push(name.to_owned());
        }
    }
    ensure!(
        fields.contains(&args.item),
        Input,
        "{} names no feature of the field `{}`: say with --item which field names the item",
        args.features.display(),
        args.item
    );
    if let Some(other) = fields.iter().find(|field| *field != &args.user && field.eq_ignore_ascii_case(&args.user)) {
        bail!(
            Input,
            "{} has features of `{other}`, and the user's field is `{}`: name the users' with --user, so that their rows are dropped",
            args.features.display(),
            args.user
        );
    }
    let settings = Settings::default();
    let prior_users = user_rows.len() / width;
    let prior = match prior_users {
        0 => default_prior(&rows.rows, width),
        _ => prior(moments(&user_rows, width), settings.scale),
    };
    let schema =
        Schema { private: args.private.clone(), fields: fields.clone(), ..Schema::new(&args.user, &args.item) };
    let metadata = Metadata {
        loss: args.loss,
        w0: model.w0,
        calibration: settings.calibration,
        labels: Labels { positive: args.positive, map: Vec::new() },
        private_rows: args.keep_users,
        training: provenance(args),
        ..Metadata::new(&args.name, schema, settings.rates, prior)
    };
    let bytes = encode_base(&metadata, &rows, Precision::F16)
        .with_context(|| format!("{} cannot be written as a seed", args.model.display()))?;
    Ok(Imported { bytes, rows: rows.ids.len(), factors: model.factors, prior_users })
}

/// Of a model without users: a visitor of no weight and no taste, who may come to differ in weight by 1, and in each factor as
/// much as the model's rows do.
fn default_prior(rows: &[f32], width: usize) -> Prior {
    let n = (rows.len() / width).max(1) as f32;
    let mut covariance = vec![0.0; width * width];
    covariance[0] = 1.0;
    for f in 1..width {
        covariance[f * width + f] = rows.iter().skip(f).step_by(width).map(|v| v * v).sum::<f32>() / n;
    }
    Prior { mean: vec![0.0; width], covariance, scale: 1.0 }
}

/// What `replay` and `eval` look for: the columns of events, by the names of their roles.
fn provenance(args: &LibFm) -> Value {
    let text = |text: &str| Value::from(text);
    let time = args.time.as_deref().map_or(Value::Null, Value::from);
    let columns =
        [("user", text(&args.user)), ("item", text(&args.item)), ("label", text(&args.label)), ("time", time)];
    object([
        ("command", text(concat!("brooklet ", env!("CARGO_PKG_VERSION"), " import"))),
        ("libfm", Value::String(args.model.display().to_string())),
        ("columns", object(columns)),
    ])
}
