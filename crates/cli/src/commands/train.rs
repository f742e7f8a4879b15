//! From events to a seed.

mod page;
mod report;

use crate::args::RecipeArgs;
use crate::files::{ensure_outputs, write_whole};
use crate::term::{Bars, kinds, shown};
use anyhow::Result;
use brooklet_core::Base;
use brooklet_train::TUNE_EVENTS;
use brooklet_train::training::{Implicit, Made, Passed, Recipe, Training};
use report::Report;
use std::path::{Path, PathBuf};
use std::time::Instant;

const EXAMPLES: &str = "\
Examples:
  brooklet train ratings.csv --positive 4 --out seed.safetensors
  brooklet train 'events/*.csv.gz' --user customer --item sku --label bought --time at --out seed.safetensors
  brooklet train views.csv --items items.csv --item-fields genres --method bayes --out seed.safetensors
  zcat clicks.csv.gz | brooklet train - --negatives 4 --out seed.safetensors";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    recipe: RecipeArgs,
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

pub(crate) fn run(args: &Args) -> Result<()> {
    let start = Instant::now();
    ensure_outputs(&[("--out", Some(&args.out)), ("--report", args.report.as_deref())], args.recipe.inputs()?)?;
    let folder = args.out.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let recipe = Recipe { keep_users: args.keep_users, report: args.report.is_some(), ..args.recipe.recipe()? };
    let training = Training::read(&recipe, &args.recipe.files(folder), &Bars)?;
    let made = training.seed()?;
    write_whole(&args.out, &made.bytes)?;

    let Made {
        method,
        rows,
        users,
        items,
        features,
        settings,
        epochs,
        train,
        validation,
        implicit,
        tuning,
        prior_users,
        bytes,
        curve,
        ..
    } = made;
    let base = Base::decode(bytes)?;
    let report = Report {
        method: method.as_str(),
        rows,
        users,
        items,
        features,
        epochs,
        seconds: start.elapsed().as_secs_f64(),
        rows_per_s: made.descended as f64 / made.descent.as_secs_f64().max(1e-9),
        train,
        validation,
        implicit,
        tuning,
        prior_users,
        prior_scale: settings.scale,
        calibration: [settings.calibration.a, settings.calibration.b],
        shared_rate: settings.rates.shared,
        bytes: base.bytes().len(),
        out: args.out.clone(),
    };
    if let Some(path) = &args.report {
        page::write(path, &args.recipe, &report, &base, &curve, training.click_rate()?)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report, &base);
    }
    Ok(())
}

fn print(report: &Report, base: &Base) {
    let Report { rows, users, items, features, epochs, seconds, rows_per_s, .. } = report;
    println!("{rows} rows of {users} users and {items} items, {features} features");
    println!("learnt by {} (--method takes another)", report.method);
    println!("fields: {}", kinds(&base.metadata().schema.kinds));
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
    if let Some(implicit) = &report.implicit {
        let Implicit { held_out, passed, skip, unshown, regularisation, noise, half, seconds, ndcg } = implicit;
        println!(
            "the whole catalogue, chosen on {held_out} people held out: passed over {}{}, unshown {unshown}, regularisation {regularisation}, \
             noise {noise}, popularity counts half after {half} clicks; learnt in {seconds:.1} s",
            passed.as_str(),
            if *passed == Passed::Skips { format!(" of weight {skip}") } else { String::new() }
        );
        let ndcg: Vec<String> = ndcg.iter().map(|x| format!("{x:.4}")).collect();
        println!("NDCG@100 of them after 0, 1, 3, 5, 10, 20 and all clicks known: {}", ndcg.join(" "));
    }
    println!("{} bytes in {}", report.bytes, report.out.display());
}
