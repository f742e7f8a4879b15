//! Scores events of users whom a seed knows.

use crate::args::PeopleArgs;
use crate::term::{Bars, figure};
use anyhow::{Result, ensure};
use brooklet_train::evaluate::{Bin, Estimate, Known, Who, known_users};
use brooklet_train::input::InputFile;
use brooklet_train::seed;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  brooklet train train.csv --loss squared --keep-users --out known.safetensors
  brooklet eval known.safetensors test.csv";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The seed, trained with --keep-users.
    seed: PathBuf,
    /// Events of users whom the seed knows, in any format that `train` reads.
    events: PathBuf,
    #[command(flatten)]
    people: PeopleArgs,
    /// Score users whom the seed does not know as well, by their fields and the prior.
    #[arg(long)]
    new_users: bool,
    /// Print one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = seed::open(&args.seed)?;
    ensure!(
        base.metadata().private_rows,
        "{} holds no users, as a seed that is shipped must not: train one with --keep-users to evaluate it",
        args.seed.display()
    );
    let who = if args.new_users { Who::Everyone } else { Who::Known };
    let (sources, rule) = (args.people.sources(&base)?, args.people.rule(&base));
    let columns = args.people.columns(&sources);
    let known = known_users(&base, sources, &columns, &rule, &InputFile::once(&args.events), who, &Bars)?;
    if args.json {
        println!("{}", serde_json::to_string(&known)?);
    } else {
        print(&known);
    }
    Ok(())
}

fn print(report: &Known) {
    println!("{} rows of {} users scored, {} of unknown users skipped", report.rows, report.users, report.skipped);
    let figures = [("RMSE", &report.rmse), ("log-loss", &report.log_loss), ("AUC", &report.auc)];
    for (name, estimate) in figures.into_iter().chain([("AUC within a user", &report.within_user_auc)]) {
        let error = estimate.as_ref().and_then(Estimate::error).map_or(String::new(), |error| format!(" ± {error:.4}"));
        println!("{name:<18} {}{error}", figure(estimate));
    }
    println!("(± is the standard error over users)");
    let Some(error) = report.calibration.error else { return };
    println!();
    println!("calibration error {error:.4}; by tenths of the predicted probability:");
    println!("{:>10} {:>9} {:>9} {:>9}", "", "rows", "predicted", "clicked");
    for Bin { from, to, events, predicted, clicked } in &report.calibration.bins {
        println!("{:>10} {events:>9} {predicted:>9.3} {clicked:>9.3}", format!("{from:.1}-{to:.1}"));
    }
}
