mod page;

use crate::files::{ensure_writable, write_whole};
use crate::holdout::{HoldOut, TUNE_EVENTS};
use crate::input::EventArgs;
use crate::job::{Figures, Job, Made};
use crate::method::MethodArgs;
use crate::names::named;
use crate::numbers::{finite, shown};
use crate::tune::Report as Tuning;
use anyhow::{Result, ensure};
use brooklet_core::{Base, Precision};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) recipe: Recipe,
    /// Where to write the seed.
    #[arg(long)]
    out: PathBuf,
    /// Keep users' rows in the file, for `brooklet eval`. Such a file must not be shipped.
    #[arg(long)]
    keep_users: bool,
    /// Also write an HTML report for people to this file.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

/// What a seed is made of, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Recipe {
    #[command(flatten)]
    pub(crate) events: EventArgs,
    /// CSV or TSV file of items, with the columns of --item-fields. Event logs tell them without one.
    #[arg(long)]
    pub(crate) items: Option<PathBuf>,
    /// Columns of --items that become features; a `|` inside a cell separates several values.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) item_fields: Vec<String>,
    /// CSV or TSV file of users, with the columns of --user-fields.
    #[arg(long)]
    pub(crate) users: Option<PathBuf>,
    /// Columns of --users that become features, which a page gives as the context. They are private: no delta has them. A
    /// category of fewer than 20 users is not in the seed.
    #[arg(long, value_delimiter = ',', value_name = "COLUMNS")]
    pub(crate) user_fields: Vec<String>,
    /// A label of at least this is a click.
    #[arg(long, value_name = "LABEL", value_parser = finite, allow_negative_numbers = true)]
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
    pub(crate) holdout: HoldOut,
    /// How factors are stored.
    #[arg(long, default_value = "f16", value_parser = named(Precision::ALL, Precision::as_str, told))]
    pub(crate) precision: Precision,
    /// Name of the model.
    #[arg(long, default_value = "model", value_name = "NAME")]
    pub(crate) model: String,
}

fn told(precision: Precision) -> &'static str {
    match precision {
        Precision::F16 => "Two bytes a number",
        Precision::Int8 => "One byte a number and four a row",
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
    ensure_writable(&args.out)?;
    args.report.as_deref().map(ensure_writable).transpose()?;
    let folder = args.out.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    if args.recipe.method.is_implicit()? {
        return implicit(args, folder, start);
    }
    let mut job = Job::new(&args.recipe, folder)?;
    (job.keep_users, job.tell) = (args.keep_users, args.report.is_some());
    let made = job.seed()?;
    write_whole(&args.out, &made.bytes)?;

    let layout = job.dataset.problem.layout;
    let Made { settings, epochs, train, validation, tuning, prior_users, bytes, curve, .. } = made;
    let report = Report {
        rows: job.dataset.store.len(),
        users: layout.users,
        items: layout.items,
        features: layout.rows(),
        epochs,
        seconds: start.elapsed().as_secs_f64(),
        rows_per_s: made.descended as f64 / made.descent.as_secs_f64().max(1e-9),
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
    if let Some(path) = &args.report {
        let base = Base::read(bytes)?;
        page::write(path, args, &report, &base, &curve, job.click_rate()?)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

/// Trains upon all pairs, and says what was chosen.
fn implicit(args: &Args, folder: &Path, start: Instant) -> Result<()> {
    ensure!(
        !args.keep_users && args.report.is_none(),
        "--keep-users and --report are not known to --method implicit: leave them out"
    );
    let (bytes, mut report) = crate::implicit::train(&args.recipe, folder)?;
    write_whole(&args.out, &bytes)?;
    report.seconds = start.elapsed().as_secs_f64();
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    println!(
        "{} rows of {} users and {} items, {:.1} s in all",
        report.rows, report.users, report.items, report.seconds
    );
    println!(
        "chosen on {} people held out: passed over {}, unshown {}, regularisation {}, noise {}, popularity counts half after {} clicks",
        report.held_out,
        report.passed.as_str(),
        report.unshown,
        report.regularisation,
        report.noise,
        report.half
    );
    let ndcg: Vec<String> = report.ndcg.iter().map(|x| format!("{x:.4}")).collect();
    println!("NDCG@100 of them after 0, 1, 3, 5, 10, 20 and all clicks known: {}", ndcg.join(" "));
    println!("{} bytes in {}", bytes.len(), args.out.display());
    Ok(())
}

fn print(report: &Report) {
    let Report { rows, users, items, features, epochs, seconds, rows_per_s, .. } = report;
    println!("{rows} rows of {users} users and {items} items, {features} features");
    println!("{epochs} epochs, {seconds:.1} s in all, {:.1} million rows a second", rows_per_s / 1e6);
    println!("{:<12} {:>9} {:>9} {:>9}", "", "log-loss", "AUC", "RMSE");
    for (name, f) in [("train", report.train), ("validation", report.validation)] {
        println!("{name:<12} {:>9} {:>9} {:>9}", shown(f.log_loss), shown(f.auc), shown(f.rmse));
    }
    match &report.tuning {
        Some(tuning) => println!(
            "tuned on {} people held out: loss {}; prior of {} users x {}, shared rate {}, calibration {:.2} {:+.2}",
            tuning.users,
            shown(tuning.loss),
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
