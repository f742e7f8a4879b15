//! A seed of a model that another program trained.

use crate::args::{finite, named};
use crate::files::{ensure_outputs, write_whole};
use anyhow::Result;
use brooklet_core::Loss;
use brooklet_train::import::{Imported, LibFm, import};
use serde::Serialize;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet import --libfm model.txt --features names.txt --label rating --time timestamp --out seed.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
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
    /// Column of the label in events that the seed is to be judged on.
    #[arg(long, default_value = "label", value_name = "COLUMN")]
    label: String,
    /// Column of the time in them; without it the order of a file is the order of time.
    #[arg(long, value_name = "COLUMN")]
    time: Option<String>,
    /// Further fields that are private, as the user is. Their rows are dropped.
    #[arg(long, value_delimiter = ',', value_name = "FIELDS")]
    private: Vec<String>,
    /// What libFM minimised: logistic is its `-task c`, squared its `-task r`.
    #[arg(long, default_value = "logistic", value_parser = named(Loss::ALL, Loss::as_str, told))]
    loss: Loss,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL", value_parser = finite)]
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
    ensure_outputs(&[("--out", Some(&args.out))], [args.libfm.clone(), args.features.clone()])?;
    let imported = import(&LibFm {
        model: args.libfm.clone(),
        features: args.features.clone(),
        user: args.user.clone(),
        item: args.item.clone(),
        label: args.label.clone(),
        time: args.time.clone(),
        private: args.private.clone(),
        loss: args.loss,
        positive: args.positive,
        name: args.model.clone(),
        keep_users: args.keep_users,
    })?;
    let Imported { bytes, rows, factors, prior_users } = imported;
    write_whole(&args.out, &bytes)?;
    let report = Report { rows, factors, prior_users, bytes: bytes.len(), out: args.out.clone() };
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
