use crate::files::write_whole;
use crate::libfm;
use crate::names::named;
use crate::seed::{moments, object, prior};
use crate::tune::Settings;
use anyhow::{Context, Result, ensure};
use brooklet_core::{FeatureId, Labels, Loss, Metadata, Precision, Prior, Rows, Schema, Thresholds, Value, write_base};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A model as libFM saves it (-save_model): text, with the sections W0, Wj and Vj,f.
    #[arg(long, value_name = "MODEL")]
    libfm: PathBuf,
    /// What each column of libFM's data was, from column 0 on, a name a line: `user=7`, `genres=Drama`, `price`.
    #[arg(long, value_name = "NAMES")]
    features: PathBuf,
    /// Where to write the seed.
    #[arg(long)]
    out: PathBuf,
    /// Field that names the user. Its rows are dropped; their mean and covariance are what a new visitor starts with.
    #[arg(long, default_value = "user", value_name = "FIELD")]
    user: String,
    /// Field that names the item.
    #[arg(long, default_value = "item", value_name = "FIELD")]
    item: String,
    /// Further fields that are private, as the user is. Their rows are dropped.
    #[arg(long, value_delimiter = ',', value_name = "FIELDS")]
    private: Vec<String>,
    /// What libFM minimised: logistic is its `-task c`, squared its `-task r`.
    #[arg(long, default_value = "logistic", value_parser = named(Loss::ALL, Loss::as_str, told))]
    loss: Loss,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL")]
    positive: Option<f32>,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    model: String,
    /// Keep users' rows in the file, for `brooklet eval`. Such a file must not be shipped.
    #[arg(long)]
    keep_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

fn told(loss: Loss) -> &'static str {
    match loss {
        Loss::Logistic => "The log-odds of a click",
        Loss::Squared => "The label itself",
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    /// Rows of the seed.
    rows: usize,
    factors: usize,
    /// Users that the prior is from; with none, it is the default one.
    prior_users: usize,
    bytes: usize,
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let model = libfm::read(&args.libfm, &args.features)?;
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
        "{} names no feature of the field `{}`: say with --item which field names the item",
        args.features.display(),
        args.item
    );
    let settings = Settings::default();
    let prior_users = user_rows.len() / width;
    let prior = match prior_users {
        0 => default_prior(&rows.rows, width),
        _ => prior(moments(&user_rows, width), settings.scale),
    };
    let metadata = Metadata {
        model: args.model.clone(),
        version: 1,
        factors: model.factors,
        loss: args.loss,
        w0: model.w0,
        schema: Schema {
            visitor: args.user.clone(),
            item: args.item.clone(),
            private: args.private.clone(),
            fields: fields.clone(),
            rates: Vec::new(),
        },
        rates: settings.rates,
        prior,
        calibration: settings.calibration,
        thresholds: Thresholds::default(),
        labels: Labels { positive: args.positive, map: Vec::new() },
        private_rows: args.keep_users,
        training: provenance(args),
    };
    let bytes = write_base(&metadata, &rows, Precision::F16)
        .with_context(|| format!("{} cannot be written as a seed", args.libfm.display()))?;
    write_whole(&args.out, &bytes)?;
    let report =
        Report { rows: rows.ids.len(), factors: model.factors, prior_users, bytes: bytes.len(), out: args.out.clone() };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        let Report { rows, factors, bytes, .. } = report;
        println!("{rows} rows of 1 + {factors} numbers, {bytes} bytes in {}", args.out.display());
        match prior_users {
            0 => println!("no feature of the field `{}`: a new visitor starts with the default prior", args.user),
            _ => println!("a new visitor starts with the mean and covariance of {prior_users} users"),
        }
    }
    Ok(())
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
fn provenance(args: &Args) -> Value {
    let text = |text: &str| Value::from(text);
    let columns =
        [("user", text(&args.user)), ("item", text(&args.item)), ("label", text("label")), ("time", Value::Null)];
    object([
        ("command", text(concat!("brooklet ", env!("CARGO_PKG_VERSION"), " import"))),
        ("libfm", Value::String(args.libfm.display().to_string())),
        ("columns", object(columns)),
    ])
}
