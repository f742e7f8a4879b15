use crate::holdout::{HoldOut, Split, TUNE_EVENTS};
use crate::input::EventArgs;
use crate::job::{Figures, Job};
use crate::method::MethodArgs;
use crate::seed::encode;
use crate::trainer::Epochs;
use crate::tune::Report as Tuning;
use anyhow::{Context, Result};
use brooklet_core::Precision;
use clap::ValueEnum;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) events: EventArgs,
    /// Where to write the seed.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// CSV or TSV file of items, with the columns of --item-fields. Event logs tell them without one.
    #[arg(long)]
    pub(crate) items: Option<PathBuf>,
    /// Columns of --items that become features; a `|` inside a cell separates several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) item_fields: Vec<String>,
    /// CSV or TSV file of users, with the columns of --user-fields.
    #[arg(long)]
    pub(crate) users: Option<PathBuf>,
    /// Columns of --users that become features. They are private, as the user is.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) user_fields: Vec<String>,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL")]
    pub(crate) positive: Option<f32>,
    /// Graded targets for the logistic loss, as in 1=.05,2=.15,3=.35,4=.7,5=.9.
    #[arg(long, value_name = "LABEL=TARGET,..")]
    pub(crate) label_map: Option<String>,
    /// Factors of a row.
    #[arg(long, default_value_t = 16)]
    pub(crate) factors: usize,
    /// Add so many skips for every event, of items that the user has not met: for data that hold clicks alone.
    #[arg(long, default_value_t = 0, value_name = "SKIPS")]
    pub(crate) negatives: usize,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    /// Passes over the events; without it, as many as help on validation.
    #[arg(long)]
    pub(crate) epochs: Option<usize>,
    /// What validation is on.
    #[arg(long, value_enum, default_value = "random")]
    holdout: HoldOut,
    /// How factors are stored.
    #[arg(long, value_enum, default_value = "f16")]
    precision: PrecisionName,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    pub(crate) model: String,
    /// Keep users' rows in the file, for `brooklet eval`. Such a file must not be shipped.
    #[arg(long)]
    pub(crate) keep_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PrecisionName {
    F16,
    Int8,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Precision {
        match name {
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Int8 => Precision::Int8,
        }
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Report {
    rows: usize,
    users: usize,
    items: usize,
    /// Rows of the model as it was trained, private ones among them.
    features: usize,
    epochs: usize,
    /// From start to end, reading and tuning included.
    seconds: f64,
    /// Events that gradient descent went over in a second of its own time, all threads together.
    rows_per_s: f64,
    /// Of the run that held rows out, on the rows that it was trained on; of millions a part.
    train: Figures,
    /// Of the same run, on the rows that it held out.
    validation: Figures,
    /// Null if there were too few people to hold some out.
    tuning: Option<Tuning>,
    prior_users: usize,
    prior_scale: f32,
    calibration: [f32; 2],
    shared_rate: f32,
    bytes: usize,
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    let job = Job::new(args)?;
    let split = Split::new(&job.dataset.store, args.holdout, args.method.seed)?;
    let held_out = job.fit(Some(&split), job.epochs)?;
    let train = job.figures(&held_out.model, &split.sample(&job.dataset.store)?);
    let validation = job.figures(&held_out.model, &split.validation);
    let (mut settings, tuning) = job.tune(&held_out, &split, args.precision.into())?;
    if args.keep_users {
        settings.calibration = job.known_users_calibration(&held_out.model, &split.validation);
    }

    let fitted = job.fit(None, Epochs::Exactly(held_out.epochs))?;
    let counts = &job.dataset.store.summary().counts;
    let (metadata, prior_users) = job.metadata(&fitted, &settings, counts, fitted.epochs);
    let precision = args.precision.into();
    let bytes = encode(&metadata, &fitted.model, &job.dataset, precision)?;
    write_whole(&args.out, &bytes)?;

    let layout = job.dataset.problem.layout;
    let descent = held_out.time + fitted.time;
    let report = Report {
        rows: job.dataset.store.len(),
        users: layout.users,
        items: layout.items,
        features: layout.rows(),
        epochs: fitted.epochs,
        seconds: start.elapsed().as_secs_f64(),
        rows_per_s: (held_out.events + fitted.events) as f64 / descent.as_secs_f64().max(1e-9),
        train,
        validation,
        tuning,
        prior_users,
        prior_scale: settings.scale,
        calibration: [settings.calibration.a, settings.calibration.b],
        shared_rate: settings.rates.shared,
        bytes: bytes.len(),
        out: args.out.clone(),
    };
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Under another name until it is whole: what is broken off must not leave what looks like a seed.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    std::fs::write(&unfinished, bytes)
        .and_then(|()| std::fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn print(report: &Report) {
    let figure = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
    let Report { rows, users, items, features, epochs, seconds, rows_per_s, .. } = report;
    println!("{rows} rows of {users} users and {items} items, {features} features");
    println!("{epochs} epochs, {seconds:.1} s in all, {:.1} million rows a second", rows_per_s / 1e6);
    println!("{:<12} {:>9} {:>9} {:>9}", "", "log-loss", "AUC", "RMSE");
    for (name, f) in [("train", report.train), ("validation", report.validation)] {
        println!("{name:<12} {:>9} {:>9} {:>9}", figure(f.log_loss), figure(f.auc), figure(f.rmse));
    }
    match report.tuning {
        Some(tuning) => println!(
            "tuned on {} people held out: loss {}; prior of {} users x {}, shared rate {}, calibration {:.2} {:+.2}",
            tuning.users,
            figure(tuning.loss),
            report.prior_users,
            report.prior_scale,
            report.shared_rate,
            report.calibration[0],
            report.calibration[1]
        ),
        None => println!("too few people with {TUNE_EVENTS} events to tune on: default rates, prior and calibration"),
    }
    println!("{} bytes in {}", report.bytes, report.out.display());
}
